//! The first block of the metadata, as the kernel left it (drivers/md/dm-cache-metadata.c, `struct cache_disk_superblock`):
//! little-endian; flags at byte 4, magic at 32, format at 40.

use std::os::unix::fs::FileExt;
use std::path::Path;

use super::Format;
use crate::error::{Error, Kind, Result};
use crate::sys::direct::{self, ALIGN, AlignedBuf};

const MAGIC: u64 = 0o6_142_003;
const CLEAN_SHUTDOWN: u32 = 1;
const NEEDS_CHECK: u32 = 2;

/// What matters before a cache is opened again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superblock {
    /// The kernel closed it in order. Otherwise the next open takes every block for dirty, in every mode.
    pub clean_shutdown: bool,
    /// The kernel wants it checked offline first.
    pub needs_check: bool,
    /// Its format.
    pub format: Format,
}

/// Reads the first block of a metadata device, past the page cache; `None` when there is no dm-cache on it. The checksum is not
/// looked at: the kernel and cache_check do that.
pub fn read_superblock(device: &Path) -> Result<Option<Superblock>> {
    let mut block = AlignedBuf::zeroed(ALIGN);
    let file = direct::open_read(device)?;
    file.read_exact_at(&mut block, 0).map_err(|error| {
        Error::new(Kind::Failed, format!("cannot read {}", device.display())).because(error)
    })?;
    Ok(parse(&block))
}

pub(super) fn parse(block: &[u8]) -> Option<Superblock> {
    let u32_at = |at: usize| Some(u32::from_le_bytes(block.get(at..at + 4)?.try_into().ok()?));
    let magic = u64::from_le_bytes(block.get(32..40)?.try_into().ok()?);
    let format = match u32_at(40)? {
        1 => Format::V1,
        2 => Format::V2,
        _ => return None,
    };
    let flags = u32_at(4)?;
    (magic == MAGIC).then_some(Superblock {
        clean_shutdown: flags & CLEAN_SHUTDOWN != 0,
        needs_check: flags & NEEDS_CHECK != 0,
        format,
    })
}
