//! A VM's disks as files, for a backup: `…/DATASTORE/VM/backup` with the VM's document and a qcow2 file per disk.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use nix::sys::statvfs::statvfs;
use serde::{Deserialize, Serialize};

use super::{VmDirReport, vm_dir};
use crate::host::Host;
use crate::model::{Access, Bytes, Change, ImageSpec, PlainPath, SnapName};
use crate::sys::atomic;
use crate::{Context, Error, Kind, Result, image};

/// Where the files are, in the VM's directory.
const DIR: &str = "backup";

/// `backup`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// `…/DATASTORE/VM`
    pub path: PathBuf,
    /// Where the files go, if not there: into `BASE/VM/backup`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<PathBuf>,
    /// The VM's document as oned gave it.
    pub document: String,
    /// Its disks.
    pub disks: Vec<BackupDisk>,
}

impl std::fmt::Debug for Backup {
    /// A VM's document holds passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Backup({}, {:?})", self.path.display(), self.disks)
    }
}

/// A disk in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupDisk {
    /// Its number in the VM.
    pub disk: u32,
    /// The number of the increment; 0 for all of it.
    pub increment: u32,
    /// Its image.
    pub image: ImageSpec,
    /// The snapshot that is saved.
    pub snap: SnapName,
    /// The one of the increment before.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub since: Option<SnapName>,
    /// How it is reached, where that is not as the host's configuration says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
}

/// `backup-room`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupRoom {
    /// `…/DATASTORE/VM`
    pub path: PathBuf,
    /// As of [`Backup`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<PathBuf>,
    /// The disks that are to be saved. Their snapshots need not be there yet.
    pub disks: Vec<BackupDisk>,
}

/// `end-backup`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndBackup {
    /// `…/DATASTORE/VM`
    pub path: PathBuf,
    /// As of [`Backup`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<PathBuf>,
}

/// Sees that there is room for the files while the guest still runs; what an earlier run left is removed for it. What a write-back
/// cache has not written yet is not counted.
///
/// # Errors
/// [`Kind::NoSpace`], and those of [`image::weigh`].
pub(super) fn room(host: &Host, job: &BackupRoom, dry_run: bool) -> Result<VmDirReport> {
    let dir = directory(&job.path, job.base.as_deref())?;
    if !dry_run {
        host.as_caller(|| clear(&dir))?;
    }
    let mut wanted = 0;
    for disk in &job.disks {
        let apart = disk.access.as_ref().map(|access| host.by(access));
        let host = apart.as_ref().unwrap_or(host);
        let weight = image::weigh(host, &disk.image, disk.since.as_ref());
        wanted += weight
            .context(|| format!("cannot back up disk {}", disk.disk))?
            .0;
    }
    let free = host.as_caller(|| free_at(&dir))?;
    enough(Bytes(wanted), free, &dir)?;
    Ok(vm_dir::report(&dir, Change::Kept, dry_run))
}

/// The room where a directory is, or will be.
fn free_at(dir: &Path) -> Result<Bytes> {
    let there = dir.ancestors().find(|dir| dir.exists()).unwrap_or(dir);
    let free = statvfs(there).map_err(|error| vm_dir::failed("look at", there, error.into()))?;
    Ok(Bytes(
        free.blocks_available() as u64 * free.fragment_size() as u64,
    ))
}

fn enough(wanted: Bytes, free: Bytes, dir: &Path) -> Result<()> {
    if wanted <= free {
        return Ok(());
    }
    let message = format!(
        "the files of the backup may take {wanted}, and there is room for {free} at {}",
        dir.display()
    );
    Err(Error::new(Kind::NoSpace, message).remedy(
        "make room there, or have BACKUP_BASE_PATH of oned's datastore.conf name a directory on a larger file system",
    ))
}

/// Writes the files, for whoever asks and nobody else. What an earlier run left is removed first.
///
/// # Errors
/// [`Kind::Usage`] for a path that is no VM's directory, and those of [`image::save`].
pub(super) fn make(host: &Host, job: &Backup, dry_run: bool) -> Result<VmDirReport> {
    let dir = directory(&job.path, job.base.as_deref())?;
    if dry_run {
        return Ok(vm_dir::report(&dir, Change::Made, true));
    }
    host.as_caller(|| prepare(&dir, job.base.as_deref()))?;
    for disk in &job.disks {
        let path = dir.join(format!("disk.{}.{}", disk.disk, disk.increment));
        let new = || File::create_new(&path).map_err(|error| vm_dir::failed("make", &path, error));
        let file = host.as_caller(new)?;
        let apart = disk.access.as_ref().map(|access| host.by(access));
        let host = apart.as_ref().unwrap_or(host);
        image::save(host, &disk.image, &disk.snap, disk.since.as_ref(), &file)
            .context(|| format!("cannot back up disk {}", disk.disk))?;
        crate::fault::step(&format!("save {}", path.display()));
    }
    let path = dir.join("vm.xml");
    let document = BASE64_STANDARD.encode(&job.document);
    host.as_caller(|| atomic::write_mode(&path, document.as_bytes(), 0o600))?;
    Ok(vm_dir::report(&dir, Change::Made, false))
}

/// Removes the files.
///
/// # Errors
/// [`Kind::Usage`] for a path that is no VM's directory.
pub(super) fn end(job: &EndBackup, dry_run: bool) -> Result<VmDirReport> {
    let dir = directory(&job.path, job.base.as_deref())?;
    let change = match dir.exists() {
        true => Change::Removed,
        false => Change::Absent,
    };
    if !dry_run {
        clear(&dir)?;
        if let Some(above) = dir.parent().filter(|_| job.base.is_some()) {
            // It was made for the backup. What is in it otherwise is somebody's.
            let _gone_or_needed = fs::remove_dir(above);
        }
    }
    Ok(vm_dir::report(&dir, change, dry_run))
}

/// Makes the directory of a backup, which has nothing of another one.
fn prepare(dir: &Path, base: Option<&Path>) -> Result<()> {
    clear(dir)?;
    if let (Some(base), Some(above)) = (base, dir.parent()) {
        if !base.is_dir() {
            let message = format!("there is no directory {} for backups", base.display());
            return Err(Error::new(Kind::Missing, message)
                .remedy("make it on each host, for oneadmin, as BACKUP_BASE_PATH says"));
        }
        make_above(above)?;
    }
    let made = DirBuilder::new().mode(0o700).recursive(true).create(dir);
    made.map_err(|error| vm_dir::failed("make", dir, error))
}

/// Makes the directory of a VM's backups where there is none.
fn make_above(dir: &Path) -> Result<()> {
    match fs::symlink_metadata(dir) {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(_) => Err(no_directory(dir)),
        Err(_) => {
            let made = DirBuilder::new().mode(0o700).create(dir);
            made.map_err(|error| vm_dir::failed("make", dir, error))
        }
    }
}

/// Where the files are. All that is there is removed, so it must be what we think it is.
fn directory(path: &Path, base: Option<&Path>) -> Result<PathBuf> {
    vm_dir::check(path)?;
    let dir = match (base, path.file_name()) {
        (Some(base), Some(vm)) => {
            if PlainPath::of(base, 1).is_none() {
                let message = format!("backups cannot be made in {}", base.display());
                return Err(Error::new(Kind::Usage, message)
                    .remedy("name an absolute path as BACKUP_BASE_PATH"));
            }
            base.join(vm).join(DIR)
        }
        _ => path.join(DIR),
    };
    // What others may put there is not followed: neither to make something behind it, nor to remove it.
    let above = dir.parent().filter(|_| base.is_some());
    for part in above.into_iter().chain([dir.as_path()]) {
        if fs::symlink_metadata(part).is_ok_and(|meta| !meta.is_dir()) {
            return Err(no_directory(part));
        }
    }
    Ok(dir)
}

fn no_directory(path: &Path) -> Error {
    let message = format!("{} is no directory", path.display());
    Error::new(Kind::Exists, message).remedy("look at what it is, and remove it")
}

fn clear(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(vm_dir::failed("remove", dir, error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_in_the_vms_directory_or_where_all_backups_are() {
        let vm = Path::new("/d/100/12");
        let at = |base: Option<&str>| directory(vm, base.map(Path::new));
        assert_eq!(at(None).unwrap(), Path::new("/d/100/12/backup"));
        let elsewhere = at(Some("/srv/backups")).unwrap();
        assert_eq!(elsewhere, Path::new("/srv/backups/12/backup"));
        for bad in ["", "/", "srv", "/srv/../etc", "../srv"] {
            assert_eq!(at(Some(bad)).unwrap_err().kind(), Kind::Usage, "{bad:?}");
        }
        assert!(directory(Path::new("/d/100/x"), Some(Path::new("/srv"))).is_err());
    }

    #[test]
    fn there_must_be_room() {
        let judged =
            |wanted, free| enough(Bytes(wanted), Bytes(free), Path::new("/d/100/12/backup"));
        assert!(judged(7, 7).is_ok());
        let refused = judged(3 << 30, 1 << 30).unwrap_err();
        assert_eq!(refused.kind(), Kind::NoSpace);
        assert!(
            refused.chain().contains("3 GiB") && refused.chain().contains("/d/100/12"),
            "{}",
            refused.chain()
        );
    }

    /// The directory above is that of whoever called sudo, who may have put anything there.
    #[test]
    fn no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let somebodys = dir.path().join("somebodys");
        fs::create_dir_all(somebodys.join(DIR)).unwrap();
        std::os::unix::fs::symlink(&somebodys, dir.path().join("12")).unwrap();
        let refused = directory(Path::new("/d/100/12"), Some(dir.path())).unwrap_err();
        assert_eq!(refused.kind(), Kind::Exists);
        assert_eq!(
            make_above(&dir.path().join("12")).unwrap_err().kind(),
            Kind::Exists
        );
        assert!(somebodys.join(DIR).is_dir());
        assert!(directory(Path::new("/d/100/13"), Some(dir.path())).is_ok());
    }
}
