//! One lock per disk per host, so that two jobs never work on one disk at once; and one for what disks have in common, which is
//! taken after a disk's own and never before. The registry of exported targets has one of the same kind beside its file.
//!
//! It is flock(2) on a file, so the kernel lets go of it when the holder dies, however it dies. The file says who holds it
//! and is never removed: a lock file that is unlinked lets two processes hold "the" lock on two different inodes. Should
//! somebody else have removed it (a cleaner of `/run`), the inode is compared after locking and the lock taken anew.
//! The file is opened close-on-exec, so a daemon started by some tool cannot keep it.

mod holder;

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::holder::Holder;
use super::wait;
use crate::error::{Error, Kind, Result};
use crate::model::{DiskKey, SharedName};

/// A held lock; dropping it lets go.
#[derive(Debug)]
pub struct DiskLock {
    file: File,
    holder: Holder,
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

    /// Takes the lock of a disk that is to go. A holder that `may_stop` names is asked to, once, and then has `patience` to undo
    /// what it began; anybody else is waited for until the deadline, as in [`acquire`](Self::acquire).
    ///
    /// Of several who ask at once, one does, and the others wait for it: a second request ends the holder on the spot, and is
    /// kept for one that did not stop in all that time.
    pub fn acquire_stopping(
        run_dir: &Path,
        key: &DiskKey,
        what: &str,
        (deadline, patience): (Duration, Duration),
        may_stop: impl Fn(&Holder) -> bool,
    ) -> Result<Self> {
        let (name, whose) = (key.to_string(), format!("disk {key}"));
        match Self::named(run_dir, &name, &whose, what, Duration::ZERO) {
            Err(error) if error.kind() == Kind::Busy => {}
            other => return other,
        }
        let asking = format!("{name}.stop");
        let _one_asks = Self::named(run_dir, &asking, &whose, what, deadline)?;
        let path = file_of(run_dir, &name);
        let stopped = wait::poll(deadline, || match try_lock(&path) {
            Ok(None) => {
                let asked = Holder::read(&path)
                    .filter(|holder| may_stop(holder))
                    .is_some_and(|holder| holder.ask_to_stop());
                asked.then_some(())
            }
            // Free, or an error, which comes again below.
            Ok(Some(_)) | Err(_) => Some(()),
        });
        let left = stopped.map_or(Duration::ZERO, |()| patience);
        Self::named(run_dir, &name, &whose, what, left)
    }

    /// Who works on a disk now, if anybody does. The lock is not touched: somebody else may just be trying to take it.
    pub fn holder(run_dir: &Path, key: &DiskKey) -> Option<Holder> {
        Holder::read(&file_of(run_dir, &key.to_string())).filter(Holder::is_there)
    }

    /// Tells those who wait which long part of the work has begun; or none any more.
    pub fn doing(&mut self, what: Option<String>) {
        self.holder.doing = what;
        if let Err(error) = self.holder.write(&self.file) {
            tracing::debug!("cannot say in the lock what is being done: {error}");
        }
    }

    fn named(
        run_dir: &Path,
        name: &str,
        whose: &str,
        what: &str,
        deadline: Duration,
    ) -> Result<Self> {
        Self::of_file(&file_of(run_dir, name), whose, what, deadline)
    }

    /// Takes the lock at `path`, which guards `whose`, in the same way; makes the file and its directory.
    pub fn of_file(path: &Path, whose: &str, what: &str, deadline: Duration) -> Result<Self> {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(|error| cannot(dir, error))?;
        }
        let taken = wait::until("the lock", deadline, || try_lock(path));
        match taken {
            Ok(file) => Ok(Self::sign(file, what)),
            Err(error) if error.kind() == Kind::Timeout => Err(busy(whose, path)),
            Err(error) => Err(error),
        }
    }

    /// Writes into the file who holds it. A full `/run` takes no name, which only others would have read, and keeps nobody from the
    /// work: without one the holder is "another process".
    fn sign(file: File, what: &str) -> Self {
        let mut lock = Self {
            file,
            holder: Holder::me(what),
        };
        lock.doing(None);
        lock
    }
}

impl Drop for DiskLock {
    /// Whoever looks between two holders must not take the last one for the next.
    fn drop(&mut self) {
        if let Err(error) = self.file.set_len(0) {
            tracing::debug!("cannot take the name off a lock: {error}");
        }
    }
}

fn file_of(run_dir: &Path, name: &str) -> PathBuf {
    run_dir.join("lock").join(format!("{name}.lock"))
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
    let holder = Holder::read(path)
        .map_or_else(|| "another process".to_owned(), |holder| holder.to_string());
    Error::new(
        Kind::Busy,
        format!("{whose} is being worked on by {holder}"),
    )
    .remedy("wait until that has ended, then run the same command again")
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
    fn a_full_file_system_keeps_nobody_from_the_work() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("full.lock");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let take = || DiskLock::of_file(&path, "disk 1", "detach", Duration::ZERO);
        let held = take().unwrap();
        let error = take().unwrap_err();
        assert!(error.to_string().contains("by another process"), "{error}");
        drop(held);
        drop(take().unwrap());
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

    #[test]
    fn who_waits_is_told_how_far_the_holder_is() {
        let dir = tempfile::tempdir().unwrap();
        let take = || DiskLock::acquire(dir.path(), &key(), "attach", Duration::ZERO);
        let mut held = take().unwrap();
        held.doing(Some("seeding 8 GiB".into()));
        let error = take().unwrap_err();
        assert!(
            error
                .to_string()
                .contains("(attach, seeding 8 GiB, since 2"),
            "{error}"
        );
        held.doing(None);
        assert!(!take().unwrap_err().to_string().contains("seeding"));
    }

    /// A process that stands for the holder; this one keeps the lock for it.
    fn held_by_a_child(dir: &Path, what: &str) -> (DiskLock, std::process::Child) {
        #[expect(clippy::disallowed_methods, reason = "somebody has to get the signal")]
        let mut child = std::process::Command::new("sleep");
        let child = child.arg("600").spawn().unwrap();
        let mut lock = DiskLock::acquire(dir, &key(), what, Duration::ZERO).unwrap();
        lock.holder = Holder {
            what: what.into(),
            ..Holder::of(child.id())
        };
        lock.doing(None);
        (lock, child)
    }

    fn stopping(dir: &Path) -> Result<DiskLock> {
        let little = Duration::from_millis(50);
        DiskLock::acquire_stopping(dir, &key(), "detach", (little, little), |holder| {
            holder.what == "attach"
        })
    }

    #[test]
    fn a_holder_is_asked_to_stop_and_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let (lock, mut child) = held_by_a_child(dir.path(), "attach");
        assert_eq!(stopping(dir.path()).unwrap_err().kind(), Kind::Busy);
        let ended = std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap());
        assert_eq!(ended, Some(15));
        drop(lock);
        drop(stopping(dir.path()).unwrap());
    }

    #[test]
    fn nobody_else_is() {
        let dir = tempfile::tempdir().unwrap();
        // What may not be stopped; a number that another process has by now; and a holder of an older release.
        for (what, shift, known) in [
            ("flush", 0, true),
            ("attach", 1, true),
            ("attach", 0, false),
        ] {
            let (mut lock, mut child) = held_by_a_child(dir.path(), what);
            let began = lock.holder.began.filter(|_| known);
            lock.holder.began = began.map(|began| began + shift);
            lock.doing(None);
            assert_eq!(stopping(dir.path()).unwrap_err().kind(), Kind::Busy);
            assert!(
                child.try_wait().unwrap().is_none(),
                "{what} {shift} {known}"
            );
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
