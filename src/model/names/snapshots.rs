//! Snapshots of ours in images of others.

use std::fmt;

use crate::model::{ImageName, ParseError, SnapName};

const FIRST_BASE: &str = "snap";
const BASE_PREFIX: &str = "wb-base-";
const BEFORE_REVERT: &str = "wb-before-revert";
const BACKUP: &str = "one_backup";

/// The snapshot that clones of an image are made from, where none is named.
///
/// The first is `snap`, as OpenNebula's drivers call it. Once the image was written since it was taken, the next one is
/// `wb-base-1`, and so on: a name is not used again while others may still clone from what it meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BaseName {
    /// 0 for `snap`.
    pub number: u32,
}

impl BaseName {
    /// The one of an image that has none.
    pub const FIRST: Self = Self { number: 0 };

    /// As Ceph takes it.
    ///
    /// # Errors
    /// None: it is a name.
    pub fn snap(self) -> Result<SnapName, ParseError> {
        self.to_string().parse()
    }

    /// The one that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self {
            number: self.number.saturating_add(1),
        }
    }

    /// Of a snapshot, if it is one.
    pub fn of(snap: &SnapName) -> Option<Self> {
        let number = match snap.as_str() {
            FIRST_BASE => 0,
            word => word.strip_prefix(BASE_PREFIX)?.parse().ok()?,
        };
        // Only what would be made: no `+7`, no `007`.
        let name = Self { number };
        (name.to_string() == snap.as_str()).then_some(name)
    }
}

impl fmt::Display for BaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            0 => f.write_str(FIRST_BASE),
            number => write!(f, "{BASE_PREFIX}{number}"),
        }
    }
}

/// The snapshot that keeps what an image was while it is reverted to another one. An image that has it may be neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeforeRevert;

impl BeforeRevert {
    /// As Ceph takes it.
    ///
    /// # Errors
    /// None: it is a name.
    pub fn snap(self) -> Result<SnapName, ParseError> {
        self.to_string().parse()
    }

    /// Whether a snapshot is it.
    pub fn is(self, snap: &SnapName) -> bool {
        snap.as_str() == BEFORE_REVERT
    }
}

impl fmt::Display for BeforeRevert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(BEFORE_REVERT)
    }
}

/// The snapshot that a backup of OpenNebula is made from: `one_backup`, or `one_backup_N` of increment N.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupSnap {
    /// Absent of a full backup.
    pub increment: Option<u32>,
}

impl BackupSnap {
    /// As Ceph takes it.
    ///
    /// # Errors
    /// None: it is a name.
    pub fn snap(self) -> Result<SnapName, ParseError> {
        self.to_string().parse()
    }

    /// Whether a snapshot is one of these.
    pub fn is(snap: &SnapName) -> bool {
        match snap.as_str().strip_prefix(BACKUP) {
            Some("") => true,
            Some(rest) => rest.strip_prefix('_').is_some_and(|number| {
                !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit())
            }),
            None => false,
        }
    }
}

impl fmt::Display for BackupSnap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.increment {
            None => f.write_str(BACKUP),
            Some(number) => write!(f, "{BACKUP}_{number}"),
        }
    }
}

/// A snapshot that one copy of an image is made from, named for that copy, and gone with it at the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopySnap {
    /// `wb-clone-COPY`, for a clone of what an image holds now.
    Clone,
    /// `wb-save-COPY`, for a disk that is saved as an image.
    Save,
}

impl CopySnap {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Clone, Self::Save];

    /// The snapshot for a copy.
    ///
    /// # Errors
    /// Only for a copy's name that is too long for one more word.
    pub fn of(self, copy: &ImageName) -> Result<SnapName, ParseError> {
        format!("{}{copy}", self.prefix()).parse()
    }

    /// Whether a snapshot is one of these, for whatever copy.
    pub fn is(snap: &SnapName) -> bool {
        let word = snap.as_str();
        Self::ALL.iter().any(|kind| word.starts_with(kind.prefix()))
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Clone => "wb-clone-",
            Self::Save => "wb-save-",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_read_back_and_others_are_none() {
        let mut base = BaseName::FIRST;
        for name in ["snap", "wb-base-1", "wb-base-2"] {
            assert_eq!(base.to_string(), name);
            assert_eq!(BaseName::of(&name.parse().unwrap()), Some(base));
            base = base.next();
        }
        for other in [
            "snap-1",
            "snaps",
            "wb-base-",
            "wb-base-0",
            "wb-base-01",
            "wb-base-+1",
            "1",
        ] {
            assert_eq!(BaseName::of(&other.parse().unwrap()), None, "{other}");
        }
    }

    #[test]
    fn every_copy_has_its_own() {
        let copy = "one-77".parse().unwrap();
        let names = CopySnap::ALL.map(|snap| snap.of(&copy).unwrap().to_string());
        assert_eq!(names, ["wb-clone-one-77", "wb-save-one-77"]);
        assert!(BeforeRevert.is(&BeforeRevert.snap().unwrap()));
        let is = |name: &str| CopySnap::is(&name.parse().unwrap());
        assert!(is("wb-save-one-77") && is("wb-clone-one-77-3-0") && !is("0") && !is("wb-base-1"));
    }

    #[test]
    fn backups_read_back_and_others_are_none() {
        for increment in [None, Some(0), Some(12)] {
            assert!(BackupSnap::is(&BackupSnap { increment }.snap().unwrap()));
        }
        for other in [
            "one_backups",
            "one_backup_",
            "one_backup_x",
            "my_one_backup",
            "0",
        ] {
            assert!(!BackupSnap::is(&other.parse().unwrap()), "{other}");
        }
    }
}
