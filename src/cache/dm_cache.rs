//! The driver `dm-cache`: the kernel's own cache target with the smq policy, seeded exactly through its metadata.
//!
//! What the kernel does that shapes this file (cache-drivers facts, 3.3): metadata that were not closed in order make
//! every block dirty, in write-through too, so metadata are opened only right after [`Driver::format`] or when a lease
//! says that they hold dirty data; `dmsetup remove` is no flush; only the `cleaner` policy is; and its promise counts
//! from the moment its table is resumed.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::drain::{cannot_tell, still_dirty};
use super::{
    Cache, Capabilities, Cleanliness, Device, Driver, Filled, Needs, Part, Running, SeedAbility,
    Site, Stats,
};
use crate::host::Host;
use crate::model::{Bytes, CacheMode, Change, DiskKey, DriverName, Role, Sectors};
use crate::seed::SeedPlan;
use crate::sys::direct;
use crate::tools::dmsetup::{
    self, Access, CacheMode as Feature, CacheState, CacheStatus, CacheTarget, Policy, Status,
    Table, Target,
};
use crate::tools::thin::{self, Format, Geometry, Health, Mapping};
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
        Cow::Borrowed(if mode.can_be_dirty() {
            "writes are acknowledged when this host's SSD has them: what was not flushed is lost with the SSD, and out of \
             reach while the host is down"
        } else {
            "Ceph has every acknowledged write: SSD and host can be lost at any time; a failing SSD gives I/O errors until \
             `warmblock bypass`"
        })
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

    fn read(&self, _host: &Host, key: &DiskKey, seen: &[dmsetup::Device]) -> Cache {
        let name = key.dm(Role::Cache);
        let Some(device) = seen.iter().find(|device| device.info.name == name) else {
            return Cache::Absent;
        };
        if !device.info.live {
            let why = format!("{name} has no table: its making was interrupted");
            return Cache::Broken { why };
        }
        let Some(target) = device.table.as_cache() else {
            return Cache::Broken {
                why: format!("{name} is no dm-cache: {}", device.table),
            };
        };
        match figures(device) {
            Ok(status) => Cache::Up {
                running: running(target),
                stats: stats(status),
                size: device.table.len(),
                stuck: device.info.suspended,
                num: device.info.num,
            },
            Err(why) => Cache::Broken { why },
        }
    }

    fn format(&self, site: &Site<'_>, plan: Option<&SeedPlan>) -> Result<()> {
        self.wipe(site)?;
        let Some(plan) = plan.filter(|plan| plan.kept() > 0) else {
            return Ok(());
        };
        let (data, meta) = (site.part(Role::Data)?, site.part(Role::Meta)?);
        let geometry = Geometry {
            block: site.block.sectors(),
            blocks: data.size.bytes().0 / site.block.0,
        };
        let mappings = plan.mapping().map(|(cache, origin)| Mapping {
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
        let name = site.key.dm(Role::Cache);
        site.host
            .dm()
            .create(&name, &table(site, running)?, Access::ReadWrite)
            .context(|| format!("cannot create the cache device {name}"))?;
        Ok(Change::Made)
    }

    fn switch(&self, site: &Site<'_>, running: Running) -> Result<()> {
        let name = site.key.dm(Role::Cache);
        site.host
            .dm()
            .replace(
                &name,
                &table(site, running)?,
                site.host.config.deadline.tool,
            )
            .context(|| format!("cannot switch the cache device {name}"))
    }

    /// The counters are read before the exchange, which resets them. What the guest writes between the two is dropped as
    /// well; it was resident when it was counted.
    fn settle(&self, site: &Site<'_>, mode: CacheMode) -> Result<Filled> {
        let name = site.key.dm(Role::Cache);
        let device = site.host.dm().device(&name)?;
        let filled = match device.as_ref().map(figures) {
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
            None => {
                let message = format!("the cache device {name} went away");
                return Err(Error::new(Kind::Internal, message));
            }
        };
        self.switch(site, Running::Serving(mode))?;
        Ok(filled)
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
        Ok(match self.probe(host, key)? {
            Cache::Absent => Cleanliness::Unknown {
                why: "the cache is not in the kernel".into(),
            },
            Cache::Broken { why } => Cleanliness::Unknown { why },
            Cache::Up { stats, .. } if stats.dirty == Bytes(0) => Cleanliness::Clean {
                evidence: format!(
                    "dmsetup status: nothing dirty of {} resident",
                    stats.resident
                ),
            },
            Cache::Up { stats, .. } => Cleanliness::Dirty(stats.dirty),
        })
    }

    fn close(&self, host: &Host, key: &DiskKey) -> Result<Change> {
        let name = key.dm(Role::Cache);
        host.dm()
            .remove(&name, host.config.deadline.tool)
            .context(|| format!("cannot remove the cache device {name}"))
    }

    fn wipe(&self, site: &Site<'_>) -> Result<()> {
        let meta = site.part(Role::Meta)?;
        direct::zero_head(&meta.path, SUPERBLOCK).context(|| {
            format!(
                "cannot wipe the cache's metadata on {}",
                meta.path.display()
            )
        })
    }

    fn top(&self, site: &Site<'_>) -> Result<Device> {
        let name = site.key.dm(Role::Cache);
        let info = site.host.dm().info(&name)?.ok_or_else(|| {
            Error::new(
                Kind::Internal,
                format!("the cache device {name} is not there"),
            )
        })?;
        Ok(Device {
            path: site.host.roots.mapper(&name),
            number: info.num,
            size: site.origin.size,
        })
    }
}

/// The kernel's table for what the cache shall do.
fn table(site: &Site<'_>, running: Running) -> Result<Table> {
    let (mode, policy) = match running {
        Running::Filling => (Feature::Passthrough, Policy::Smq),
        Running::Serving(CacheMode::Writeback) => (Feature::Writeback, Policy::Smq),
        Running::Serving(CacheMode::Writethrough) => (Feature::Writethrough, Policy::Smq),
        // Write-through while draining: a block that was written back stays clean although the guest goes on writing.
        Running::Draining => (Feature::Writethrough, Policy::Cleaner),
        Running::Serving(other) => {
            return Err(Error::new(Kind::Usage, format!("dm-cache has no mode {other}"))
                .remedy("choose writethrough or writeback, or take the cache out with `warmblock bypass`"));
        }
    };
    let target = CacheTarget {
        meta: site.part(Role::Meta)?.number.into(),
        data: site.part(Role::Data)?.number.into(),
        origin: site.origin.number.into(),
        block: site.block.sectors(),
        mode,
        metadata2: true,
        policy,
        // At least one block, or nothing is ever written back (facts 3.3.1); eight, as LVM has it.
        migration_threshold: Some(Sectors(site.block.sectors().0.saturating_mul(8).max(2048))),
    };
    Ok(Table::one(site.origin.size, Target::Cache(target)))
}

fn running(target: &CacheTarget) -> Running {
    match (&target.policy, target.mode) {
        (Policy::Cleaner, _) => Running::Draining,
        (_, Feature::Passthrough) => Running::Filling,
        (_, Feature::Writeback) => Running::Serving(CacheMode::Writeback),
        (_, Feature::Writethrough) => Running::Serving(CacheMode::Writethrough),
    }
}

/// The figures of a cache that works, or in words why it does not.
fn figures(device: &dmsetup::Device) -> Result<&CacheStatus, String> {
    let name = &device.info.name;
    match device.status.first() {
        Some(Status::Cache(CacheState::Running(status)))
            if status.needs_check || status.read_only =>
        {
            Err(format!("the metadata of {name} failed and need a check"))
        }
        Some(Status::Cache(CacheState::Running(status))) => Ok(status),
        Some(Status::Cache(_)) => Err(format!(
            "the kernel gave {name} up: its SSD or its metadata failed"
        )),
        other => Err(format!("{name} has no status of a dm-cache: {other:?}")),
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
        Cache::Absent => Err(Error::new(
            Kind::Internal,
            format!("the cache device {name} is not there"),
        )),
        Cache::Broken { why } => Err(cannot_tell(why)),
    }
}

fn stats(status: &CacheStatus) -> Stats {
    let block = status.block.bytes().0;
    let bytes = |blocks: u64| Bytes(blocks.saturating_mul(block));
    Stats {
        capacity: bytes(status.total),
        resident: bytes(status.used),
        dirty: bytes(status.dirty),
        read_hits: status.read_hits,
        read_misses: status.read_misses,
        write_hits: status.write_hits,
        write_misses: status.write_misses,
        promotions: status.promotions,
        demotions: status.demotions,
    }
}
