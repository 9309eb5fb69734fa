//! What images are called: the names of the stock ceph driver (contract, 6.1), so that its images can be taken over and
//! `rbd ls` says what belongs to which VM.

use super::{DiskId, ImageNumber, SnapshotId, VmId};
use crate::model::{ImageName, ParseError, PoolName, SnapName};

/// The pool of a datastore that names none, as the stock driver has it.
pub const DEFAULT_POOL: &str = "one";

/// The pool of a datastore that names this one, or none.
///
/// # Errors
/// None: the default is a name.
pub fn pool_of(named: Option<&PoolName>) -> Result<PoolName, ParseError> {
    named.map_or_else(|| DEFAULT_POOL.parse(), |pool| Ok(pool.clone()))
}

/// An image's name, as this driver gives names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// `one-42`: an image of OpenNebula's.
    Image(ImageNumber),
    /// `one-42-12-0`: the disk of a VM that is a clone of an image.
    Clone(ImageNumber, VmId, DiskId),
    /// `one-sys-12-1`: a volatile disk.
    Volatile(VmId, DiskId),
    /// `one-sys-12-checkpoint`: the memory of a VM that is suspended.
    Checkpoint(VmId),
}

impl Name {
    /// As Ceph has it.
    ///
    /// # Errors
    /// None for a name of ours: digits and hyphens are a name.
    pub fn image(self) -> Result<ImageName, ParseError> {
        match self {
            Self::Image(image) => format!("one-{image}"),
            Self::Clone(image, vm, disk) => format!("one-{image}-{vm}-{disk}"),
            Self::Volatile(vm, disk) => format!("one-sys-{vm}-{disk}"),
            Self::Checkpoint(vm) => format!("one-sys-{vm}-checkpoint"),
        }
        .parse()
    }

    /// Which of ours a name is: all of it, never a part (`one-5` is no `one-50`). `None` for a name of somebody else's.
    pub fn of(image: &ImageName) -> Option<Self> {
        let parts: Vec<&str> = image.as_str().split('-').collect();
        match parts.as_slice() {
            ["one", image] => Some(Self::Image(image.parse().ok()?)),
            ["one", "sys", vm, "checkpoint"] => Some(Self::Checkpoint(vm.parse().ok()?)),
            ["one", "sys", vm, disk] => Some(Self::Volatile(vm.parse().ok()?, disk.parse().ok()?)),
            ["one", image, vm, disk] => Some(Self::Clone(
                image.parse().ok()?,
                vm.parse().ok()?,
                disk.parse().ok()?,
            )),
            _ => None,
        }
    }
}

/// The snapshot of a disk or image: its number.
///
/// # Errors
/// None: digits are a name.
pub fn snapshot(id: SnapshotId) -> Result<SnapName, ParseError> {
    id.to_string().parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for (name, text) in [
            (Name::Image(ImageNumber(42)), "one-42"),
            (
                Name::Clone(ImageNumber(42), VmId(12), DiskId(0)),
                "one-42-12-0",
            ),
            (Name::Volatile(VmId(12), DiskId(1)), "one-sys-12-1"),
            (Name::Checkpoint(VmId(12)), "one-sys-12-checkpoint"),
        ] {
            let image = name.image().unwrap();
            assert_eq!(image.as_str(), text);
            assert_eq!(Name::of(&image), Some(name));
        }
    }

    #[test]
    fn other_names_are_nobodys() {
        for text in [
            "one-",
            "one-x",
            "one-42-12",
            "one-42-12-0-1",
            "my-42",
            "one-42.flatten",
            "one-+5",
            "one-sys-12",
        ] {
            assert_eq!(Name::of(&text.parse().unwrap()), None, "{text}");
        }
    }
}
