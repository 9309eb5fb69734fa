//! The driver `dm-cache`: the kernel's own cache target with the smq policy, seeded exactly through its metadata.
//!
//! What the kernel does that shapes this file (cache-drivers facts, 3.3): metadata that were not closed in order make
//! every block dirty, in write-through too, so metadata are opened only right after [`Driver::format`] or when a lease
//! says that they hold dirty data; `dmsetup remove` is no flush; only the `cleaner` policy is; and its promise counts
//! from the moment its table is resumed.

mod manner;
mod table;

use std::borrow::Cow;
use std::time::{Duration, Instant};

pub(super) use manner::{CACHE, Manner};

use super::drain::{cannot_tell, still_dirty};
use super::{
    Cache, Capabilities, Cleanliness, Device, Driver, Filled, Needs, Part, Running, Seen, Site, dm,
};
use crate::host::Host;
use crate::model::{Bytes, CacheMode, Change, DiskKey, DriverName, Role};
use crate::seed::{CacheBlock, OriginBlock, SeedPlan};
use crate::tools::blk;
use crate::tools::dmsetup::Access;
use crate::tools::thin::{self, Format, Geometry, Health, Mapping};
use crate::{Context, Error, Kind, Result, config};

/// The bytes at the start of the metadata which, when zero, make the kernel format them (`__superblock_all_zeroes`).
const SUPERBLOCK: Bytes = Bytes::kib(4);

/// See the module.
#[derive(Debug)]
pub(super) struct DmCache(pub(super) &'static Manner);

impl Driver for DmCache {
    fn name(&self) -> DriverName {
        config::fixed(self.0.name)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            modes: self.0.modes.to_vec(),
            seed: self.0.seed,
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
                "cache_restore",
                "cache_check",
                "blkdiscard",
            ],
            &["dm-mod", "dm-cache", "dm-cache-smq"],
        )
    }

    fn guarantee(&self, mode: CacheMode) -> Cow<'static, str> {
        Cow::Borrowed(self.0.guarantees[usize::from(mode.can_be_dirty())])
    }

    fn layout(&self, wanted: Bytes, block: Bytes) -> Vec<Part> {
        let data = wanted.round_up(block);
        let meta = Geometry {
            block: block.sectors(),
            blocks: data.0 / block.0,
        }
        .metadata_size();
        vec![
            Part {
                role: Role::Data,
                size: data,
            },
            Part {
                role: Role::Meta,
                size: meta,
            },
        ]
    }

    fn read(&self, _host: &Host, key: &DiskKey, seen: &Seen) -> Cache {
        let device = match dm::live(key, seen) {
            Ok(device) => device,
            Err(other) => return other,
        };
        let Some(target) = device.table.as_cache() else {
            let why = format!("{} is no dm-cache: {}", device.info.name, device.table);
            return Cache::Broken { why };
        };
        match table::figures(device) {
            Ok(status) => Cache::Up {
                running: table::running(target),
                stats: table::stats(status),
                size: device.table.len(),
                stuck: device.info.suspended,
                num: device.info.num,
            },
            Err(why) => Cache::Broken { why },
        }
    }

    fn format(&self, site: &Site<'_>, plan: Option<&SeedPlan>) -> Result<()> {
        self.wipe(site)?;
        let Some(plan) = plan.filter(|plan| plan.asked > plan.left_out) else {
            return Ok(());
        };
        let (data, meta) = (site.part(Role::Data)?, site.part(Role::Meta)?);
        let geometry = Geometry {
            block: site.block.sectors(),
            blocks: data.size.bytes().0 / site.block.0,
        };
        let mappings = plan.residents().map(|(cache, origin)| Mapping {
            cache_block: cache.0,
            origin_block: origin.0,
            dirty: false,
        });
        thin::restore(&site.host.exec, &meta.path, geometry, mappings, Format::V2).context(
            || {
                format!(
                    "cannot write the cache's mapping to {}",
                    meta.path.display()
                )
            },
        )?;
        match thin::check(&site.host.exec, &meta.path)? {
            Health::Sound => Ok(()),
            Health::Damaged(why) => {
                let message = format!(
                    "the cache's new metadata on {} are not sound: {why}",
                    meta.path.display()
                );
                Err(Error::new(Kind::Failed, message)
                    .remedy("look at the SSD: what was written is not what is read back"))
            }
        }
    }

    fn open(&self, site: &Site<'_>, running: Running) -> Result<Change> {
        dm::create(site, &self.table(site, running)?)
    }

    fn switch(&self, site: &Site<'_>, running: Running) -> Result<()> {
        let name = site.key.dm(Role::Cache);
        site.host
            .dm()
            .replace(
                &name,
                &self.table(site, running)?,
                Access::ReadWrite,
                site.host.config.deadline.tool,
            )
            .context(|| format!("cannot switch the cache device {name}"))
    }

    /// The counters are read before the exchange, which resets them. What the guest writes between the two is dropped as
    /// well; it was resident when it was counted.
    fn settle(&self, site: &Site<'_>, mode: CacheMode) -> Result<Filled> {
        let name = site.key.dm(Role::Cache);
        let device = site.host.dm().device(&name)?;
        let filled = match device.as_ref().map(table::figures) {
            Some(Ok(status)) => Filled {
                resident: status.used,
                dropped: status.demotions,
                counted: true,
            },
            Some(Err(why)) => {
                return Err(
                    Error::new(Kind::Failed, why).remedy("look at the SSD, then attach it again")
                );
            }
            None => return Err(dm::absent(&name)),
        };
        self.switch(site, Running::Serving(mode))?;
        Ok(filled)
    }

    fn mapped(&self, site: &Site<'_>) -> Result<Vec<(CacheBlock, OriginBlock)>> {
        let meta = &site.part(Role::Meta)?.path;
        let dump = thin::dump(&site.host.exec, meta)
            .context(|| format!("cannot read the cache's mapping from {}", meta.display()))?;
        if dump.geometry.block != site.block.sectors() {
            let message = format!(
                "the cache on {} has blocks of {} sectors, and the disk's record says {}",
                meta.display(),
                dump.geometry.block,
                site.block
            );
            return Err(Error::new(Kind::Dirty, message)
                .remedy("set [cache] block to what it was when the disk was attached"));
        }
        let pair = |mapping: &Mapping| {
            (
                CacheBlock(mapping.cache_block),
                OriginBlock(mapping.origin_block),
            )
        };
        Ok(dump.mappings.iter().map(pair).collect())
    }

    fn suspends(&self) -> bool {
        true
    }

    fn drain(&self, site: &Site<'_>, deadline: Duration) -> Result<Bytes> {
        let name = site.key.dm(Role::Cache);
        let began = Instant::now();
        let (was, whole, _event) = sound(self, site)?;
        if was != Running::Draining {
            self.switch(site, Running::Draining)?;
        }
        let task = site.host.progress.start("flush", whole);
        loop {
            let (_running, left, event) = sound(self, site)?;
            task.advance(whole.saturating_sub(left).saturating_sub(task.done()));
            if left == Bytes(0) {
                task.finish();
                return Ok(whole);
            }
            site.host.cancel.check()?;
            let rest = deadline.saturating_sub(began.elapsed());
            if rest.is_zero() {
                return Err(still_dirty(site, left, deadline));
            }
            // The kernel raises an event when the last block is clean; the pause is only for the progress bar.
            site.host
                .dm()
                .wait_event(&name, event, rest.min(Duration::from_millis(500)))?;
        }
    }

    fn cleanliness(&self, host: &Host, key: &DiskKey) -> Result<Cleanliness> {
        let seen = self.probe(host, key)?;
        Ok(Cleanliness::of(seen, |_, stats| {
            let resident = stats.resident;
            Cleanliness::clean(format!(
                "dmsetup status: nothing dirty of {resident} resident"
            ))
        }))
    }

    fn close(&self, host: &Host, key: &DiskKey) -> Result<Change> {
        dm::remove(host, key)
    }

    fn wipe(&self, site: &Site<'_>) -> Result<()> {
        let meta = site.part(Role::Meta)?;
        blk::zero_head(&site.host.exec, &meta.path, SUPERBLOCK)
    }

    fn top(&self, site: &Site<'_>) -> Result<Device> {
        dm::top(site)
    }
}

/// What a cache that must work is doing, what of it is dirty, and how many events it had.
///
/// The event number is older than the figures, so that waiting for the next event misses none.
fn sound(driver: &DmCache, site: &Site<'_>) -> Result<(Running, Bytes, u32)> {
    let name = site.key.dm(Role::Cache);
    let event = site.host.dm().info(&name)?.map_or(0, |info| info.event);
    match driver.probe(site.host, site.key)? {
        Cache::Up { running, stats, .. } => Ok((running, stats.dirty, event)),
        Cache::Absent => Err(dm::absent(&name)),
        Cache::Broken { why } => Err(cannot_tell(why)),
    }
}
