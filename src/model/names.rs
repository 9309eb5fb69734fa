//! The only maker and reader of the names of what is ours: device-mapper devices, logical volumes, snapshots.
//!
//! Grammar: `wb-FSID8-POOLID-IMAGEID[-ROLE]`. The image's id, not its name, so that odd characters and renames do no
//! harm; the first eight digits of the fsid tell two clusters apart. The human name stands in the record and the LV's
//! tags. Device-mapper devices also carry a UUID, `WARMBLOCK-1-ROLE-KEY`, whose `1` is the version of this grammar.
//!
//! The volume that the disks of a host have in common, where their driver shares one cache, is `wb-shared`.
//!
//! A snapshot that a disk goes back to if its dirty data are lost is `wb-local-GENERATION`, by the lease's generation; those
//! that images are cloned from, and that keep what an image was, are in `snapshots`.
//!
//! Length: 3 + 8 + 1 + 20 + 1 + 64 + 7 = 104 bytes at most, under device-mapper's 127 (`DM_NAME_LEN`) and, with a
//! volume group's 64 bytes doubled hyphens included only in the kernel's name, checked again by LVM itself.

mod beside;
mod snapshots;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{DiskKey, ParseError, SnapName};

pub use beside::Beside;
pub use snapshots::{BackupSnap, BaseName, BeforeRevert, CopySnap};

const PREFIX: &str = "wb-";
const SHARED: &str = "wb-shared";
const WAY_BACK_PREFIX: &str = "wb-local-";
const UUID_PREFIX: &str = "WARMBLOCK-1-";

/// What a device or volume of ours is for.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The device that the VM opens; its name carries no role.
    Front,
    /// The device that joins slice and RBD.
    Cache,
    /// The slice's part that holds cached blocks.
    Data,
    /// The slice's part that holds the cache's metadata.
    Meta,
    /// What a cache stands on where it does not stand on the RBD itself: the RBD behind a piece of the slice.
    Origin,
}

impl Role {
    /// Every role, in the order of the stack from the top.
    pub const ALL: [Self; 5] = [
        Self::Front,
        Self::Cache,
        Self::Origin,
        Self::Data,
        Self::Meta,
    ];

    /// The role as it stands in names and tags.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Front => "front",
            Self::Cache => "cache",
            Self::Data => "data",
            Self::Meta => "meta",
            Self::Origin => "origin",
        }
    }
}

impl FromStr for Role {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == word);
        found.ok_or_else(|| ParseError::new("role", word, "is not one of ours"))
    }
}

/// A name of the form `wb-KEY[-ROLE]`, where the front has no role.
fn split_role(word: &str) -> Result<(DiskKey, Role), ParseError> {
    let Some(rest) = word.strip_prefix(PREFIX) else {
        return Err(ParseError::new(
            "device name",
            word,
            "is not one of ours (wb-…)",
        ));
    };
    match rest
        .rsplit_once('-')
        .map(|(key, role)| (key, role.parse::<Role>()))
    {
        Some((key, Ok(role))) if role != Role::Front => Ok((key.parse()?, role)),
        _ => Ok((rest.parse()?, Role::Front)),
    }
}

macro_rules! role_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            /// Which disk.
            pub key: DiskKey,
            /// What for.
            pub role: Role,
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.role {
                    Role::Front => write!(f, "{PREFIX}{}", self.key),
                    role => write!(f, "{PREFIX}{}-{}", self.key, role.as_str()),
                }
            }
        }

        impl FromStr for $name {
            type Err = ParseError;
            fn from_str(word: &str) -> Result<Self, ParseError> {
                let (key, role) = split_role(word)?;
                Ok(Self { key, role })
            }
        }
    };
}
role_name!(
    /// A device-mapper device of ours.
    DmName
);
role_name!(
    /// A logical volume of ours (its name inside the volume group).
    LvName
);

impl DmName {
    /// The device's UUID: what proves that a device of this name is ours.
    pub fn uuid(&self) -> String {
        format!("{UUID_PREFIX}{}-{}", self.role.as_str(), self.key)
    }
}

/// The logical volume that holds the cache of all disks of a host whose driver shares one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedName;

impl fmt::Display for SharedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHARED)
    }
}

impl FromStr for SharedName {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        match word {
            SHARED => Ok(Self),
            _ => Err(ParseError::new("volume name", word, "is not wb-shared")),
        }
    }
}

/// The snapshot of an image that holds what it was before a cache took all its writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WayBackName {
    /// The lease's generation under which it was taken.
    pub generation: u64,
}

impl WayBackName {
    /// As Ceph takes it.
    pub fn snap(self) -> Result<SnapName, ParseError> {
        self.to_string().parse()
    }

    /// Of a snapshot, if it is ours.
    pub fn of(snap: &SnapName) -> Option<Self> {
        let number = snap.as_str().strip_prefix(WAY_BACK_PREFIX)?;
        let generation = number.parse().ok()?;
        // Only what would be made: no `+7`, no `007`.
        let name = Self { generation };
        (name.to_string() == snap.as_str()).then_some(name)
    }
}

impl fmt::Display for WayBackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{WAY_BACK_PREFIX}{}", self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PoolId;

    #[test]
    fn a_way_back_is_known_by_its_name_only_if_it_is_ours() {
        let name = WayBackName { generation: 17 };
        assert_eq!(WayBackName::of(&name.snap().unwrap()), Some(name));
        for other in [
            "wb-local-",
            "wb-local-x",
            "wb-local-+7",
            "wb-local-07",
            "local-7",
            "wb-local-7-a",
        ] {
            assert_eq!(WayBackName::of(&other.parse().unwrap()), None, "{other}");
        }
    }

    fn key() -> DiskKey {
        let fsid = "801945f3-c685-4fbf-a968-66d179c4e25c".parse().unwrap();
        DiskKey::new(&fsid, PoolId(3), &"ab12cd34ef56".parse().unwrap()).unwrap()
    }

    #[test]
    fn every_name_reads_back() {
        for role in Role::ALL {
            let name = key().dm(role);
            assert_eq!(name.to_string().parse(), Ok(name.clone()));
            assert!(name.to_string().len() < 128 && name.uuid().len() < 129);
        }
        assert_eq!(
            key().dm(Role::Front).to_string(),
            "wb-801945f3-3-ab12cd34ef56"
        );
        assert_eq!(
            key().lv(Role::Meta).to_string(),
            "wb-801945f3-3-ab12cd34ef56-meta"
        );
        assert_eq!(
            key().dm(Role::Cache).uuid(),
            "WARMBLOCK-1-cache-801945f3-3-ab12cd34ef56"
        );
    }

    #[test]
    fn foreign_names_are_not_ours() {
        for foreign in [
            "wb-",
            "wb-x",
            SHARED,
            "ssd-wb--1",
            "wb-801945f3-3-ab-nope",
            "wb-801945F3-3-ab",
            "wb-801945f3--ab",
        ] {
            assert!(foreign.parse::<DmName>().is_err(), "{foreign:?} was taken");
        }
    }
}
