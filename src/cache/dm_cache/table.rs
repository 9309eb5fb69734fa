//! dm-cache's tables and figures, as this program uses them.

use super::DmCache;
use crate::cache::{Running, Site, Stats};
use crate::model::{Bytes, CacheMode, Role, Sectors};
use crate::tools::dmsetup::{
    self, CacheMode as Feature, CacheState, CacheStatus, CacheTarget, Policy, Status, Table, Target,
};
use crate::{Error, Kind, Result};

impl DmCache {
    /// The kernel's table for what the cache shall do.
    pub(super) fn table(&self, site: &Site<'_>, running: Running) -> Result<Table> {
        let (mode, policy) = match running {
            Running::Filling => (Feature::Passthrough, Policy::Smq),
            Running::Serving(CacheMode::Writeback) => (Feature::Writeback, Policy::Smq),
            Running::Serving(CacheMode::Writethrough) => (Feature::Writethrough, Policy::Smq),
            // Write-through while draining: a block that was written back stays clean although the guest goes on writing.
            Running::Draining => (Feature::Writethrough, Policy::Cleaner),
            Running::Serving(other) => {
                return Err(Error::new(
                    Kind::Usage,
                    format!("driver {} has no mode {other}", self.0.name),
                )
                .remedy("`warmblock doctor` says what each driver can do"));
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
            migration_threshold: Some(self.threshold(running, site.block.sectors())),
        };
        Ok(Table::one(site.origin.size, Target::Cache(target)))
    }

    /// How much may be migrated at once.
    pub(in crate::cache) fn threshold(&self, running: Running, block: Sectors) -> Sectors {
        match running {
            Running::Serving(_) => (self.0.threshold)(block),
            Running::Filling | Running::Draining => enough(block),
        }
    }
}

/// At least one block, or nothing is ever written back (facts 3.3.1); eight, as LVM has it.
pub(super) fn enough(block: Sectors) -> Sectors {
    Sectors(block.0.saturating_mul(8).max(2048))
}

pub(super) fn running(target: &CacheTarget) -> Running {
    match (&target.policy, target.mode) {
        (Policy::Cleaner, _) => Running::Draining,
        (_, Feature::Passthrough) => Running::Filling,
        (_, Feature::Writeback) => Running::Serving(CacheMode::Writeback),
        (_, Feature::Writethrough) => Running::Serving(CacheMode::Writethrough),
    }
}

/// The figures of a cache that works, or in words why it does not.
pub(super) fn figures(device: &dmsetup::Device) -> Result<&CacheStatus, String> {
    let name = &device.info.name;
    match device.status.first() {
        Some(Status::Cache(CacheState::Running(status)))
            if status.needs_check || status.read_only =>
        {
            Err(format!("the metadata of {name} failed and need a check"))
        }
        Some(Status::Cache(CacheState::Running(status))) => Ok(status),
        Some(Status::Cache(_)) => Err(format!(
            "the kernel gave {name} up: its metadata failed, or the SSD beneath them"
        )),
        other => Err(format!("{name} has no status of a dm-cache: {other:?}")),
    }
}

pub(super) fn stats(status: &CacheStatus) -> Stats {
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
        ..Stats::default()
    }
}
