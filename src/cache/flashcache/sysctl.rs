//! flashcache's knobs below /proc/sys/dev/flashcache, and its error counters below /proc/flashcache.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use crate::host::Host;
use crate::model::{DiskKey, Role};
use crate::tools::flashcache::parse_errors;
use crate::{Error, Kind, Result};

/// A knob of one cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Knob {
    /// 1: everything is cached but streams; 0: nothing new is.
    CacheAll,
    /// From how many KiB on a stream is not cached; 0: streams are.
    SkipSequential,
    /// 1: write everything back now. Write-back caches only.
    DoSync,
    /// 1: a removal leaves dirty blocks where they are. Write-back caches only.
    FastRemove,
}

impl Knob {
    const fn file(self) -> &'static str {
        match self {
            Self::CacheAll => "cache_all",
            Self::SkipSequential => "skip_seq_thresh_kb",
            Self::DoSync => "do_sync",
            Self::FastRemove => "fast_remove",
        }
    }
}

/// The files of one cache: below the last components of its SSD's and its disk's path.
#[derive(Debug)]
pub(super) struct Sysctl {
    knobs: PathBuf,
    figures: PathBuf,
}

impl Sysctl {
    pub(super) fn of(host: &Host, key: &DiskKey) -> Self {
        let name = format!("{}+wb-{key}-disk", key.lv(Role::Data));
        let proc = &host.roots.proc;
        Self {
            knobs: proc.join("sys/dev/flashcache").join(&name),
            figures: proc.join("flashcache").join(&name),
        }
    }

    pub(super) fn get(&self, knob: Knob) -> Option<u64> {
        let text = std::fs::read_to_string(self.knobs.join(knob.file())).ok()?;
        text.trim().parse().ok()
    }

    pub(super) fn set(&self, knob: Knob, value: u64) -> Result<()> {
        let path = self.knobs.join(knob.file());
        let written = File::options().write(true).open(&path);
        let written = written.and_then(|mut file| file.write_all(format!("{value}\n").as_bytes()));
        written.map_err(|error| {
            Error::new(
                Kind::Failed,
                format!("cannot write {value} to {}", path.display()),
            )
            .because(error)
            .remedy(
                "see whether the module flashcache is loaded and the cache is there: `dmsetup ls`",
            )
        })?;
        crate::fault::step(&format!("sysctl {}", knob.file()));
        Ok(())
    }

    /// Sets a knob that not every mode has.
    pub(super) fn set_if_there(&self, knob: Knob, value: u64) -> Result<()> {
        if self.get(knob).is_none() {
            return Ok(());
        }
        self.set(knob, value)
    }

    /// Errors of the SSD, and of the disk.
    pub(super) fn errors(&self) -> Result<(u64, u64)> {
        let path = self.figures.join("flashcache_errors");
        let cannot = || Error::new(Kind::Failed, format!("cannot read {}", path.display()));
        let text = std::fs::read_to_string(&path).map_err(|error| cannot().because(error))?;
        parse_errors(&text).map_err(|why| cannot().because(why))
    }
}
