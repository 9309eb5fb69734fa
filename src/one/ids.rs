//! OpenNebula's numbers, each its own type.

use std::fmt;
use std::str::FromStr;

use crate::model::{Bytes, ParseError};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl FromStr for $name {
            type Err = ParseError;
            fn from_str(word: &str) -> Result<Self, ParseError> {
                digits(word).map(Self).ok_or_else(|| ParseError::new($what, word, "is not a number"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// Digits only: `u32`'s own parser takes a plus sign as well.
fn digits(word: &str) -> Option<u32> {
    word.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| word.parse().ok())?
}

number!(
    /// A virtual machine.
    VmId,
    "VM id"
);
number!(
    /// A datastore, of images or of the system.
    DatastoreId,
    "datastore id"
);
number!(
    /// A disk of a VM.
    DiskId,
    "disk id"
);
number!(
    /// A host, as OpenNebula counts them.
    HostId,
    "host id"
);
number!(
    /// An image as OpenNebula counts it; Ceph's own id of an image is something else.
    ImageNumber,
    "image id"
);
number!(
    /// A snapshot of a disk or an image, as OpenNebula counts them.
    SnapshotId,
    "snapshot id"
);

impl SnapshotId {
    /// Reads an id for which `-1` stands for the current state, or for the newest.
    pub fn or_current(word: &str) -> Result<Option<Self>, ParseError> {
        if word == "-1" {
            return Ok(None);
        }
        word.parse().map(Some)
    }
}

/// A size as OpenNebula gives it: in MB, which are MiB (contract, 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Megabytes(pub u64);

impl Megabytes {
    /// As bytes; what cannot be counted in bytes is as large as can be.
    pub const fn bytes(self) -> Bytes {
        Bytes(self.0.saturating_mul(1 << 20))
    }

    /// So many bytes, rounded up, as answers to oned are.
    pub const fn of(bytes: Bytes) -> Self {
        Self(bytes.0.div_ceil(1 << 20))
    }
}

impl FromStr for Megabytes {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let wrong = |why| ParseError::new("size in MB", word, why);
        if !word.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong("is not a number"));
        }
        let size = word.parse().map_err(|_| wrong("is not a number"))?;
        // Ceph's largest image is far below this, and its bytes can still be counted.
        if size > 1 << 40 {
            return Err(wrong("is larger than any image"));
        }
        Ok(Self(size))
    }
}

impl fmt::Display for Megabytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_numbers() {
        assert_eq!("12".parse::<VmId>().unwrap(), VmId(12));
        for bad in ["", "-1", "+1", "1 ", "0x1", "4294967296", "one"] {
            assert!(bad.parse::<VmId>().is_err(), "{bad:?}");
        }
        assert_eq!(SnapshotId::or_current("-1").unwrap(), None);
        assert_eq!(SnapshotId::or_current("3").unwrap(), Some(SnapshotId(3)));
        assert!(SnapshotId::or_current("-2").is_err());
    }

    #[test]
    fn a_megabyte_is_a_mebibyte() {
        assert_eq!(
            "20480".parse::<Megabytes>().unwrap().bytes(),
            Bytes::gib(20)
        );
        assert_eq!(Megabytes::of(Bytes(1)), Megabytes(1));
        for bad in ["", "-1", "1.5", "18446744073709551615"] {
            assert!(bad.parse::<Megabytes>().is_err(), "{bad:?}");
        }
    }
}
