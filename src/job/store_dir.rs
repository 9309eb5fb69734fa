//! The directory of a system datastore on a host: whether whoever asks may work in it.

use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::unistd::{AccessFlags, faccessat};
use serde::{Deserialize, Serialize};

use super::VmDirReport;
use super::vm_dir::{MAY_NOT, report};
use crate::model::{Change, PlainPath};
use crate::{Error, Kind, Result};

/// `look-dir`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreDir {
    /// `…/DATASTORE`, a number.
    pub path: PathBuf,
}

/// Looks whether the directories of VMs can be made there. Nothing is written: the kernel asks an NFS server what this user may do
/// (the ACCESS procedure, RFC 1813). A kernel before 5.8 tells what root may do (access(2), `AT_EACCESS`).
///
/// # Errors
/// [`Kind::Missing`] if it may not; [`Kind::Usage`] for a path that is no datastore's.
pub(super) fn look(job: &StoreDir) -> Result<VmDirReport> {
    check(&job.path)?;
    let there = job.path.ancestors().find(|dir| dir.exists());
    let there = there.unwrap_or_else(|| Path::new("/"));
    let wanted = AccessFlags::W_OK | AccessFlags::X_OK;
    let may = faccessat(AT_FDCWD, there, wanted, AtFlags::AT_EACCESS);
    may.map_err(|error| {
        let message = format!("whoever asks for it may not write in {}", there.display());
        Error::new(Kind::Missing, message)
            .because(error)
            .remedy(MAY_NOT)
    })?;
    let change = match there == job.path {
        true => Change::Kept,
        false => Change::Absent,
    };
    Ok(report(&job.path, change, false))
}

fn check(path: &Path) -> Result<()> {
    if PlainPath::of(path, 1).is_some_and(|path| path.ends_with_numbers(1)) {
        return Ok(());
    }
    let message = format!("{} is no datastore's directory", path.display());
    Err(Error::new(Kind::Usage, message).remedy("it ends with the number of a datastore"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn looked(path: PathBuf) -> Result<Change, Kind> {
        let looked = look(&StoreDir { path });
        looked
            .map(|report| report.change)
            .map_err(|error| error.kind())
    }

    #[test]
    fn a_datastores_directory_that_is_there_and_one_that_will_be() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("103");
        assert_eq!(looked(store.clone()), Ok(Change::Absent));
        std::fs::create_dir(&store).unwrap();
        assert_eq!(looked(store.clone()), Ok(Change::Kept));
        for bad in ["103", "/", "/d/x", "/d/../103"] {
            assert_eq!(looked(bad.into()), Err(Kind::Usage), "{bad}");
        }
        // Root may write anywhere, but for a file system that is for reading only.
        let read_only = std::fs::Permissions::from_mode(0o500);
        std::fs::set_permissions(&store, read_only).unwrap();
        let wanted = match nix::unistd::geteuid().is_root() {
            true => Ok(Change::Kept),
            false => Err(Kind::Missing),
        };
        assert_eq!(looked(store), wanted);
        // Nobody may make anything in a file.
        let file = dir.path().join("file");
        crate::sys::atomic::write(&file, b"").unwrap();
        assert_eq!(looked(file.join("103")), Err(Kind::Missing));
    }
}
