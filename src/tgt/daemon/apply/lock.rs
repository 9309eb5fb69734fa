//! One of those who change the daemon at a time; the kernel lets go when its holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::host::Host;
use crate::sys::wait;
use crate::{Error, Kind, Result};

/// Held while the daemon is changed; waits for whoever has it.
pub(in crate::tgt) fn lock(host: &Host) -> Result<File> {
    let (file, path) = open(host)?;
    wait::until(
        "another `warmblock tgt`",
        host.config.deadline.lock,
        || match file.try_lock() {
            Ok(()) => Ok(Some(())),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(cannot(&path, error)),
        },
    )?;
    Ok(file)
}

/// The same, if nobody has it: who does keeps the notes in the registry by himself.
pub(in crate::tgt) fn try_lock(host: &Host) -> Result<Option<File>> {
    let (file, path) = open(host)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(cannot(&path, error)),
    }
}

fn open(host: &Host) -> Result<(File, PathBuf)> {
    let path = host.roots.run.join("tgt.lock");
    std::fs::create_dir_all(&host.roots.run).map_err(|error| cannot(&path, error))?;
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(false).mode(0o600);
    match options.open(&path) {
        Ok(file) => Ok((file, path)),
        Err(error) => Err(cannot(&path, error)),
    }
}

fn cannot(path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Failed, format!("cannot lock {}", path.display())).because(error)
}
