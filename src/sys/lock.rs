//! One lock per disk per host, so that two jobs never work on one disk at once; and one for what disks have in common, which is
//! taken after a disk's own and never before. The registry of exported targets has one of the same kind beside its file.
//!
//! It is flock(2) on a file, so the kernel lets go of it when the holder dies, however it dies. The file says who holds it
//! and is never removed: a lock file that is unlinked lets two processes hold "the" lock on two different inodes. Should
//! somebody else have removed it (a cleaner of `/run`), the inode is compared after locking and the lock taken anew.
//! The file is opened close-on-exec, so a daemon started by some tool cannot keep it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::wait;
use crate::error::{Error, Kind, Result};
use crate::model::{DiskKey, SharedName};

/// Who holds a lock, as its file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// What it does, for example `attach`.
    pub what: String,
    /// Since when, in seconds of Unix time.
    pub since: u64,
}

/// A held lock on a file; dropping it lets go.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

/// A held lock of a disk; dropping it lets go.
#[derive(Debug)]
pub struct DiskLock {
    _lock: FileLock,
}

impl DiskLock {
    /// Takes the lock of a disk, waiting for it until the deadline. `what` is shown to others who wait meanwhile. The error
    /// of kind [`Kind::Busy`] names the holder.
    pub fn acquire(run_dir: &Path, key: &DiskKey, what: &str, deadline: Duration) -> Result<Self> {
        Self::named(
            run_dir,
            &key.to_string(),
            &format!("disk {key}"),
            what,
            deadline,
        )
    }

    /// Takes the lock of what the disks of this host have in common, in the same way.
    pub fn of_shared(run_dir: &Path, what: &str, deadline: Duration) -> Result<Self> {
        let name = SharedName.to_string();
        Self::named(
            run_dir,
            &name,
            &format!("the shared volume {name}"),
            what,
            deadline,
        )
    }

    fn named(
        run_dir: &Path,
        name: &str,
        whose: &str,
        what: &str,
        deadline: Duration,
    ) -> Result<Self> {
        let path = run_dir.join("lock").join(format!("{name}.lock"));
        let lock = FileLock::acquire(&path, whose, what, deadline)?;
        Ok(Self { _lock: lock })
    }
}

impl FileLock {
    /// Takes the lock at `path`, which guards `whose`; makes the file and its directory. Otherwise as [`DiskLock::acquire`].
    pub fn acquire(path: &Path, whose: &str, what: &str, deadline: Duration) -> Result<Self> {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(|error| cannot(dir, error))?;
        }
        let taken = wait::until("the lock", deadline, || try_lock(path));
        match taken {
            Ok(file) => Self::sign(file, what).map_err(|error| cannot(path, error)),
            Err(error) if error.kind() == Kind::Timeout => Err(busy(whose, path)),
            Err(error) => Err(error),
        }
    }

    /// Writes into the file who holds it; in place, since a rename would bring another inode.
    fn sign(mut file: File, what: &str) -> std::io::Result<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let holder = Holder {
            pid: std::process::id(),
            what: what.to_owned(),
            since: since.map_or(0, |since| since.as_secs()),
        };
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&serde_json::to_vec(&holder)?)?;
        Ok(Self { _file: file })
    }
}

fn try_lock(path: &Path) -> Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.mode(0o600).open(path);
    let file = file.map_err(|error| cannot(path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(is_at(&file, path).then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(cannot(path, error)),
    }
}

/// Whether the open file still is the one that others find at the path.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), path.metadata()) {
        (Ok(ours), Ok(theirs)) => (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()),
        _ => false,
    }
}

fn cannot(path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Failed, format!("cannot lock {}", path.display())).because(error)
}

fn busy(whose: &str, path: &Path) -> Error {
    let holder = read_holder(path).map_or_else(
        || "another process".to_owned(),
        |Holder { pid, what, since }| {
            let since = UNIX_EPOCH + Duration::from_secs(since);
            format!(
                "process {pid} ({what}, since {})",
                humantime::format_rfc3339_seconds(since)
            )
        },
    );
    Error::new(
        Kind::Busy,
        format!("{whose} is being worked on by {holder}"),
    )
    .remedy("wait until that has ended, then run the same command again")
}

fn read_holder(path: &Path) -> Option<Holder> {
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(4096)
        .read_to_string(&mut text)
        .ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> DiskKey {
        "801945f3-3-ab12".parse().unwrap()
    }

    #[test]
    fn a_held_lock_is_refused_with_its_holder_and_free_after_drop() {
        let dir = tempfile::tempdir().unwrap();
        let take = |what| DiskLock::acquire(dir.path(), &key(), what, Duration::from_millis(20));
        let held = take("attach").unwrap();
        let error = take("detach").unwrap_err();
        assert_eq!(error.kind(), Kind::Busy);
        let holder = format!("process {} (attach, since 2", std::process::id());
        assert!(error.to_string().contains(&holder), "{error}");
        drop(held);
        drop(take("detach").unwrap());
    }

    #[test]
    fn a_lock_file_that_was_removed_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let take = || DiskLock::acquire(dir.path(), &key(), "x", Duration::from_millis(20));
        let path = dir.path().join("lock").join("801945f3-3-ab12.lock");
        drop(take().unwrap());
        let stale = File::open(&path).unwrap();
        stale.lock().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(!is_at(&stale, &path));
        drop(take().unwrap());
    }
}
