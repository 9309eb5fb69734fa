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
//!   once all writes have ended that began before the mode was changed: see [`tune::barrier`].

mod assemble;
mod tune;

use std::borrow::Cow;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::drain::{cannot_tell, wait_for_clean};
use super::{
    Cache, Capabilities, Cleanliness, Device, Driver, Filled, Needs, Part, Running, SeedAbility,
    Site, Stats,
};
use crate::host::Host;
use crate::model::{Bytes, CacheMode, Change, DiskKey, DriverName, Role};
use crate::seed::SeedPlan;
use crate::sys::DevNum;
use crate::tools::bcache::{Backing, Bcache as Tool, LEAST_BUCKETS, State};
use crate::tools::dmsetup;
use crate::{Error, Kind, Result, config};

/// What a set needs beside the data: index, journal, free buckets.
const OVERHEAD: Bytes = Bytes::mib(16);
/// And of each six bytes one: nothing is admitted above 95 % (`CUTOFF_CACHE_ADD`), and buckets are partly filled.
const PARTS: u64 = 6;
/// The prefix; LVM rounds it up to an extent.
const PREFIX: Bytes = Bytes::mib(1);
/// The largest bucket: bcache's own default.
const LARGEST_BUCKET: Bytes = Bytes::kib(512);
/// The smallest: a page.
const SMALLEST_BUCKET: Bytes = Bytes::kib(4);

/// See the module.
#[derive(Debug)]
pub(super) struct Bcache;

impl Driver for Bcache {
    fn name(&self) -> DriverName {
        config::fixed("bcache")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            modes: vec![
                CacheMode::Writethrough,
                CacheMode::Writearound,
                CacheMode::Writeback,
            ],
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
                "blkdiscard",
            ],
            &["dm-mod", "bcache"],
        )
    }

    fn guarantee(&self, mode: CacheMode) -> Cow<'static, str> {
        Cow::Borrowed(if mode.can_be_dirty() {
            "writes are acknowledged when this host's SSD has them: what was not flushed is lost with the SSD, and out of \
             reach while the host is down"
        } else {
            "Ceph has every acknowledged write: SSD and host can be lost at any time; a failing SSD is given up by the \
             kernel, and the disk goes on from Ceph"
        })
    }

    fn layout(&self, wanted: Bytes, block: Bytes) -> Vec<Part> {
        let data = wanted.0.saturating_add(wanted.0 / (PARTS - 1));
        let part = |role, size| Part { role, size };
        vec![
            part(
                Role::Data,
                Bytes(data.saturating_add(OVERHEAD.0)).round_up(block),
            ),
            part(Role::Meta, PREFIX),
        ]
    }

    fn room(&self, data: Bytes) -> Bytes {
        Bytes(data.saturating_sub(OVERHEAD).0 / PARTS * (PARTS - 1))
    }

    /// A miss takes only buckets that are free already, and the kernel keeps a thousandth of them free (`cache_alloc`).
    fn gulp(&self, data: Bytes) -> Option<Bytes> {
        Some(Bytes(data.0 / (2 * LEAST_BUCKETS)))
    }

    fn anchor(&self) -> Role {
        Role::Origin
    }

    fn read(&self, host: &Host, key: &DiskKey, seen: &[dmsetup::Device]) -> Cache {
        let name = key.dm(Role::Origin);
        let bearer = seen.iter().find(|device| device.info.name == name);
        match bearer.and_then(|device| tool(host).backing(device.info.num)) {
            Some(backing) => judge(host, key, &backing),
            None => Cache::Absent,
        }
    }

    fn format(&self, site: &Site<'_>, _plan: Option<&SeedPlan>) -> Result<()> {
        self.release(site.host, site.key)?;
        self.wipe(site)?;
        assemble::format(site)
    }

    fn open(&self, site: &Site<'_>, running: Running) -> Result<Change> {
        let backing = assemble::open(site)?;
        tune::tune(site, &backing, running)?;
        Ok(Change::Made)
    }

    fn switch(&self, site: &Site<'_>, running: Running) -> Result<()> {
        tune::tune(site, &attached(site.host, site.key)?, running)
    }

    /// How much of the set is filled is known to a hundredth only; the proof is a pass of reading.
    fn settle(&self, site: &Site<'_>, mode: CacheMode) -> Result<Filled> {
        self.switch(site, Running::Serving(mode))?;
        let filling = tool(site.host).filling(&set(site.key)).unwrap_or_default();
        Ok(Filled {
            resident: filling.resident.0 / site.block.0,
            dropped: 0,
        })
    }

    fn drain(&self, site: &Site<'_>, deadline: Duration) -> Result<Bytes> {
        let before = attached(site.host, site.key)?;
        let whole = dirty(&before);
        tune::tune(site, &before, Running::Draining)?;
        tune::barrier(site)?;
        wait_for_clean(site, whole, deadline, || {
            attached(site.host, site.key).map(|backing| dirty(&backing))
        })?;
        Ok(whole)
    }

    fn cleanliness(&self, host: &Host, key: &DiskKey) -> Result<Cleanliness> {
        let unknown = |why: &str| Cleanliness::Unknown { why: why.into() };
        let (running, left) = match self.probe(host, key)? {
            Cache::Absent => return Ok(unknown("the cache is not in the kernel")),
            Cache::Broken { why } => return Ok(Cleanliness::Unknown { why }),
            Cache::Up { running, stats, .. } => (running, stats.dirty),
        };
        Ok(match running {
            _ if left > Bytes(0) => Cleanliness::Dirty(left),
            Running::Serving(CacheMode::Writeback) => {
                unknown("nothing is dirty at the moment, and the next write may be")
            }
            _ => Cleanliness::Clean {
                evidence: "bcache: its state is clean after a scan of its index, and it takes no dirty data"
                    .into(),
            },
        })
    }

    fn close(&self, host: &Host, key: &DiskKey) -> Result<Change> {
        assemble::close(host, key)
    }

    /// Nothing to take away where the kernel serves the cache, or where its set was given up beneath a running disk.
    fn release(&self, host: &Host, key: &DiskKey) -> Result<()> {
        match self.probe(host, key)? {
            Cache::Absent => assemble::close(host, key).map(drop),
            _ => Ok(()),
        }
    }

    fn wipe(&self, site: &Site<'_>) -> Result<()> {
        assemble::wipe(site)
    }

    fn top(&self, site: &Site<'_>) -> Result<Device> {
        let served = bearer(site.host, site.key)?
            .and_then(|num| tool(site.host).backing(num)?.device)
            .ok_or_else(|| {
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

fn tool(host: &Host) -> Tool<'_> {
    Tool::new(&host.exec, &host.roots)
}

/// The UUID of a disk's cache set: of the disk's key, and so found without a record (RFC 9562, version 8: our own making).
fn set(key: &DiskKey) -> String {
    let digest = Sha256::digest(format!("warmblock-1-bcache-{key}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

/// The bucket size for a data volume: twice as many buckets as bcache needs, unless they would become larger than usual.
fn bucket(data: Bytes) -> Bytes {
    let wanted = (data.0 / (2 * LEAST_BUCKETS)).max(1);
    Bytes(1 << wanted.ilog2()).clamp(SMALLEST_BUCKET, LARGEST_BUCKET)
}

/// The device that bears the superblock and the RBD behind it.
fn bearer(host: &Host, key: &DiskKey) -> Result<Option<DevNum>> {
    let info = host.dm().info(&key.dm(Role::Origin))?;
    Ok(info.map(|info| info.num))
}

/// The backing device, which must work.
fn attached(host: &Host, key: &DiskKey) -> Result<Backing> {
    let gone = || cannot_tell(format!("the cache of disk {key} is not in the kernel"));
    let num = bearer(host, key)?.ok_or_else(gone)?;
    let backing = tool(host).backing(num).ok_or_else(gone)?;
    match broken(key, &backing) {
        Some(why) => Err(cannot_tell(why)),
        None => Ok(backing),
    }
}

/// Why a backing device that runs does not work as a cache.
fn broken(key: &DiskKey, backing: &Backing) -> Option<String> {
    if backing.failed {
        return Some(
            "bcache failed, and the kernel has stopped it: its SSD, with dirty data".into(),
        );
    }
    match &backing.set {
        Some(attached) if *attached == set(key) => None,
        Some(other) => Some(format!(
            "bcache is attached to set {other}, which is not this disk's"
        )),
        None => Some(
            "bcache has no cache: the kernel gave its SSD up, or its making was interrupted".into(),
        ),
    }
}

/// What the kernel has. A backing device that waits for its set serves nobody, so there is no cache.
fn judge(host: &Host, key: &DiskKey, backing: &Backing) -> Cache {
    let served = match &backing.device {
        Some(served) => served,
        None if backing.failed => {
            let why = broken(key, backing).unwrap_or_default();
            return Cache::Broken { why };
        }
        None => return Cache::Absent,
    };
    if let Some(why) = broken(key, backing) {
        return Cache::Broken { why };
    }
    let filling = tool(host).filling(&set(key)).unwrap_or_default();
    let counters = tool(host).counters(backing);
    Cache::Up {
        running: tune::running(backing),
        stats: Stats {
            capacity: filling.capacity,
            resident: filling.resident,
            dirty: dirty(backing),
            read_hits: counters.hits,
            read_misses: counters.misses,
            ..Stats::default()
        },
        size: served.size,
        stuck: false,
        num: served.num,
    }
}

/// What is dirty: the state is exact, the figure is rounded and may lag.
fn dirty(backing: &Backing) -> Bytes {
    match backing.state {
        State::Clean | State::NoCache => Bytes(0),
        State::Dirty | State::Inconsistent => backing.dirty.max(Bytes(512)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fsid, PoolId};

    fn key(image: &str) -> DiskKey {
        let fsid: Fsid = "801945f3-c685-4fbf-a968-66d179c4e25c".parse().unwrap();
        DiskKey::new(&fsid, PoolId(3), &image.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_set_is_named_by_its_disk() {
        let uuid = set(&key("ab12"));
        assert_eq!(uuid, set(&key("ab12")));
        assert_ne!(uuid, set(&key("ab13")));
        let lens: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(lens, [8, 4, 4, 4, 12]);
        assert_eq!(&uuid[14..15], "8");
    }

    #[test]
    fn a_slice_holds_what_was_asked_for_and_has_buckets_enough() {
        for wanted in [
            Bytes::mib(4),
            Bytes::mib(64),
            Bytes::gib(8),
            Bytes::gib(900),
        ] {
            let parts = Bcache.layout(wanted, Bytes::kib(256));
            let data = parts[0].size;
            assert!(Bcache.room(data).0 + 8 >= wanted.0, "{wanted}: {data}");
            let bucket = bucket(data);
            assert!(bucket.0.is_power_of_two());
            assert!(data.0 / bucket.0 >= LEAST_BUCKETS, "{wanted}: {bucket}");
        }
        assert_eq!(bucket(Bytes::gib(8)), LARGEST_BUCKET);
    }
}
