//! What a bcache does, as its knobs say; every state is told by the knobs alone, so that a crash between two of them leaves
//! one that the next run sees through.

use std::path::Path;

use super::set::Set;
use super::tool;
use crate::cache::{Running, Site};
use crate::host::Host;
use crate::model::{Bytes, CacheMode};
use crate::tools::bcache::{Backing, Knob};
use crate::{Context, Result};

/// The kernel's own values: reads in a row of 4 MiB and more pass the cache by, and so do reads when the SSD takes longer
/// than 2 ms and writes when it takes longer than 20 ms.
const USUAL: [&str; 3] = ["4194304", "2000", "20000"];
/// How much of a write-back cache may stay dirty, in percent; the kernel's own value.
const DIRTY_PERCENT: &str = "10";
/// Seconds that dirty data rest before they are written back. The kernel's 30 would be slept to their end when a flush is
/// asked for.
const REST: &str = "1";

/// So many errors of the SSD, and the kernel gives the set up: its own value where Ceph has everything, and never while
/// there may be dirty data, which would be given up with it.
const ERRORS: &str = "8";
pub(super) const ANY_ERRORS: &str = "4294967295";
/// So many errors of the image, and the kernel stops the disk for good, in any mode: it counts those of the disk's whole life, and 64
/// would do (`bch_count_backing_io_errors`). Never, then: a guest is told of each error all the same, what is dirty stays dirty, and
/// all goes on when Ceph does. It takes no larger figure.
const ANY_OF_IMAGE: &str = "2147483647";

/// The knob for both, of a set and of a disk.
pub(super) const ERROR_LIMIT: &str = "io_error_limit";

/// Sets the knobs for what the cache shall do.
pub(super) fn tune(site: &Site<'_>, set: Set, backing: &Backing, running: Running) -> Result<()> {
    let of_set = match set {
        Set::Disk => Some(tool(site.host).set_dir(&set.uuid(site.key))),
        // Those of a set that disks share are the same all the time, see [`super::set::tune`].
        Set::Host => None,
    };
    turn(site.host, &knobs(&backing.dir, of_set.as_deref(), running))
}

/// The knobs for what a cache shall do, in the order in which they are set: those of the disk, and those of its own set.
fn knobs(disk: &Path, set: Option<&Path>, running: Running) -> Vec<Knob> {
    let of_disk = |name: &str, value| Some(knob(disk, name, value));
    let of_set = |name: &str, value| set.map(|set| knob(set, name, value));
    // When the cache is passed by: latency of reads and of writes in microseconds, requests in a row in bytes; 0 for never.
    let bypass = |[row, read, write]: [&'static str; 3]| {
        [
            of_set("congested_read_threshold_us", read),
            of_set("congested_write_threshold_us", write),
            of_disk("sequential_cutoff", row),
        ]
    };
    let mode = |mode: CacheMode| of_disk("cache_mode", mode.as_str());
    // Kernels before 4.17 do not count them.
    let counted = disk.join(ERROR_LIMIT).exists();
    let errors_of_image = counted.then(|| knob(disk, ERROR_LIMIT, ANY_OF_IMAGE));
    let knobs = match running {
        Running::Filling => {
            let mut knobs = vec![errors_of_image, mode(CacheMode::Writethrough)];
            // Last, since it is the sign of a cache that is being filled.
            knobs.extend(bypass(["0", "0", "0"]));
            knobs
        }
        Running::Draining => vec![
            errors_of_image,
            of_set(ERROR_LIMIT, ANY_ERRORS),
            mode(CacheMode::Writethrough),
            of_disk("writeback_delay", "0"),
            of_disk("writeback_running", "1"),
            of_disk("writeback_percent", "0"),
        ],
        Running::Serving(serving) => {
            let dirty = serving.can_be_dirty();
            let mut knobs = bypass(USUAL).to_vec();
            knobs.push(errors_of_image);
            knobs.push(dirty.then(|| knob(disk, "writeback_delay", REST)));
            let errors = if dirty { ANY_ERRORS } else { ERRORS };
            knobs.push(of_set(ERROR_LIMIT, errors));
            knobs.push(of_disk("writeback_percent", DIRTY_PERCENT));
            knobs.push(mode(serving));
            knobs
        }
    };
    knobs.into_iter().flatten().collect()
}

pub(super) fn knob(dir: &Path, name: &str, value: &'static str) -> Knob {
    let file = dir.join(name);
    Knob { file, value }
}

/// Sets those that are not as wanted yet.
pub(super) fn turn(host: &Host, knobs: &[Knob]) -> Result<()> {
    let deadline = host.config.deadline.tool;
    for Knob { file, value } in tool(host).amiss(knobs, deadline)? {
        tool(host)
            .set(file, value, deadline)
            .context(|| format!("cannot set {} to {value}", file.display()))?;
    }
    Ok(())
}

/// What the knobs say. A cache that drains or fills is in write-through meanwhile.
pub(super) fn running(backing: &Backing) -> Running {
    let mode = backing.mode.unwrap_or(CacheMode::None);
    match mode {
        CacheMode::Writethrough if backing.sequential_cutoff == Bytes(0) => Running::Filling,
        CacheMode::Writethrough if backing.writeback_percent == 0 => Running::Draining,
        mode => Running::Serving(mode),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_image_stop_no_disk() {
        let disk = tempfile::tempdir().unwrap();
        let limit = |running| {
            let knobs = knobs(disk.path(), None, running).into_iter();
            let mut limits = knobs.filter(|knob| knob.file == disk.path().join(ERROR_LIMIT));
            limits.next().map(|knob| knob.value)
        };
        let all = [
            Running::Filling,
            Running::Draining,
            Running::Serving(CacheMode::Writethrough),
            Running::Serving(CacheMode::Writearound),
            Running::Serving(CacheMode::Writeback),
        ];
        assert!(all.iter().all(|running| limit(*running).is_none()));
        crate::sys::atomic::write(&disk.path().join(ERROR_LIMIT), b"64").unwrap();
        for running in all {
            assert_eq!(limit(running), Some(ANY_OF_IMAGE), "{running:?}");
        }
    }
}
