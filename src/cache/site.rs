//! What a driver is given to work with: one disk's devices.

use std::path::PathBuf;

use crate::host::Host;
use crate::model::{Bytes, CacheMode, DiskKey, Role, Sectors};
use crate::sys::{Block, DevNum};
use crate::{Error, Kind, Result};

/// What a driver works on: one disk's devices.
#[derive(Debug)]
pub struct Site<'a> {
    /// The machine.
    pub host: &'a Host,
    /// The disk.
    pub key: &'a DiskKey,
    /// The RBD device, and so the size of everything above it.
    pub origin: Device,
    /// The slice's volumes, in the order of the driver's layout; empty for a driver without a slice.
    pub parts: Vec<(Role, Device)>,
    /// The cache block.
    pub block: Bytes,
    /// The mode that it is to serve in at last.
    pub mode: CacheMode,
}

/// A block device that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// A path that opens it.
    pub path: PathBuf,
    /// Its number, as device-mapper tables are read back.
    pub number: DevNum,
    /// Its size.
    pub size: Sectors,
}

impl From<(PathBuf, Block)> for Device {
    fn from((path, block): (PathBuf, Block)) -> Self {
        Self {
            path,
            number: block.num,
            size: block.size,
        }
    }
}

/// Another disk of a host whose slice is in the volume that all disks of a driver share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its image, or what is known of it.
    pub name: String,
    /// The volume that is its own, where it can be opened.
    pub own: Option<PathBuf>,
    /// Whether it is wanted in a mode in which its cache may be dirty, or nobody knows.
    pub writes_back: bool,
}

/// A part of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What for.
    pub role: Role,
    /// How large.
    pub size: Bytes,
}

impl Site<'_> {
    /// The part of the slice for a role.
    pub fn part(&self, role: Role) -> Result<&Device> {
        let found = self.parts.iter().find(|(have, _)| *have == role);
        found.map(|(_, device)| device).ok_or_else(|| {
            Error::new(
                Kind::Internal,
                format!("disk {} has no {} volume", self.key, role.as_str()),
            )
        })
    }
}
