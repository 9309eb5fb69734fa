//! What a flashcache says of itself.

use super::sysctl::{Knob, Sysctl};
use crate::Result;
use crate::cache::drain::cannot_tell;
use crate::cache::{Running, Site, Stats, dm};
use crate::model::{Bytes, Role};
use crate::tools::dmsetup::{self, Segment, Status, Target};
use crate::tools::flashcache::{self as tool, Conf, Counters};

/// What flashcache says of itself, or in words why that is not a working cache.
pub(super) fn figures(device: &dmsetup::Device) -> Result<(Conf, Counters), String> {
    let name = &device.info.name;
    let [
        Segment {
            target: Target::Other { name: target, args },
            ..
        },
    ] = &device.table.segments[..]
    else {
        return Err(format!("{name} is no flashcache: {}", device.table));
    };
    let Some(Status::Other { text, .. }) = device.status.first().filter(|_| target == "flashcache")
    else {
        return Err(format!("{name} is no flashcache: {}", device.table));
    };
    let odd = |why: String| format!("{name}: {why}");
    let conf = tool::parse_conf(args).map_err(odd)?;
    Ok((conf, tool::parse_counters(text).map_err(odd)?))
}

/// The device of a cache that must work, with what it says of itself.
pub(super) fn sound(site: &Site<'_>) -> Result<(dmsetup::Device, Conf, Counters)> {
    let name = site.key.dm(Role::Cache);
    let seen = site.host.dm().list()?.into_iter();
    let device = seen
        .into_iter()
        .find(|device| device.info.name == name)
        .ok_or_else(|| dm::absent(&name))?;
    let (conf, counters) = figures(&device).map_err(cannot_tell)?;
    Ok((device, conf, counters))
}

pub(super) fn dirty(site: &Site<'_>) -> Result<Bytes> {
    let (_, conf, _) = sound(site)?;
    Ok(Bytes(conf.dirty * conf.block.0))
}

/// What a cache does, by its knobs. One whose knobs cannot be read serves, which is what may be dirty.
pub(super) fn running(sysctl: &Sysctl, conf: &Conf) -> Running {
    match (sysctl.get(Knob::CacheAll), sysctl.get(Knob::SkipSequential)) {
        (Some(0), _) => Running::Draining,
        (_, Some(0)) => Running::Filling,
        _ => Running::Serving(conf.mode.into()),
    }
}

pub(super) fn stats(conf: &Conf, counters: &Counters) -> Stats {
    let bytes = |blocks: u64| Bytes(blocks.saturating_mul(conf.block.0));
    Stats {
        capacity: bytes(conf.total),
        resident: bytes(conf.cached),
        dirty: bytes(conf.dirty),
        read_hits: counters.read_hits,
        read_misses: counters.reads.saturating_sub(counters.read_hits),
        write_hits: counters.write_hits,
        write_misses: counters.writes.saturating_sub(counters.write_hits),
        promotions: 0,
        demotions: counters.replaced,
        errors_ssd: Some(counters.ssd_errors),
        errors_origin: Some(counters.disk_errors),
    }
}
