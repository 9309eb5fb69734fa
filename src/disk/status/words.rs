//! Each layer of a disk, and the whole of it, in words.

use std::path::Path;

use super::{AtWork, LayerStatus};
use crate::cache::{Cache, Driver, Part, Running, Stats};
use crate::disk::record::{Intent, Record};
use crate::host::Host;
use crate::job::LayerName;
use crate::model::{Bytes, Role, SharedName};
use crate::tools::dmsetup::{self, Target};
use crate::tools::krbd::Mapping;

pub(super) fn map_layer(mapping: Option<&Mapping>) -> LayerStatus {
    let what = match mapping {
        Some(mapping) => format!("{}, {}", mapping.device.display(), mapping.size),
        None => "not mapped".into(),
    };
    LayerStatus {
        layer: LayerName::Map,
        well: mapping.is_some(),
        what,
    }
}

/// By the volumes' nodes: LVM itself takes longer to ask than everything else together.
pub(super) fn slice_layer(
    host: &Host,
    record: &Record,
    driver: Option<&dyn Driver>,
) -> LayerStatus {
    let parts = driver.map_or_else(Vec::new, |driver| driver.layout(record.size, record.block));
    let (well, what) = match &record.vg {
        _ if driver.is_none() => (false, "of unknown volumes".to_owned()),
        _ if record.uncached => {
            let why = format!("none of {}: {}", record.size, record.why_uncached());
            (true, why)
        }
        _ if parts.is_empty() => (true, "none needed".to_owned()),
        None => (false, "no volume group is known".to_owned()),
        Some(vg) => {
            let shares = driver.is_some_and(Driver::shares);
            let node = |part: &Part| host.lvm().path(vg, &record.key.lv(part.role));
            let common = shares.then(|| host.lvm().path(vg, &SharedName));
            let mut nodes = parts.iter().map(node).chain(common);
            match nodes.find(|node| !node.exists()) {
                Some(node) => (
                    false,
                    format!("{} is not there or not active", node.display()),
                ),
                None if shares => (
                    true,
                    format!("{SharedName} in volume group {vg}, shared with other disks"),
                ),
                None => (
                    true,
                    format!(
                        "{} in volume group {vg}{}",
                        record.size,
                        memory(&parts, driver)
                    ),
                ),
            }
        }
    };
    LayerStatus {
        layer: LayerName::Slice,
        well,
        what,
    }
}

/// What a slice costs of the host's memory, where that is worth telling.
fn memory(parts: &[Part], driver: Option<&dyn Driver>) -> String {
    let data = parts.iter().find(|part| part.role == Role::Data);
    let takes = driver
        .zip(data)
        .map(|(driver, data)| driver.memory(data.size));
    match takes {
        Some(takes) if takes > Bytes(0) => format!(", takes {takes} of memory"),
        _ => String::new(),
    }
}

pub(super) fn cache_layer(
    record: &Record,
    cached: &Cache,
    mapping: Option<&Mapping>,
) -> LayerStatus {
    let uncached = record.driver_in_use().as_str() == "none" || record.intent == Intent::Bypassed;
    let (well, what) = match cached {
        Cache::Absent if uncached => (true, "none in the path".to_owned()),
        Cache::Absent => (false, "not in the kernel".to_owned()),
        Cache::Broken { why } => (false, why.clone()),
        Cache::Up { stuck: true, .. } => (
            false,
            "suspended: an exchange of its table was interrupted".into(),
        ),
        Cache::Up { size, .. }
            if mapping.is_some_and(|mapping| mapping.size.sectors() != *size) =>
        {
            (
                false,
                "the image has another size now; bypass and insert take it over".into(),
            )
        }
        Cache::Up {
            running: Running::Filling,
            stats,
            ..
        } => (false, format!("being seeded, {}", resident(stats))),
        Cache::Up {
            running: Running::Draining,
            stats,
            ..
        } => (false, format!("being flushed, {} dirty", stats.dirty)),
        Cache::Up {
            running: Running::Serving(mode),
            stats,
            ..
        } => match failing(record, stats) {
            Some(what) => (false, what),
            None => (
                *mode == record.mode,
                format!("{} {mode}, {}", record.driver, resident(stats)),
            ),
        },
    };
    LayerStatus {
        layer: LayerName::Cache,
        well,
        what,
    }
}

/// What a cache that serves says of errors, and what to do about them; `None` if it counts none, or cannot count.
fn failing(record: &Record, stats: &Stats) -> Option<String> {
    let image = &record.image;
    let counted = |errors: Option<u64>| errors.filter(|errors| *errors > 0);
    match (counted(stats.errors_ssd), counted(stats.errors_origin)) {
        (Some(errors), _) => Some(format!(
            "has met {errors} errors of its SSD: see `dmesg`, and take it out of the path with `warmblock bypass {image}`"
        )),
        (None, Some(errors)) => Some(format!(
            "has met {errors} errors of the image: see whether Ceph answers (`ceph -s`) and what the guest says of it; \
             `warmblock bypass {image}`, then `warmblock insert {image}`, counts anew"
        )),
        (None, None) => None,
    }
}

pub(super) fn front_layer(
    record: &Record,
    cached: &Cache,
    devices: &[dmsetup::Device],
) -> LayerStatus {
    let name = record.key.dm(Role::Front);
    let front = devices.iter().find(|device| device.info.name == name);
    let (well, what) = match front {
        None => (false, "not there".to_owned()),
        Some(front) if front.info.suspended => (false, "suspended: I/O waits".to_owned()),
        Some(front) => {
            let below = match front.table.segments.first().map(|segment| &segment.target) {
                Some(Target::Linear { dev, .. }) => dev.to_string(),
                _ => "?".into(),
            };
            let on_cache = matches!(cached, Cache::Up { num, .. } if num.to_string() == below);
            let users = front.info.open_count;
            let path = if on_cache {
                "leads to the cache"
            } else {
                "leads to the RBD"
            };
            let wanted = on_cache
                == (record.intent == Intent::Attached && record.driver_in_use().as_str() != "none");
            (wanted, format!("{name} {path}, opened {users} times"))
        }
    };
    LayerStatus {
        layer: LayerName::Front,
        well,
        what,
    }
}

pub(super) fn link_layer(host: &Host, record: &Record) -> LayerStatus {
    let front = host.roots.mapper(record.key.dm(Role::Front));
    let reads = |link: &Path| Ok(std::fs::read_link(link).is_ok_and(|target| target == front));
    let leads = |link: &&Path| record.as_asker(host, || reads(link)).unwrap_or(false);
    let shared = record.shared.is_some();
    // A VM's directory that is gone is nobody's loss: the others have their disk.
    let links = record
        .links()
        .filter(|link| !shared || link.parent().is_none_or(Path::is_dir));
    let (right, wrong): (Vec<&Path>, Vec<&Path>) = links.partition(leads);
    let (well, what) = match (wrong.first(), right.is_empty()) {
        (Some(link), _) => (
            false,
            format!("{} does not lead to the front", link.display()),
        ),
        (None, true) => (true, "none".to_owned()),
        (None, false) => {
            let right: Vec<String> = right
                .iter()
                .map(|link| link.display().to_string())
                .collect();
            (true, right.join(", "))
        }
    };
    LayerStatus {
        layer: LayerName::Link,
        well,
        what,
    }
}

pub(super) fn resident(stats: &Stats) -> String {
    format!("{} of {} resident", stats.resident, stats.capacity)
}

/// The state in a sentence: is it well, is it warm, is anything at risk.
pub(super) fn words(
    record: &Record,
    driver: Option<&dyn Driver>,
    layers: &[LayerStatus],
    stats: Option<&Stats>,
    at_work: Option<&AtWork>,
) -> String {
    if let Some(work) = at_work
        && let Some(half) = layers.iter().find(|layer| !layer.well)
    {
        let pid = work.holder.pid;
        return format!("process {pid} is at work: {} {}", half.layer, half.what);
    }
    if record.intent == Intent::Detached {
        return "a detach was interrupted; finish it with `warmblock recover`".into();
    }
    if let Some(bad) = layers.iter().find(|layer| !layer.well) {
        if stats.is_some_and(|stats| failing(record, stats).as_ref() == Some(&bad.what)) {
            return format!("not well: {} {}", bad.layer, bad.what);
        }
        return format!(
            "not well: {} {}; see `warmblock recover --dry-run`",
            bad.layer, bad.what
        );
    }
    let Some(stats) = stats else {
        return without_cache(record);
    };
    let reads = stats.read_hits + stats.read_misses;
    let warm = match (stats.read_hits * 100).checked_div(reads) {
        Some(percent) => format!("{percent} % of {reads} reads came from the SSD"),
        None => "nothing was read yet".into(),
    };
    let risk = if stats.dirty > Bytes(0) {
        format!("{} are only on this host's SSD", stats.dirty)
    } else {
        "nothing dirty".into()
    };
    let how = match driver {
        Some(driver) if driver.whole() => "a local copy",
        Some(driver) if driver.shares() => "cached in what all disks of this host share",
        _ => "cached",
    };
    format!("{how}, {}; {warm}; {risk}", resident(stats))
}

/// Why a disk is served from Ceph, and how it gets its cache.
fn without_cache(record: &Record) -> String {
    let image = &record.image;
    let served = "served from Ceph, without a cache";
    match (record.uncached, record.intent) {
        (true, _) => format!(
            "{served}, for {}: `warmblock insert {image}` tries again; `warmblock attach {image} --size SIZE` before that asks \
             for less",
            record.why_uncached()
        ),
        (false, Intent::Bypassed) => {
            format!("{served}, which was taken out: `warmblock insert {image}` puts it in")
        }
        (false, _) => served.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CacheMode, Sectors};

    #[test]
    fn a_cache_that_meets_errors_is_not_well_and_says_what_to_do() {
        let mut record = Record::sample();
        (record.intent, record.mode) = (Intent::Attached, CacheMode::Writethrough);
        let said = |errors_ssd, errors_origin| {
            let stats = Stats {
                errors_ssd,
                errors_origin,
                ..Stats::default()
            };
            let cached = Cache::Up {
                running: Running::Serving(CacheMode::Writethrough),
                stats,
                size: Sectors(8),
                stuck: false,
                num: "253:1".parse().unwrap(),
            };
            let layer = cache_layer(&record, &cached, None);
            (
                layer.well,
                words(&record, None, &[layer], Some(&stats), None),
            )
        };
        assert!(said(None, None).0 && said(Some(0), Some(0)).0);
        for (errors, wanted) in [
            (said(Some(3), Some(9)), "3 errors of its SSD"),
            (said(Some(0), Some(9)), "9 errors of the image"),
        ] {
            let (well, words) = errors;
            assert!(!well && words.contains(wanted), "{words}");
            assert!(words.contains("warmblock bypass one/"), "{words}");
            assert!(!words.contains("recover"), "{words}");
        }
    }
}
