//! Looking at backing devices and cache sets: all of them in one process, none where there is nothing to look at.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::attributes::Attributes;
use super::{Backing, Bcache, Counters, Filling, Served, State, chosen, human};
use crate::model::{Bytes, Sectors};
use crate::sys::DevNum;
use crate::sys::block::attribute;
use crate::{Error, Kind, Result};

/// What is read of a backing device.
const OF_BACKING: [&str; 11] = [
    "state",
    "cache_mode",
    "sequential_cutoff",
    "writeback_percent",
    "dirty_data",
    "io_disable",
    "io_errors",
    "stats_total/cache_hits",
    "stats_total/cache_misses",
    "stats_total/cache_bypass_hits",
    "stats_total/cache_bypass_misses",
];
/// And of a cache set; the kernel sorts all of its buckets for the last one.
const OF_SET: [&str; 4] = [
    "bucket_size",
    "cache0/nbuckets",
    "cache0/io_errors",
    "cache0/priority_stats",
];

/// What the kernel had of bcache at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    backings: HashMap<DevNum, Backing>,
    sets: HashMap<String, Filling>,
}

impl Look {
    /// The backing device that a device bears, if the kernel had taken it up.
    pub fn backing(&self, bearer: DevNum) -> Option<&Backing> {
        self.backings.get(&bearer)
    }

    /// How full a cache set was; `None` if it was not there, or had none of the devices that were asked for.
    pub fn filling(&self, set: &str) -> Option<Filling> {
        self.sets.get(set).copied()
    }
}

impl Bcache<'_> {
    /// Looks at the backing devices that some devices bear, and at the cache sets that these belong to.
    ///
    /// Errors: [`Kind::Timeout`] while the kernel takes up a device that hangs.
    pub fn look(&self, bearers: &[DevNum], deadline: Duration) -> Result<Look> {
        let there: Vec<(DevNum, PathBuf)> = bearers
            .iter()
            .map(|bearer| (*bearer, self.dir(*bearer)))
            .filter(|(_, dir)| dir.exists())
            .collect();
        let sets: BTreeSet<String> = there.iter().filter_map(|(_, dir)| set_of(dir)).collect();
        let files = files(there.iter().map(|(_, dir)| dir.as_path()), &OF_BACKING);
        let dirs: Vec<PathBuf> = sets.iter().map(|set| self.set_dir(set)).collect();
        let of_sets = self::files(dirs.iter().map(PathBuf::as_path), &OF_SET);
        let texts = Attributes::read(self.exec, &[files, of_sets].concat(), deadline)?;
        let mut look = Look::default();
        for (bearer, dir) in there {
            if let Some(backing) = self.judge(&dir, &texts)? {
                look.backings.insert(bearer, backing);
            }
        }
        look.sets = sets
            .into_iter()
            .filter_map(|set| Some((set.clone(), filling(&self.set_dir(&set), &texts)?)))
            .collect();
        Ok(look)
    }

    /// The backing device that a device bears, if the kernel has taken it up; without a look at its set.
    ///
    /// Errors: as of [`Bcache::look`].
    pub fn backing(&self, bearer: DevNum, deadline: Duration) -> Result<Option<Backing>> {
        let dir = self.dir(bearer);
        if !dir.exists() {
            return Ok(None);
        }
        let files = files([dir.as_path()].into_iter(), &OF_BACKING);
        let texts = Attributes::read(self.exec, &files, deadline)?;
        self.judge(&dir, &texts)
    }

    fn dir(&self, bearer: DevNum) -> PathBuf {
        bearer.sysfs(self.roots).join("bcache")
    }

    /// What a backing device says of itself; `None` if it went meanwhile. One that is there and says nothing is not taken for
    /// none: it may be dirty.
    fn judge(&self, dir: &Path, texts: &Attributes) -> Result<Option<Backing>> {
        match self.read_backing(dir, texts) {
            None if dir.exists() => {
                let message = format!("{} does not say what bcache is to say", dir.display());
                Err(Error::new(Kind::Failed, message).remedy(
                    "run it again; if that does not help, this kernel's bcache is not known to this release",
                ))
            }
            read => Ok(read),
        }
    }

    fn read_backing(&self, dir: &Path, texts: &Attributes) -> Option<Backing> {
        let text = |name: &str| texts.get(dir, name);
        let state = match text("state")? {
            "no cache" => State::NoCache,
            "clean" => State::Clean,
            "dirty" => State::Dirty,
            _ => State::Inconsistent,
        };
        let served = dir.join("dev").canonicalize().ok();
        Some(Backing {
            state,
            mode: text("cache_mode").and_then(chosen),
            set: set_of(dir),
            device: served.and_then(|dir| self.served(&dir)),
            sequential_cutoff: human::bytes(text("sequential_cutoff")?)?,
            writeback_percent: texts.number(dir, "writeback_percent")?,
            dirty: human::bytes(text("dirty_data")?)?,
            failed: text("io_disable").is_some_and(|flag| flag != "0"),
            counters: counters(dir, texts),
            errors: texts.number(dir, "io_errors"),
            dir: dir.to_owned(),
        })
    }

    /// The `bcacheN`; its own attributes are not bcache's, and take no lock.
    fn served(&self, dir: &Path) -> Option<Served> {
        let name = dir.file_name()?;
        Some(Served {
            path: self.roots.dev.join(name),
            num: attribute(dir, "dev")?.parse().ok()?,
            size: Sectors(attribute(dir, "size")?.parse().ok()?),
        })
    }
}

fn files<'d>(dirs: impl Iterator<Item = &'d Path>, names: &[&str]) -> Vec<PathBuf> {
    dirs.flat_map(|dir| names.iter().map(|name| dir.join(name)))
        .collect()
}

/// The set that a backing device belongs to: a link to its directory.
fn set_of(dir: &Path) -> Option<String> {
    let set = dir.join("cache").canonicalize().ok()?;
    Some(set.file_name()?.to_string_lossy().into_owned())
}

fn counters(dir: &Path, texts: &Attributes) -> Counters {
    let count = |name: &str| {
        let total = Path::new("stats_total").join(name);
        texts.number(dir, &total.to_string_lossy()).unwrap_or(0)
    };
    Counters {
        hits: count("cache_hits") + count("cache_bypass_hits"),
        misses: count("cache_misses") + count("cache_bypass_misses"),
    }
}

fn filling(dir: &Path, texts: &Attributes) -> Option<Filling> {
    let buckets = texts.number(dir, "cache0/nbuckets")?;
    let bucket = human::bytes(texts.get(dir, "bucket_size")?)?;
    let capacity = Bytes(buckets.saturating_mul(bucket.0));
    let stats = texts.get(dir, "cache0/priority_stats")?;
    let percent = |name| human::percent(stats, name).unwrap_or(0);
    let empty = (percent("Unused:") + percent("Metadata:")).min(100);
    Some(Filling {
        capacity,
        resident: Bytes(capacity.0 / 100 * (100 - empty)),
        errors: texts.number(dir, "cache0/io_errors"),
    })
}
