//! Who holds a lock, as its file says; and asking that process to stop.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::sys::{Roots, process};

/// Who holds a lock, as its file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// When that process began, in clock ticks since the boot (proc_pid_stat(5), field 22): a number is given to another
    /// process sooner or later, but not with this. Absent in what older releases wrote.
    #[serde(default)]
    pub began: Option<u64>,
    /// What it does, for example `attach`.
    pub what: String,
    /// Which long part of that it is at, for example `seeding 8 GiB`.
    #[serde(default)]
    pub doing: Option<String>,
    /// Since when, in seconds of Unix time.
    pub since: u64,
}

impl Holder {
    /// This process, from now on.
    pub(super) fn me(what: &str) -> Self {
        Self {
            what: what.to_owned(),
            ..Self::of(std::process::id())
        }
    }

    /// A process that is there.
    pub(super) fn of(pid: u32) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            pid,
            began: began(pid),
            what: String::new(),
            doing: None,
            since: since.map_or(0, |since| since.as_secs()),
        }
    }

    /// Reads it from the lock's file; nothing of one that is just being written.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let mut text = String::new();
        File::open(path)
            .ok()?
            .take(4096)
            .read_to_string(&mut text)
            .ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes it into the lock's file; in place, since a rename would bring another inode.
    pub(super) fn write(&self, mut file: &File) -> io::Result<()> {
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&serde_json::to_vec(self)?)
    }

    /// Whether the very process that wrote this is there.
    pub(super) fn is_there(&self) -> bool {
        self.began.is_some() && began(self.pid) == self.began
    }

    /// Asks the process to stop (SIGTERM), which our programs answer by undoing what they began. Nobody is asked but the very
    /// process that wrote this: one that ended, and whose number another one has by now, is not. Whether it was asked.
    pub(super) fn ask_to_stop(&self) -> bool {
        let pid = i32::try_from(self.pid).ok().filter(|_| self.is_there());
        pid.is_some_and(|pid| kill(Pid::from_raw(pid), Signal::SIGTERM).is_ok())
    }
}

/// As the end of a sentence about a lock.
impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let since = UNIX_EPOCH + Duration::from_secs(self.since);
        write!(f, "process {} ({}, ", self.pid, self.what)?;
        if let Some(doing) = &self.doing {
            write!(f, "{doing}, ")?;
        }
        write!(f, "since {})", humantime::format_rfc3339_seconds(since))
    }
}

/// On this machine, whatever directories are moved elsewhere: the locks are the kernel's.
fn began(pid: u32) -> Option<u64> {
    process::began(&Roots::default(), pid)
}
