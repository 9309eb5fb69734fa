//! Cache drivers: what joins a disk's slice and its RBD into one device.
//!
//! A driver knows devices and its own tables, never leases, VMs or OpenNebula. It is told what to become and says what
//! it is; the disk layer (`crate::disk`) decides when. Three rules hold for all of them (cache-drivers facts, 9.3):
//! the origin's bytes are changed by guest writes only; nothing is called clean without evidence; and a cache that is
//! not in the kernel is worth nothing unless the lease says that it holds dirty data.
//!
//! How a cache is filled without a race: the driver opens [`Running::Filling`], and the guest may run meanwhile. A driver
//! of [`SeedAbility::Mapping`] then sends every read to the origin and drops a block that the guest writes, so whatever is
//! still mapped at the end equals the origin; one of [`SeedAbility::Reading`] takes in everything that is read through it,
//! and is coherent all the time. Then [`Driver::settle`] makes it serve.

mod bcache;
mod dm_cache;
mod dm_writecache;
mod drain;
pub mod external;
mod flashcache;
mod list;
mod local;
mod none;
mod registry;

pub use list::{DriverInfo, DriverList, lacks};
pub use registry::{Drivers, Listed};

use std::borrow::Cow;
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::host::Host;
use crate::model::{Bytes, CacheMode, Change, DiskKey, DriverName, Role, Sectors};
use crate::seed::{CacheBlock, OriginBlock, SeedPlan};
use crate::sys::{Block, DevNum};
use crate::tools::dmsetup;
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

/// A part of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What for.
    pub role: Role,
    /// How large.
    pub size: Bytes,
}

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
    /// A device that does not: its SSD fails, or it is not what we made.
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

/// What a driver can do, for people who choose one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Capabilities {
    /// The modes it can run in.
    pub modes: Vec<CacheMode>,
    /// Whether it can be seeded, and how well the seed is proven.
    pub seed: SeedAbility,
    /// Whether what is read comes from the SSD later; a driver for writes only has nothing to fill.
    pub reads: bool,
    /// Whether [`Driver::switch`] changes the mode in use; else the cache is taken out of the path and put in again.
    pub live: bool,
}

/// What a driver needs of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The tools that it calls.
    pub tools: Vec<String>,
    /// The kernel modules that it works with.
    pub modules: Vec<String>,
}

impl Needs {
    /// Of tools and modules by name.
    pub fn of(tools: &[&str], modules: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            tools: owned(tools),
            modules: owned(modules),
        }
    }
}

/// How a driver is seeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeedAbility {
    /// Not at all.
    Never,
    /// Nothing less than the whole image, holes zeroed, exactly as with [`SeedAbility::Mapping`].
    Whole,
    /// Block by block, exactly: the mapping is written first, then the blocks are copied beneath the cache.
    Mapping,
    /// What is read through it while it is [`Running::Filling`] stays; a pass that reads nothing from Ceph is the proof.
    Reading,
}

/// One way to cache. All calls may be repeated.
pub trait Driver: Debug + Sync {
    /// Its name in configuration, records and leases.
    fn name(&self) -> DriverName;

    /// Whether it puts anything in the path at all.
    fn caches(&self) -> bool {
        true
    }

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Whether its slice holds the whole image, and Ceph is left alone until it is written back. The image is given a snapshot
    /// meanwhile, to go back to if the SSD is lost.
    fn whole(&self) -> bool {
        self.capabilities().seed == SeedAbility::Whole
    }

    /// What it needs of the host, so that a host that lacks it is told before anything is done.
    fn needs(&self) -> Needs;

    /// What is lost in a mode when the SSD dies, and when the host dies, in words.
    fn guarantee(&self, mode: CacheMode) -> Cow<'static, str>;

    /// The parts of a slice that caches `wanted` bytes in blocks of `block`; none if it needs no SSD.
    fn layout(&self, wanted: Bytes, block: Bytes) -> Vec<Part>;

    /// How much of an image a data volume of a size can hold at once: what a seed may fill of it.
    fn room(&self, data: Bytes) -> Bytes {
        data
    }

    /// How far into an image a seed may reach, where a block's place in the cache follows from its place in the image: nearer
    /// than that no two share a place. For a data volume of a size.
    fn reach(&self, _data: Bytes) -> Option<Bytes> {
        None
    }

    /// How much may be on its way into a cache that is being filled at once, where there is such a limit: what comes faster
    /// is not taken in. For a data volume of a size.
    fn gulp(&self, _data: Bytes) -> Option<Bytes> {
        None
    }

    /// The device-mapper device by which the cache is found: the cache itself, or what it stands on.
    fn anchor(&self) -> Role {
        Role::Cache
    }

    /// What is in the kernel, as read from a list of our devices, and from sysfs where the driver is not device-mapper's;
    /// so a thousand disks cost one list.
    fn read(&self, host: &Host, key: &DiskKey, seen: &[dmsetup::Device]) -> Cache;

    /// What is in the kernel of one disk.
    fn probe(&self, host: &Host, key: &DiskKey) -> Result<Cache> {
        let seen = host.dm().device(&key.dm(self.anchor()))?;
        Ok(self.read(host, key, seen.as_slice()))
    }

    /// Makes the slice's metadata such that the next open maps exactly the plan's blocks, or none. Destroys what the
    /// slice held before.
    fn format(&self, site: &Site<'_>, plan: Option<&SeedPlan>) -> Result<()>;

    /// Puts the cache into the kernel with the metadata as they are.
    fn open(&self, site: &Site<'_>, running: Running) -> Result<Change>;

    /// Changes what a cache in the kernel is doing, under load. Not for leaving write-back: see [`Driver::drain`].
    fn switch(&self, site: &Site<'_>, running: Running) -> Result<()>;

    /// Makes a cache serve that was [`Running::Filling`], and says what came of the filling.
    fn settle(&self, site: &Site<'_>, mode: CacheMode) -> Result<Filled>;

    /// What the slice of a cache that is not in the kernel maps, as its metadata tell; only of a driver that holds the whole
    /// image, whose write-back after a power cut goes by comparing.
    fn mapped(&self, site: &Site<'_>) -> Result<Vec<(CacheBlock, OriginBlock)>> {
        let message = format!(
            "driver {} does not tell what disk {} maps",
            self.name(),
            site.key
        );
        Err(Error::new(Kind::Internal, message))
    }

    /// Stops taking dirty blocks, writes back those that there are, and waits until none is left; leaves it
    /// [`Running::Draining`]. Gives what was dirty when it began.
    ///
    /// Errors: [`Kind::Timeout`] when the deadline passes, with what is left; the cache then goes on draining.
    fn drain(&self, site: &Site<'_>, deadline: Duration) -> Result<Bytes>;

    /// Whether the origin has everything.
    fn cleanliness(&self, host: &Host, key: &DiskKey) -> Result<Cleanliness>;

    /// Takes the cache out of the kernel. Nothing may use it; whether it is clean is the caller's to know.
    fn close(&self, host: &Host, key: &DiskKey) -> Result<Change>;

    /// Makes the kernel let go of a slice whose cache is [`Cache::Absent`]: an interrupted open left something, or udev took
    /// the slice up by itself at boot. Writes nothing to the origin. Called before the slice or the map is taken away.
    fn release(&self, host: &Host, key: &DiskKey) -> Result<()> {
        let _nothing = (host, key);
        Ok(())
    }

    /// Makes the slice unusable as a cache, so that nobody ever opens it warm.
    fn wipe(&self, site: &Site<'_>) -> Result<()>;

    /// The device above which the front stands.
    fn top(&self, site: &Site<'_>) -> Result<Device>;
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

/// The driver of a name, on a host.
///
/// Errors: [`Kind::Usage`], listing those there are; for one from outside, that it may not be run or does not answer.
pub fn driver<'h>(host: &'h Host, name: &DriverName) -> Result<&'h dyn Driver> {
    host.drivers.get(name)
}
