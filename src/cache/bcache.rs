//! The driver `bcache`: the kernel's block cache, seeded by reading through it.
//!
//! What the kernel does that shapes this file (cache-drivers facts, 3.2, and drivers/md/bcache):
//!
//! - bcache wants its superblock on the backing device. It lies on a volume of the slice here, the prefix, which dm-linear
//!   puts in front of the RBD ([`Role::Origin`]); the data begin where the prefix ends. So the image's bytes and size are
//!   the guest's alone. The data's offset is the prefix's whole size: udev may have the kernel take up the prefix alone at
//!   boot, and a device whose data begin at its end is refused, whereas any room behind the superblock would be taken for
//!   the disk, and dirty data written back into it.
//! - make-bcache refuses whatever blkid knows, and a guest's partition table is at the image's end as well: the superblock
//!   is written to the prefix, before the RBD is behind it.
//! - Registering, attaching, detaching and stopping happen some time after they were asked for, and udev registers as well:
//!   each is awaited, by the UUID of the set, which is derived from the disk's key, and by the device that bears the
//!   superblock.
//! - A set whose SSD fails is given up, and its backing device detached, with dirty data too, and these cannot be reached
//!   any more then. So in write-back the kernel may count errors for ever ([`tune`]), and a backing device that does not
//!   belong to its set is never attached again, which would drop them for good.
//! - After a crash a write-through cache may serve data that are older than the RBD's (its journal may lag 100 ms), so a
//!   set is formatted anew before each use, unless a lease says that it holds dirty data.
//! - `clean` in the superblock comes after a scan of the whole index. It stays so only in a mode other than write-back, and
//!   once all writes have ended that began before the mode was changed: see [`drained`](super::drained).

mod assemble;
mod look;
mod set;
mod tune;
mod volumes;

pub(super) use set::Set;

use std::borrow::Cow;
use std::time::Duration;

use self::look::{attached, backing, bearer, dirty, judge, look};
use super::drain::wait_for_clean;
use super::{
    Cache, Capabilities, Cleanliness, Device, Driver, Needs, Neighbour, Part, Running, SeedAbility,
    Seen, Site,
};
use crate::host::Host;
use crate::model::{Bytes, CacheMode, Change, DiskKey, DriverName, Role};
use crate::seed::SeedPlan;
use crate::tools::bcache::{Backing, Bcache as Tool};
use crate::{Error, Kind, Result, config};

/// See the module.
#[derive(Debug)]
pub(super) struct Bcache(pub(super) Set);

impl Driver for Bcache {
    fn name(&self) -> DriverName {
        config::fixed(self.0.driver())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            modes: Capabilities::every_mode(),
            seed: SeedAbility::Reading,
            reads: true,
            live: true,
        }
    }

    fn needs(&self) -> Needs {
        Needs::of(
            &[
                "dmsetup",
                "lvs",
                "lvcreate",
                "lvremove",
                "make-bcache",
                "wipefs",
                "tee",
                "grep",
                "blkdiscard",
            ],
            &["dm-mod", "bcache"],
        )
    }

    fn guarantee(&self, mode: CacheMode) -> Cow<'static, str> {
        Cow::Borrowed(self.0.guarantee(mode))
    }

    fn layout(&self, wanted: Bytes, block: Bytes) -> Vec<Part> {
        volumes::layout(self.0, wanted, block)
    }

    fn shares(&self) -> bool {
        self.0 == Set::Host
    }

    fn format_shared(&self, host: &Host, volume: &Device, others: &[Neighbour]) -> Result<()> {
        set::format(host, volume, others)
    }

    fn close_shared(&self, host: &Host) -> Result<()> {
        set::close(host)
    }

    fn room(&self, data: Bytes) -> Bytes {
        volumes::room(data)
    }

    fn gulp(&self, data: Bytes) -> Option<Bytes> {
        Some(volumes::gulp(data))
    }

    fn anchor(&self) -> Role {
        Role::Origin
    }

    fn read(&self, host: &Host, key: &DiskKey, seen: &Seen) -> Cache {
        let Some(bearer) = seen.named(&key.dm(Role::Origin)) else {
            return Cache::Absent;
        };
        match seen.bcache(host) {
            Ok(look) => judge(&self.0.uuid(key), bearer.info.num, look),
            Err(why) => Cache::Broken { why: why.into() },
        }
    }

    /// Who acts upon it is told that the kernel does not answer, instead of a cache that does not work.
    fn probe(&self, host: &Host, key: &DiskKey) -> Result<Cache> {
        let Some(num) = bearer(host, key)? else {
            return Ok(Cache::Absent);
        };
        Ok(judge(&self.0.uuid(key), num, &look(host, num)?))
    }

    fn format(&self, site: &Site<'_>, _plan: Option<&SeedPlan>) -> Result<()> {
        self.release(site.host, site.key)?;
        self.wipe(site)?;
        assemble::format(site, self.0)
    }

    fn open(&self, site: &Site<'_>, running: Running) -> Result<Change> {
        let backing = assemble::open(site, self.0)?;
        tune::tune(site, self.0, &backing, running)?;
        Ok(Change::Made)
    }

    fn switch(&self, site: &Site<'_>, running: Running) -> Result<()> {
        tune::tune(site, self.0, &self.attached(site)?, running)
    }

    fn drain(&self, site: &Site<'_>, deadline: Duration) -> Result<Bytes> {
        let before = self.attached(site)?;
        let whole = dirty(&before);
        tune::tune(site, self.0, &before, Running::Draining)?;
        wait_for_clean(site, whole, deadline, || {
            self.attached(site).map(|backing| dirty(&backing))
        })?;
        Ok(whole)
    }

    fn cleanliness(&self, host: &Host, key: &DiskKey) -> Result<Cleanliness> {
        let seen = self.probe(host, key)?;
        Ok(Cleanliness::of(seen, |running, _| match running {
            Running::Serving(CacheMode::Writeback) => Cleanliness::for_the_moment(),
            _ => Cleanliness::clean(
                "bcache: its state is clean after a scan of its index, and it takes no dirty data",
            ),
        }))
    }

    fn close(&self, host: &Host, key: &DiskKey) -> Result<Change> {
        assemble::close(host, key, self.0)
    }

    /// Nothing to take away where the kernel serves the cache, or where its set was given up beneath a running disk.
    fn release(&self, host: &Host, key: &DiskKey) -> Result<()> {
        match self.probe(host, key)? {
            Cache::Absent => assemble::close(host, key, self.0).map(drop),
            _ => Ok(()),
        }
    }

    fn wipe(&self, site: &Site<'_>) -> Result<()> {
        assemble::wipe(site, self.0)
    }

    fn top(&self, site: &Site<'_>) -> Result<Device> {
        let backing = match bearer(site.host, site.key)? {
            Some(num) => backing(site.host, num)?,
            None => None,
        };
        let served = backing.and_then(|backing| backing.device).ok_or_else(|| {
            let message = format!("disk {} has no bcache device", site.key);
            Error::new(Kind::Internal, message)
        })?;
        Ok(Device {
            path: served.path,
            number: served.num,
            size: site.origin.size,
        })
    }
}

impl Bcache {
    fn attached(&self, site: &Site<'_>) -> Result<Backing> {
        attached(site.host, site.key, &self.0.uuid(site.key))
    }
}

fn tool(host: &Host) -> Tool<'_> {
    Tool::new(&host.exec, &host.roots)
}
