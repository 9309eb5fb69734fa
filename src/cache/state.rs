//! What a cache is and does, as its driver sees it.

use serde::Serialize;

use crate::model::{Bytes, CacheMode, Sectors};
use crate::sys::DevNum;

/// What a cache is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Running {
    /// Blocks are mapped and being copied in; reads go to the origin.
    Filling,
    /// It serves in a mode.
    Serving(CacheMode),
    /// It writes dirty blocks back and takes no new ones.
    Draining,
}

/// What is in the kernel of a disk's cache.
#[derive(Debug, Clone, PartialEq)]
pub enum Cache {
    /// No device.
    Absent,
    /// A device that works.
    Up {
        /// What it is doing.
        running: Running,
        /// Its counters.
        stats: Stats,
        /// Its size, which a grown image outgrows.
        size: Sectors,
        /// Whether I/O to it is held back, as an interrupted exchange of its table leaves it.
        stuck: bool,
        /// The device that the front leads to while the cache is in the path.
        num: DevNum,
    },
    /// A device that does not: its SSD or the image failed, or it is not what we made.
    Broken {
        /// What is wrong, in words.
        why: String,
    },
}

/// A cache's counters; bytes throughout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Stats {
    /// What the cache can hold.
    pub capacity: Bytes,
    /// What it holds.
    pub resident: Bytes,
    /// What it holds that the origin lacks.
    pub dirty: Bytes,
    /// Reads served from the SSD, since the device was made.
    pub read_hits: u64,
    /// Reads that went to Ceph.
    pub read_misses: u64,
    /// Writes to blocks that are cached.
    pub write_hits: u64,
    /// Writes to blocks that are not.
    pub write_misses: u64,
    /// Blocks brought in because they were used.
    pub promotions: u64,
    /// Blocks thrown out to make room.
    pub demotions: u64,
    /// Errors of the SSD since the device was made, where the kernel counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors_ssd: Option<u64>,
    /// Errors of the image, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors_origin: Option<u64>,
}

/// What a cache held when its filling had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// Blocks that it held.
    pub resident: u64,
    /// Blocks that the guest wrote while they were filled, and which it therefore dropped.
    pub dropped: u64,
    /// Whether `resident` is counted by the driver, block for block, with none thrown out and none refused for lack of room.
    pub counted: bool,
}

impl Filled {
    /// Of a cache that cannot count what it holds.
    pub(super) const UNCOUNTED: Self = Self {
        resident: 0,
        dropped: 0,
        counted: false,
    };
}

/// Whether an image has everything that was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cleanliness {
    /// It has, and this shows it.
    Clean {
        /// The evidence, in words.
        evidence: String,
    },
    /// It lacks so much.
    Dirty(Bytes),
    /// Nobody can tell; counts as dirty.
    Unknown {
        /// Why.
        why: String,
    },
}

impl Cleanliness {
    /// Of a cache as it was seen: what is not there or not well is unknown, what counts something dirty is dirty, and of the rest
    /// the driver tells by what it knows that it is clean.
    pub(super) fn of(seen: Cache, of_clean: impl FnOnce(Running, &Stats) -> Self) -> Self {
        match seen {
            Cache::Absent => Self::unknown("the cache is not in the kernel"),
            Cache::Broken { why } => Self::Unknown { why },
            Cache::Up { stats, .. } if stats.dirty > Bytes(0) => Self::Dirty(stats.dirty),
            Cache::Up { running, stats, .. } => of_clean(running, &stats),
        }
    }

    /// Clean, and what shows it.
    pub(super) fn clean(evidence: impl Into<String>) -> Self {
        Self::Clean {
            evidence: evidence.into(),
        }
    }

    /// Nobody can tell, and why.
    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown { why: why.into() }
    }

    /// Of a cache with nothing dirty that takes dirty data all the time.
    pub(super) fn for_the_moment() -> Self {
        Self::unknown("nothing is dirty at the moment, and the next write may be")
    }
}
