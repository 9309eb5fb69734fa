//! What the drivers that are dm-cache have not in common.

use super::DmCache;
use super::table::enough;
use crate::cache::SeedAbility;
use crate::model::{CacheMode, Sectors};

/// What a driver makes of dm-cache.
#[derive(Debug)]
pub(in crate::cache) struct Manner {
    /// The driver's name.
    pub(in crate::cache) name: &'static str,
    /// Its modes.
    pub(in crate::cache) modes: &'static [CacheMode],
    /// How it is filled.
    pub(in crate::cache) seed: SeedAbility,
    /// How much may be migrated at once while it serves; nothing is written back before it is drained if that is zero.
    pub(in crate::cache) threshold: fn(block: Sectors) -> Sectors,
    /// What is lost with SSD and host, where Ceph has everything; and in write-back.
    pub(in crate::cache) guarantees: [&'static str; 2],
}

/// A part of the image, brought in by a seed and by use.
pub(in crate::cache) static CACHE: DmCache = DmCache(&Manner {
    name: "dm-cache",
    modes: &[CacheMode::Writethrough, CacheMode::Writeback],
    seed: SeedAbility::Mapping,
    threshold: enough,
    guarantees: [
        "Ceph has every acknowledged write: SSD and host can be lost at any time; a failing SSD gives I/O errors until \
         `warmblock bypass`",
        "writes are acknowledged when this host's SSD has them: what was not flushed is lost with the SSD, and out of \
         reach while the host is down",
    ],
});
