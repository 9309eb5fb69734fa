//! Who works on a disk now, at what, and how far that is.

use std::path::Path;

use serde::Serialize;

use crate::disk::record::Record;
use crate::host::Host;
use crate::model::Bytes;
use crate::sys::lock::{DiskLock, Holder};

/// Who works on a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct AtWork {
    /// The process that holds the disk's lock.
    #[serde(flatten)]
    pub holder: Holder,
    /// What its copier has read so far, if it has one: of a seed by reading, in all passes.
    pub read: Option<Bytes>,
}

impl AtWork {
    pub(super) fn on(host: &Host, record: &Record) -> Option<Self> {
        let holder = DiskLock::holder(&host.roots.run, &record.key)?;
        let read = holder.doing.as_ref();
        let read = read.and_then(|_| read_by_child(&host.roots.proc, holder.pid));
        Some(Self { holder, read })
    }
}

impl std::fmt::Display for AtWork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.holder.fmt(f)?;
        match self.read {
            Some(read) => write!(f, ", {read} read so far"),
            None => Ok(()),
        }
    }
}

/// What the child of a process has read (proc_pid_io(5), `rchar`, which counts direct I/O as well); it has one at a time.
fn read_by_child(proc: &Path, parent: u32) -> Option<Bytes> {
    let dirs = std::fs::read_dir(proc).ok()?.filter_map(Result::ok);
    let mut dirs = dirs.filter(|dir| dir.file_name().to_string_lossy().parse::<u32>().is_ok());
    let child = dirs.find(|dir| is_child(&dir.path(), parent))?;
    let io = std::fs::read_to_string(child.path().join("io")).ok()?;
    let read = io.lines().find_map(|line| line.strip_prefix("rchar: "))?;
    Some(Bytes(read.trim().parse().ok()?))
}

/// By the fourth field of proc_pid_stat(5); the second is a name in parentheses, and may hold anything.
fn is_child(process: &Path, parent: u32) -> bool {
    let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
    let rest = stat.rsplit_once(')').map(|(_, rest)| rest);
    let ppid = rest.and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
    ppid == Some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_child_has_read() {
        let proc = tempfile::tempdir().unwrap();
        let process = |pid: u32, stat: &str, read: u64| {
            let dir = proc.path().join(pid.to_string());
            std::fs::create_dir(&dir).unwrap();
            crate::sys::atomic::write(&dir.join("stat"), stat.as_bytes()).unwrap();
            let io = format!("rchar: {read}\nwchar: 7\n");
            crate::sys::atomic::write(&dir.join("io"), io.as_bytes()).unwrap();
        };
        process(20, "20 (warmblock) S 1 20 20 0", 5);
        process(21, "21 (a) S 20 (b) S 9 21", 6);
        process(22, "22 (warm block) S 20 22 20 0", 4096);
        assert_eq!(read_by_child(proc.path(), 20), Some(Bytes(4096)));
        assert_eq!(read_by_child(proc.path(), 22), None);
    }
}
