//! What a bcache does, as its knobs say; every state is told by the knobs alone, so that a crash between two of them leaves
//! one that the next run sees through.

use super::set::Set;
use super::tool;
use crate::cache::{Running, Site};
use crate::host::Host;
use crate::model::{Bytes, CacheMode};
use crate::tools::bcache::Backing;
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

/// Sets the knobs for what the cache shall do.
pub(super) fn tune(site: &Site<'_>, set: Set, backing: &Backing, running: Running) -> Result<()> {
    match running {
        Running::Filling => {
            knob(
                site,
                backing,
                "cache_mode",
                CacheMode::Writethrough.as_str(),
            )?;
            // Last, since it is the sign of a cache that is being filled.
            bypass(site, set, backing, ["0", "0", "0"])
        }
        Running::Draining => {
            of_set(site, set, "io_error_limit", ANY_ERRORS)?;
            knob(
                site,
                backing,
                "cache_mode",
                CacheMode::Writethrough.as_str(),
            )?;
            knob(site, backing, "writeback_delay", "0")?;
            knob(site, backing, "writeback_running", "1")?;
            knob(site, backing, "writeback_percent", "0")
        }
        Running::Serving(mode) => {
            bypass(site, set, backing, USUAL)?;
            let errors = if mode.can_be_dirty() {
                knob(site, backing, "writeback_delay", REST)?;
                ANY_ERRORS
            } else {
                ERRORS
            };
            of_set(site, set, "io_error_limit", errors)?;
            knob(site, backing, "writeback_percent", DIRTY_PERCENT)?;
            knob(site, backing, "cache_mode", mode.as_str())
        }
    }
}

/// When the cache is passed by: requests in a row in bytes, latency of reads and of writes in microseconds; 0 for never.
fn bypass(
    site: &Site<'_>,
    set: Set,
    backing: &Backing,
    [row, read, write]: [&str; 3],
) -> Result<()> {
    of_set(site, set, "congested_read_threshold_us", read)?;
    of_set(site, set, "congested_write_threshold_us", write)?;
    knob(site, backing, "sequential_cutoff", row)
}

/// A knob of the disk's own set. Those of a set that disks share are the same all the time, see [`super::set::tune`].
fn of_set(site: &Site<'_>, set: Set, name: &str, value: &str) -> Result<()> {
    match set {
        Set::Disk => {
            let dir = tool(site.host).set_dir(&set.uuid(site.key));
            put(site.host, &dir.join(name), value)
        }
        Set::Host => Ok(()),
    }
}

fn knob(site: &Site<'_>, backing: &Backing, name: &str, value: &str) -> Result<()> {
    put(site.host, &backing.dir.join(name), value)
}

pub(super) fn put(host: &Host, file: &std::path::Path, value: &str) -> Result<()> {
    let deadline = host.config.deadline.tool;
    tool(host)
        .turn(file, value, deadline)
        .context(|| format!("cannot set {} to {value}", file.display()))
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
