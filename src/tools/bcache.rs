//! bcache: make-bcache(8), and the kernel's interface in sysfs (kernel: Documentation/admin-guide/bcache.rst).
//!
//! Everything is found by what it is: a cache set by its UUID, a backing device by the number of the device that bears it.
//! The numbers in `bcacheN` change from boot to boot and are never used. What is written to sysfs is written by tee(1), and what is
//! read there by grep(1), processes that can be left behind: the kernel takes its registration lock for both, and keeps it while a
//! device hangs.

mod attributes;
mod human;
mod look;
mod superblock;

use std::path::{Path, PathBuf};
use std::time::Duration;

use self::attributes::Attributes;
use crate::Result;
use crate::exec::{Cmd, Exec, ExecError};
use crate::model::{Bytes, CacheMode, Sectors};
use crate::sys::block::attribute;
use crate::sys::{DevNum, Roots};

pub use look::Look;
#[cfg(test)]
pub(crate) use superblock::tests::head;
pub use superblock::{SUPERBLOCK_END, Superblock};

/// The least number of buckets: the kernel keeps a thousandth of them (rounded up to a power of two) free, and at least one.
pub const LEAST_BUCKETS: u64 = 1024;

/// Where the superblock lies in a device, in sectors (`SB_SECTOR`), and so the least room before a backing device's data.
pub const LEAST_OFFSET: Sectors = Sectors(16);

/// The state of a backing device, as its superblock has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It belongs to no cache set.
    NoCache,
    /// A scan of the whole index found nothing dirty, and nothing was written back-wise since.
    Clean,
    /// The cache has data that the device lacks.
    Dirty,
    /// It was run without its dirty cache.
    Inconsistent,
}

/// A backing device that is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backing {
    /// Its directory in sysfs.
    pub dir: PathBuf,
    /// Its state.
    pub state: State,
    /// How it treats writes; `None` for a word that this program does not know.
    pub mode: Option<CacheMode>,
    /// The cache set that it is attached to.
    pub set: Option<String>,
    /// The device that it is served as, once it runs.
    pub device: Option<Served>,
    /// From how many bytes in a row on the cache is passed by; zero for never.
    pub sequential_cutoff: Bytes,
    /// How much of the cache may be dirty before it is written back in earnest; zero for "all, at once".
    pub writeback_percent: u64,
    /// How much is dirty, rounded to two digits.
    pub dirty: Bytes,
    /// Whether the kernel fails all I/O to it.
    pub failed: bool,
    /// Its reads.
    pub counters: Counters,
    /// Errors of what it caches; kernels before 4.17 do not count them.
    pub errors: Option<u64>,
}

/// A `bcacheN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Its node.
    pub path: PathBuf,
    /// Its number.
    pub num: DevNum,
    /// Its size.
    pub size: Sectors,
}

/// A file of sysfs, and what is wanted of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knob {
    /// The file.
    pub file: PathBuf,
    /// The value.
    pub value: &'static str,
}

/// How full a cache set is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filling {
    /// All of it.
    pub capacity: Bytes,
    /// What is neither free nor its own index, to a hundredth of the capacity.
    pub resident: Bytes,
    /// Errors of its device.
    pub errors: Option<u64>,
}

/// Reads of a backing device; sysfs lags up to 14 seconds behind. What passes the cache by is counted apart by the kernel
/// (`bch_mark_cache_accounting`), and such a read is served from the cache all the same where that has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Served from the cache.
    pub hits: u64,
    /// Not, or not as a whole.
    pub misses: u64,
}

/// bcache on this host.
#[derive(Debug, Clone, Copy)]
pub struct Bcache<'a> {
    exec: &'a Exec,
    roots: &'a Roots,
}

impl<'a> Bcache<'a> {
    /// bcache, its tools run by `exec`.
    pub const fn new(exec: &'a Exec, roots: &'a Roots) -> Self {
        Self { exec, roots }
    }

    /// Makes a device a cache of its own set. It must hold no signature: make-bcache refuses whatever blkid(8) knows.
    pub fn make_cache(&self, device: &Path, set: &str, bucket: Bytes) -> Result<(), ExecError> {
        let cmd = make(set).arg("--bucket").arg(bucket.0.to_string());
        self.run(&cmd.arg("--cache").arg(device))
    }

    /// Writes the superblock of a backing device whose data begin at `offset` to the device that bears its start.
    pub fn make_backing(&self, start: &Path, set: &str, offset: Sectors) -> Result<(), ExecError> {
        let cmd = make(set).arg("--data-offset").arg(offset.0.to_string());
        self.run(&cmd.arg("--bdev").arg(start))
    }

    /// Removes every signature that blkid(8) knows.
    pub fn wipe_signatures(&self, device: &Path) -> Result<(), ExecError> {
        self.run(&Cmd::change("wipefs").args(["--all", "--quiet"]).arg(device))
    }

    /// Asks the kernel to take up a device; one that it has, or that udev has it take up at the moment, is no error.
    pub fn register(&self, device: &Path, deadline: Duration) -> Result<(), ExecError> {
        let file = self.root().join("register_quiet");
        self.set(&file, &device.to_string_lossy(), deadline)
    }

    /// Those of some knobs in sysfs that are not as wanted.
    pub fn amiss<'k>(&self, knobs: &'k [Knob], deadline: Duration) -> Result<Vec<&'k Knob>> {
        let files: Vec<PathBuf> = knobs.iter().map(|knob| knob.file.clone()).collect();
        let now = Attributes::read(self.exec, &files, deadline)?;
        let right = |knob: &Knob| {
            let text = now.text(&knob.file);
            text.is_some_and(|text| reads_as(text, knob.value))
        };
        Ok(knobs.iter().filter(|knob| !right(knob)).collect())
    }

    /// Writes to a file of sysfs.
    pub fn set(&self, file: &Path, value: &str, deadline: Duration) -> Result<(), ExecError> {
        let cmd = Cmd::change("tee").arg(file).stdin(value.as_bytes());
        self.run(&cmd.deadline(deadline))
    }

    /// The directory of a cache set, whether it is there or not.
    pub fn set_dir(&self, set: &str) -> PathBuf {
        self.root().join(set)
    }

    /// The device that a set's cache is on; `None` while the set is not there.
    pub fn stands_on(&self, set: &str) -> Option<DevNum> {
        // `cache0` leads into the directory of its device.
        attribute(&self.set_dir(set), "cache0/../dev")?.parse().ok()
    }

    /// How many backing devices a cache set has: each stands in its directory as `bdevN`.
    pub fn members(&self, set: &str) -> usize {
        let entries = std::fs::read_dir(self.set_dir(set)).into_iter().flatten();
        entries
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("bdev"))
            .count()
    }

    fn root(&self) -> PathBuf {
        self.roots.sys.join("fs/bcache")
    }

    fn run(&self, cmd: &Cmd) -> Result<(), ExecError> {
        self.exec.run(cmd).map(drop)
    }
}

/// Sizes are in bytes. 512-byte blocks: a larger one would be the disk's logical block size.
fn make(set: &str) -> Cmd {
    Cmd::change("make-bcache").args(["--block", "512", "--cset-uuid", set])
}

/// Whether a knob's text means a value: the same word, the one in brackets, or the same figure for people.
fn reads_as(text: &str, value: &str) -> bool {
    let figure = human::bytes(text).map(|bytes| bytes.0.to_string());
    text == value || text.contains(&format!("[{value}]")) || figure.as_deref() == Some(value)
}

/// The word in brackets of `writethrough [writeback] writearound none`.
fn chosen(modes: &str) -> Option<CacheMode> {
    let word = modes
        .split_whitespace()
        .find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))?;
    [
        CacheMode::None,
        CacheMode::Writearound,
        CacheMode::Writethrough,
        CacheMode::Writeback,
    ]
    .into_iter()
    .find(|mode| mode.as_str() == word)
}

#[cfg(test)]
mod tests;
