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

mod ability;
mod bcache;
mod dm;
mod dm_cache;
mod dm_writecache;
mod drain;
pub mod external;
mod flashcache;
mod list;
mod local;
mod none;
mod registry;
mod seen;
mod site;
mod state;

pub(crate) use drain::drained;

pub use ability::{Capabilities, Needs, SeedAbility};
pub use list::{DriverInfo, DriverList, Guarantee, lacks};
#[cfg(test)]
pub(crate) use registry::built_in_names;
pub use registry::{Drivers, Listed};
pub use seen::{Seen, same};
pub use site::{Device, Neighbour, Part, Site};
pub use state::{Cache, Cleanliness, Filled, Running, Stats};

use std::borrow::Cow;
use std::fmt::Debug;
use std::time::Duration;

use crate::host::Host;
use crate::model::{Bytes, CacheMode, Change, DiskKey, DriverName, Role};
use crate::seed::{CacheBlock, OriginBlock, SeedPlan};
use crate::{Error, Kind, Result};

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

    /// Whether it can tell what is in the kernel only once its modules are there, since a tool of its own tells it.
    fn asks_its_modules(&self) -> bool {
        false
    }

    /// What is lost in a mode when the SSD dies, and when the host dies, in words.
    fn guarantee(&self, mode: CacheMode) -> Cow<'static, str>;

    /// The parts of a slice that caches `wanted` bytes in blocks of `block`; none if it needs no SSD.
    fn layout(&self, wanted: Bytes, block: Bytes) -> Vec<Part>;

    /// What it takes of the host's memory while a data volume of a size is in the kernel, where that is worth telling.
    fn memory(&self, _data: Bytes) -> Bytes {
        Bytes(0)
    }

    /// Whether all disks of a host are cached in one volume: the data volume of each slice is the same then, and not in
    /// [`Driver::layout`]. A disk is opened cold in it all the same, by what its own volumes say.
    fn shares(&self) -> bool {
        false
    }

    /// Makes the shared volume an empty cache, if no other disk is in it, or if it is none and holds nothing that any of the
    /// others lacks. Nobody else works on it meanwhile.
    ///
    /// Errors: [`Kind::Dirty`] if it cannot be recognised and one of the others may have dirty data in it.
    fn format_shared(&self, host: &Host, volume: &Device, others: &[Neighbour]) -> Result<()> {
        let _nothing = (host, volume, others);
        Ok(())
    }

    /// Makes the kernel let go of the shared volume.
    ///
    /// Errors: [`Kind::Busy`] if a disk is cached in it.
    fn close_shared(&self, host: &Host) -> Result<()> {
        let _nothing = host;
        Ok(())
    }

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

    /// What is in the kernel, of what was seen of all disks; so a thousand of them cost one look.
    fn read(&self, host: &Host, key: &DiskKey, seen: &Seen) -> Cache;

    /// What is in the kernel of one disk.
    fn probe(&self, host: &Host, key: &DiskKey) -> Result<Cache> {
        let seen = host.dm().device(&key.dm(self.anchor()))?;
        Ok(self.read(host, key, &Seen::new(seen)))
    }

    /// The same, with an error where it is the driver that cannot be asked, and not a cache that does not work: the cache may be well
    /// then, and nothing is done to it.
    fn asked(&self, host: &Host, key: &DiskKey) -> Result<Cache> {
        self.probe(host, key)
    }

    /// Makes the slice's metadata such that the next open maps exactly the plan's blocks, or none. Destroys what the
    /// slice held before.
    fn format(&self, site: &Site<'_>, plan: Option<&SeedPlan>) -> Result<()>;

    /// Puts the cache into the kernel with the metadata as they are.
    fn open(&self, site: &Site<'_>, running: Running) -> Result<Change>;

    /// Changes what a cache in the kernel is doing, under load. Not for leaving write-back: see [`Driver::drain`].
    fn switch(&self, site: &Site<'_>, running: Running) -> Result<()>;

    /// Makes a cache serve that was [`Running::Filling`], and says what came of the filling, where it can count that.
    fn settle(&self, site: &Site<'_>, mode: CacheMode) -> Result<Filled> {
        self.switch(site, Running::Serving(mode))?;
        Ok(Filled::UNCOUNTED)
    }

    /// Whether [`Driver::settle`] counts what a seed by reading brought in, so that the counters are its proof.
    fn counts(&self) -> bool {
        false
    }

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

    /// Whether [`Driver::drain`] holds the cache's I/O back for a moment, and so waits for every write that began before. Of
    /// the others, such a write may become dirty after they were found clean: see [`drained`].
    fn suspends(&self) -> bool {
        false
    }

    /// Stops taking dirty blocks, writes back those that there are, and waits until none is left; leaves it
    /// [`Running::Draining`]. Gives what was dirty when it began. Called by [`drained`] alone.
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

/// The driver of a name, on a host.
///
/// Errors: [`Kind::Usage`], listing those there are; for one from outside, that it may not be run or does not answer.
pub fn driver<'h>(host: &'h Host, name: &DriverName) -> Result<&'h dyn Driver> {
    host.drivers.get(name)
}
