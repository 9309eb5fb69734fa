//! flashcache's knobs below /proc/sys/dev/flashcache, and its error counters below /proc/flashcache.

use std::path::PathBuf;

use crate::exec::{Cmd, ExecError};
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

/// The files of one cache: below the last components of its SSD's and its disk's path. Knobs are turned by tee(1), a process that can be
/// left behind: `do_sync` writes back within the very write that asks for it, and a disk that hangs keeps that from being killed.
#[derive(Debug)]
pub(super) struct Sysctl<'h> {
    host: &'h Host,
    knobs: PathBuf,
    figures: PathBuf,
}

impl<'h> Sysctl<'h> {
    pub(super) fn of(host: &'h Host, key: &DiskKey) -> Self {
        let name = format!("{}+wb-{key}-disk", key.lv(Role::Data));
        let proc = &host.roots.proc;
        Self {
            host,
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
        let missing = || {
            let message = format!("cannot write {value} to {}", path.display());
            Error::new(Kind::Failed, message).remedy(
                "see whether the module flashcache is loaded and the cache is there: `dmsetup ls`",
            )
        };
        if !path.exists() {
            return Err(missing());
        }
        let tee = Cmd::change("tee")
            .arg(&path)
            .stdin(format!("{value}\n"))
            .deadline(self.host.config.deadline.tool);
        match self.host.exec.run(&tee) {
            Ok(_) => Ok(()),
            Err(error @ ExecError::Timeout { .. }) => Err(Error::new(
                Kind::Timeout,
                format!("the kernel has not taken {value} for {}", path.display()),
            )
            .because(error)
            .remedy("nothing is lost: see whether Ceph answers (`ceph -s`), then run the same command again")),
            Err(error) => Err(missing().because(error)),
        }
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
