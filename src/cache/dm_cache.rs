//! The driver `dm-cache`: the kernel's own cache target with the smq policy, seeded exactly through its metadata.
//!
//! What the kernel does that shapes this file (cache-drivers facts, 3.3): metadata that were not closed in order make
//! every block dirty, in write-through too, so metadata are opened only right after [`Driver::format`] or when a lease
//! says that they hold dirty data; `dmsetup remove` is no flush; only the `cleaner` policy is; and its promise counts
//! from the moment its table is resumed.

use std::time::{Duration, Instant};

use super::{
    Cache, Capabilities, Cleanliness, Device, Driver, Part, Running, SeedAbility, Site, Stats,
};
use crate::host::Host;
use crate::model::{Bytes, CacheMode, Change, DiskKey, DmName, DriverName, Role};
use crate::seed::SeedPlan;
use crate::sys::block;
use crate::tools::dmsetup::{self, CacheFeature, CachePolicy, CacheStatus, CacheTable, Status, Table};
use crate::tools::thin;
use crate::{Context, Error, Kind, Result, config};

/// The bytes at the start of the metadata which, when zero, make the kernel format them (`__superblock_all_zeroes`).
const SUPERBLOCK: Bytes = Bytes::kib(4);

/// See the module.
#[derive(Debug)]
pub(super) struct DmCache;

impl Driver for DmCache {
    fn name(&self) -> DriverName {
        config::fixed("dm-cache")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            modes: vec![CacheMode::Writethrough, CacheMode::Writeback],
            seed: SeedAbility::Mapping,
            guarantee: "write-through: Ceph has every acknowledged write, the SSD and the host can be lost at any time; \
                        a failing SSD gives I/O errors until `warmblock bypass`. write-back: acknowledged writes that \
                        were not flushed are lost with the SSD, and unreachable while the host is down",
        }
    }

    fn layout(&self, wanted: Bytes, block: Bytes) -> Vec<Part> {
        let data = wanted.round_up(block);
        let meta = thin::metadata_size(data.0 / block.0);
        vec![Part { role: Role::Data, size: data }, Part { role: Role::Meta, size: meta }]
    }

    fn probe(&self, host: &Host, key: &DiskKey) -> Result<Cache> {
        let name = key.dm(Role::Cache);
        let Some(table) = dmsetup::table(&host.exec, &name)? else { return Ok(Cache::Absent) };
        let Table::Cache(table) = table else {
            return Ok(Cache::Broken { why: format!("{name} is no dm-cache: {table}") });
        };
        Ok(match status(host, &name)? {
            Ok(status) => Cache::Up {
                running: running(&table),
                stats: stats(&status),
                size: table.len,
            },
            Err(why) => Cache::Broken { why },
        })
    }

    fn format(&self, site: &Site<'_>, plan: Option<&SeedPlan>) -> Result<()> {
        self.wipe(site)?;
        let Some(plan) = plan.filter(|plan| plan.kept() > 0) else { return Ok(()) };
        let (data, meta) = (site.part(Role::Data)?, site.part(Role::Meta)?);
        let shape = thin::CacheShape {
            block: site.block.sectors(),
            cache_blocks: data.size.bytes().0 / site.block.0,
        };
        let mappings = plan.mapping().map(|(cache, origin)| (cache.0, origin.0));
        thin::restore(&site.host.exec, &meta.path, &shape, mappings)
            .context(|| format!("cannot write the cache's mapping to {}", meta.path.display()))?;
        thin::check(&site.host.exec, &meta.path)
            .context(|| format!("the cache's new metadata on {} are not sound", meta.path.display()))
    }

    fn open(&self, site: &Site<'_>, running: Running) -> Result<Change> {
        let name = site.key.dm(Role::Cache);
        dmsetup::create(&site.host.exec, &name, &table(site, running)?)
            .context(|| format!("cannot create the cache device {name}"))?;
        Ok(Change::Made)
    }

    fn switch(&self, site: &Site<'_>, running: Running) -> Result<()> {
        let name = site.key.dm(Role::Cache);
        dmsetup::replace(&site.host.exec, &name, &table(site, running)?)
            .context(|| format!("cannot switch the cache device {name}"))
    }

    fn drain(&self, site: &Site<'_>, deadline: Duration) -> Result<Bytes> {
        let name = site.key.dm(Role::Cache);
        let began = Instant::now();
        let before = sound(site.host, &name)?;
        if running_now(site.host, &name)? != Running::Draining {
            self.switch(site, Running::Draining)?;
        }
        let whole = stats(&before).dirty;
        let task = site.host.progress.start("flush", whole);
        loop {
            // The event number is read before the status, so that an event in between is not missed.
            let event = dmsetup::info(&site.host.exec, &name)?.map_or(0, |info| info.event_nr);
            let left = stats(&sound(site.host, &name)?).dirty;
            task.advance(whole.saturating_sub(left).saturating_sub(task.done()));
            if left == Bytes(0) {
                task.finish();
                return Ok(whole);
            }
            site.host.cancel.check()?;
            let rest = deadline.saturating_sub(began.elapsed());
            if rest.is_zero() {
                return Err(Error::new(
                    Kind::Timeout,
                    format!("{left} of {name} are still dirty after {} s", deadline.as_secs()),
                )
                .remedy("it goes on writing them back; run the command again, or raise [deadline] flush"));
            }
            dmsetup::wait_event(&site.host.exec, &name, event, rest.min(Duration::from_millis(500)))?;
        }
    }

    fn cleanliness(&self, host: &Host, key: &DiskKey) -> Result<Cleanliness> {
        let name = key.dm(Role::Cache);
        Ok(match status(host, &name)? {
            Err(why) => Cleanliness::Unknown { why },
            Ok(status) if status.dirty == 0 => Cleanliness::Clean {
                evidence: format!("dmsetup status of {name}: 0 dirty of {} resident blocks", status.used_blocks),
            },
            Ok(status) => Cleanliness::Dirty(stats(&status).dirty),
        })
    }

    fn close(&self, host: &Host, key: &DiskKey) -> Result<Change> {
        let name = key.dm(Role::Cache);
        dmsetup::remove(&host.exec, &name).context(|| format!("cannot remove the cache device {name}"))
    }

    fn wipe(&self, site: &Site<'_>) -> Result<()> {
        let meta = site.part(Role::Meta)?;
        block::zero(&meta.path, SUPERBLOCK)
            .context(|| format!("cannot wipe the cache's metadata on {}", meta.path.display()))
    }

    fn top(&self, site: &Site<'_>) -> Result<Device> {
        let name = site.key.dm(Role::Cache);
        let info = dmsetup::info(&site.host.exec, &name)?.ok_or_else(|| {
            Error::new(Kind::Internal, format!("the cache device {name} is not there"))
        })?;
        Ok(Device {
            path: dmsetup::path(&site.host.roots, &name),
            number: info.device.to_string(),
            size: site.origin.size,
        })
    }
}

/// The kernel's table for what the cache shall do.
fn table(site: &Site<'_>, running: Running) -> Result<Table> {
    let (mode, policy) = match running {
        Running::Filling => (CacheFeature::Passthrough, CachePolicy::Smq),
        Running::Serving(CacheMode::Writeback) => (CacheFeature::Writeback, CachePolicy::Smq),
        Running::Serving(CacheMode::Writethrough) => (CacheFeature::Writethrough, CachePolicy::Smq),
        // Write-through while draining: a block that was written back stays clean although the guest goes on writing.
        Running::Draining => (CacheFeature::Writethrough, CachePolicy::Cleaner),
        Running::Serving(other) => {
            return Err(Error::new(Kind::Usage, format!("dm-cache has no mode {other}"))
                .remedy("choose writethrough or writeback, or take the cache out with `warmblock bypass`"));
        }
    };
    Ok(Table::Cache(CacheTable {
        len: site.origin.size,
        meta: site.part(Role::Meta)?.number.clone(),
        data: site.part(Role::Data)?.number.clone(),
        origin: site.origin.number.clone(),
        block: site.block.sectors(),
        mode,
        metadata2: true,
        policy,
        // At least one block, or nothing is ever written back (facts 3.3.1); eight, as LVM has it.
        migration_threshold: Some(site.block.sectors().0.saturating_mul(8).max(2048)),
    }))
}

fn running(table: &CacheTable) -> Running {
    match (table.policy, table.mode) {
        (CachePolicy::Cleaner, _) => Running::Draining,
        (CachePolicy::Smq, CacheFeature::Passthrough) => Running::Filling,
        (CachePolicy::Smq, CacheFeature::Writeback) => Running::Serving(CacheMode::Writeback),
        (CachePolicy::Smq, CacheFeature::Writethrough) => Running::Serving(CacheMode::Writethrough),
    }
}

fn running_now(host: &Host, name: &DmName) -> Result<Running> {
    match dmsetup::table(&host.exec, name)? {
        Some(Table::Cache(table)) => Ok(running(&table)),
        _ => Err(Error::new(Kind::Internal, format!("the cache device {name} is not there"))),
    }
}

/// The status of a cache that works, or in words why it does not.
fn status(host: &Host, name: &DmName) -> Result<Result<CacheStatus, String>> {
    Ok(match dmsetup::status(&host.exec, name)? {
        Some(Status::Cache(status)) if status.needs_check || status.read_only => {
            Err(format!("the metadata of {name} failed and need a check"))
        }
        Some(Status::Cache(status)) => Ok(status),
        Some(Status::CacheFailed(word)) => Err(format!("the kernel gave the cache {name} up: {word}")),
        Some(other) => Err(format!("{name} is no dm-cache: {other:?}")),
        None => Err(format!("the cache device {name} is not there")),
    })
}

/// The status of a cache that must work.
fn sound(host: &Host, name: &DmName) -> Result<CacheStatus> {
    status(host, name)?.map_err(|why| {
        Error::new(Kind::Dirty, why)
            .remedy("the SSD or the cache's metadata failed; unknown counts as dirty. `warmblock status` shows more")
    })
}

fn stats(status: &CacheStatus) -> Stats {
    let block = status.block.bytes().0;
    let bytes = |blocks: u64| Bytes(blocks.saturating_mul(block));
    Stats {
        capacity: bytes(status.total_blocks),
        resident: bytes(status.used_blocks),
        dirty: bytes(status.dirty),
        read_hits: status.read_hits,
        read_misses: status.read_misses,
        write_hits: status.write_hits,
        write_misses: status.write_misses,
        promotions: status.promotions,
        demotions: status.demotions,
    }
}
