//! The driver `dm-writecache`: writes are acknowledged by the SSD and go to Ceph later; reads are not cached.
//!
//! What the kernel does that shapes this file (cache-drivers facts, 3.4): a first sector of zeroes makes it format the
//! slice, and anything else that it knows is replayed over the origin without a question, so the slice is wiped when it is
//! closed and opened again only when a lease says that it holds dirty data; every block that it holds is one that the
//! origin may lack; with `cleaner` a write to a block that it does not hold goes to the origin, so it comes to an end under
//! load, and stays clean then. A cleaner also flushes when it is suspended, which happens at each exchange of its table.
//!
//! Blocks of 512 bytes, since a larger block would be the disk's logical block size and a guest's smaller I/O would fail.
//! The kernel keeps some 80 bytes of memory for each: 160 MiB per GiB of slice.

use std::borrow::Cow;
use std::time::Duration;

use super::drain::{cannot_tell, wait_for_clean};
use super::{
    Cache, Capabilities, Cleanliness, Device, Driver, Needs, Part, Running, SeedAbility, Seen,
    Site, Stats, dm,
};
use crate::host::Host;
use crate::model::{Bytes, CacheMode, Change, DiskKey, DriverName, Role};
use crate::seed::SeedPlan;
use crate::tools::blk;
use crate::tools::dmsetup::{Access, Status, Table, Target, WritecacheStatus, WritecacheTarget};
use crate::{Context, Error, Kind, Result, config};

/// The block size.
const BLOCK: Bytes = Bytes(512);
/// What the kernel keeps in memory for each.
const MEMORY_OF_A_BLOCK: u64 = 80;
/// The start of the slice which, when zero, makes the kernel format it.
const SUPERBLOCK: Bytes = Bytes::kib(4);

/// See the module.
#[derive(Debug)]
pub(super) struct DmWritecache;

impl Driver for DmWritecache {
    fn name(&self) -> DriverName {
        config::fixed("dm-writecache")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            modes: vec![CacheMode::Writeback],
            seed: SeedAbility::Never,
            reads: false,
            live: true,
        }
    }

    fn needs(&self) -> Needs {
        Needs::of(
            &["dmsetup", "lvs", "lvcreate", "lvremove", "blkdiscard"],
            &["dm-mod", "dm-writecache"],
        )
    }

    fn guarantee(&self, _mode: CacheMode) -> Cow<'static, str> {
        Cow::Borrowed(
            "writes are acknowledged when this host's SSD has them: what was not written back is lost with the SSD, and \
             out of reach while the host is down; reads come from Ceph",
        )
    }

    /// 16 bytes of metadata for each block, and a little for their head.
    fn layout(&self, wanted: Bytes, block: Bytes) -> Vec<Part> {
        let metadata = wanted.0.div_ceil(BLOCK.0).saturating_mul(16);
        let size = Bytes(wanted.0.saturating_add(metadata)).round_up(block);
        vec![Part {
            role: Role::Data,
            size: Bytes(size.0.saturating_add(Bytes::mib(1).0)),
        }]
    }

    fn memory(&self, data: Bytes) -> Bytes {
        Bytes(data.0 / BLOCK.0 * MEMORY_OF_A_BLOCK)
    }

    fn read(&self, _host: &Host, key: &DiskKey, seen: &Seen) -> Cache {
        let device = match dm::live(key, seen) {
            Ok(device) => device,
            Err(other) => return other,
        };
        let name = &device.info.name;
        let Some(target) = device.table.as_writecache() else {
            return Cache::Broken {
                why: format!("{name} is no dm-writecache: {}", device.table),
            };
        };
        let status = match device.status.first() {
            Some(Status::Writecache(status)) => status,
            other => {
                let why = format!("{name} has no status of a dm-writecache: {other:?}");
                return Cache::Broken { why };
            }
        };
        if status.error != 0 {
            let why = format!(
                "the kernel gave {name} up with error {}, of the image or of its SSD",
                status.error
            );
            return Cache::Broken { why };
        }
        Cache::Up {
            running: if target.cleaner {
                Running::Draining
            } else {
                Running::Serving(CacheMode::Writeback)
            },
            stats: stats(status, target.block),
            size: device.table.len(),
            stuck: device.info.suspended,
            num: device.info.num,
        }
    }

    fn format(&self, site: &Site<'_>, _plan: Option<&SeedPlan>) -> Result<()> {
        self.wipe(site)
    }

    fn open(&self, site: &Site<'_>, running: Running) -> Result<Change> {
        dm::create(site, &table(site, running)?)
    }

    fn switch(&self, site: &Site<'_>, running: Running) -> Result<()> {
        let name = site.key.dm(Role::Cache);
        let deadline = site.host.config.deadline.flush;
        site.host
            .dm()
            .replace(&name, &table(site, running)?, Access::ReadWrite, deadline)
            .context(|| format!("cannot switch the cache device {name}"))
    }

    fn suspends(&self) -> bool {
        true
    }

    fn drain(&self, site: &Site<'_>, deadline: Duration) -> Result<Bytes> {
        let (was, whole) = dirty(self, site)?;
        if was != Running::Draining {
            let switched = self.switch(site, Running::Draining);
            switched.map_err(|error| not_drained(site.key, error))?;
        }
        wait_for_clean(site, whole, deadline, || {
            dirty(self, site).map(|(_, left)| left)
        })?;
        Ok(whole)
    }

    fn cleanliness(&self, host: &Host, key: &DiskKey) -> Result<Cleanliness> {
        let seen = self.probe(host, key)?;
        Ok(Cleanliness::of(seen, |running, _| match running {
            Running::Draining => Cleanliness::clean(
                "dmsetup status: every block is free, and the cleaner takes no new ones",
            ),
            _ => Cleanliness::for_the_moment(),
        }))
    }

    fn close(&self, host: &Host, key: &DiskKey) -> Result<Change> {
        dm::remove(host, key)
    }

    fn wipe(&self, site: &Site<'_>) -> Result<()> {
        let data = site.part(Role::Data)?;
        blk::zero_head(&site.host.exec, &data.path, SUPERBLOCK)
    }

    fn top(&self, site: &Site<'_>) -> Result<Device> {
        dm::top(site)
    }
}

/// The kernel's table for what the cache shall do.
fn table(site: &Site<'_>, running: Running) -> Result<Table> {
    let cleaner = match running {
        Running::Serving(CacheMode::Writeback) => false,
        Running::Draining => true,
        Running::Serving(_) | Running::Filling => {
            let message = format!("dm-writecache cannot be {running:?}");
            return Err(Error::new(Kind::Usage, message).remedy(
                "its only mode is writeback; `warmblock bypass` takes it out of the path",
            ));
        }
    };
    let target = WritecacheTarget {
        origin: site.origin.number.into(),
        ssd: site.part(Role::Data)?.number.into(),
        block: BLOCK,
        cleaner,
    };
    Ok(Table::one(site.origin.size, Target::Writecache(target)))
}

/// Why a cache does not begin to write back. The kernel reads the slice to exchange its table, and where that fails, nothing can be
/// written back. But it also waits for the I/O under way, and that ends when Ceph answers: nothing is wrong with the SSD then.
fn not_drained(key: &DiskKey, error: Error) -> Error {
    let message = format!("disk {key} cannot be drained");
    match error.kind() {
        Kind::Timeout => Error::new(Kind::Timeout, message).because(error).remedy(
            "nothing is lost: it serves as before, and what is dirty stays on the SSD; see whether Ceph answers (`ceph -s`) and \
             whether the SSD does (`dmesg`), then run the same command again, or raise [deadline] flush",
        ),
        Kind::Cancelled => error,
        _ => cannot_tell(message).because(error),
    }
}

/// What a cache that must work is doing, and what of it is dirty; what is on its way to the origin counts.
fn dirty(driver: &DmWritecache, site: &Site<'_>) -> Result<(Running, Bytes)> {
    match driver.probe(site.host, site.key)? {
        Cache::Up { running, stats, .. } => Ok((running, stats.dirty)),
        Cache::Absent => Err(cannot_tell(format!(
            "the cache of disk {} is not in the kernel",
            site.key
        ))),
        Cache::Broken { why } => Err(cannot_tell(why)),
    }
}

fn stats(status: &WritecacheStatus, block: Bytes) -> Stats {
    let bytes = |blocks: u64| Bytes(blocks.saturating_mul(block.0));
    let dirty = bytes(status.dirty().max(status.writeback));
    Stats {
        capacity: bytes(status.blocks),
        resident: dirty,
        dirty,
        read_hits: status.read_hits,
        read_misses: status.reads.saturating_sub(status.read_hits),
        write_hits: status.write_hits,
        write_misses: status.writes.saturating_sub(status.write_hits),
        ..Stats::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_memory_is_known() {
        assert_eq!(DmWritecache.memory(Bytes::gib(1)), Bytes::mib(160));
    }

    #[test]
    fn only_what_the_ssd_refuses_is_a_matter_of_giving_up() {
        let key: DiskKey = "801945f3-3-ab".parse().unwrap();
        let of = |kind| not_drained(&key, Error::new(kind, "the exchange of the table"));
        let remedy = |error: &Error| error.remedy_text().unwrap_or_default().to_owned();
        let late = of(Kind::Timeout);
        assert_eq!(late.kind(), Kind::Timeout);
        assert!(
            remedy(&late).contains("nothing is lost") && !remedy(&late).contains("--discard-dirty"),
            "{}",
            remedy(&late)
        );
        assert!(late.chain().contains("the exchange"), "{}", late.chain());
        assert_eq!(of(Kind::Cancelled).kind(), Kind::Cancelled);
        let refused = of(Kind::Failed);
        assert_eq!(refused.kind(), Kind::Dirty);
        assert!(remedy(&refused).contains("see whether Ceph"));
    }
}
