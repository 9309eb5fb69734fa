//! Files that are either the old or the new one, whatever happens: temp + fsync + rename + fsync of the directory.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Kind, Result};
use crate::model::Change;

mod many;

pub use many::{NewFile, write_all};

/// Temporary files begin with this, so that what a crash leaves behind is known by its name.
const TEMP_PREFIX: &str = ".wb-tmp-";

/// Writes a file that only its owner can read (mode 0600).
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_mode(path, bytes, 0o600)
}

/// Writes a file with a mode, whatever the umask.
pub fn write_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    write_all(&[NewFile { path, bytes, mode }])
}

/// Writes a file with a mode and an owner, user and group, which it has before it is in place.
pub fn write_owned(path: &Path, bytes: &[u8], mode: u32, owner: (u32, u32)) -> Result<()> {
    let written = with_temp(path, |temp| {
        let mut options = File::options();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(temp)?;
        file.write_all(bytes)?;
        let meta = file.metadata()?;
        if (meta.uid(), meta.gid()) != owner {
            std::os::unix::fs::fchown(&file, Some(owner.0), Some(owner.1))?;
        }
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        file.sync_all()
    });
    written.map_err(|error| cannot("write", path, error))
}

/// Writes what a reader gives, to its end, with a mode, whatever the umask.
pub fn write_from(path: &Path, from: &mut dyn io::Read, mode: u32) -> Result<()> {
    let written = with_temp(path, |temp| {
        let mut options = File::options();
        let mut file = options.write(true).create_new(true).mode(mode).open(temp)?;
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        io::copy(from, &mut file)?;
        file.sync_all()
    });
    written.map_err(|error| cannot("write", path, error))
}

/// Makes a symbolic link that points to `target`, replacing one that is there.
pub fn symlink(target: &Path, link: &Path) -> Result<()> {
    let linked = with_temp(link, |temp| std::os::unix::fs::symlink(target, temp));
    linked.map_err(|error| cannot("link", link, error))
}

/// Removes a file or link.
pub fn remove(path: &Path) -> Result<Change> {
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Change::Absent),
        Err(error) => return Err(cannot("remove", path, error)),
    }
    sync_dir(path).map_err(|error| cannot("remove", path, error))?;
    crate::fault::step(&format!("remove {}", path.display()));
    Ok(Change::Removed)
}

/// Removes the temporary files that a crash left in a directory, and says how many there were. Those of a process that
/// still runs are its own, and of another host's processes nothing is known: hosts may share the directory.
pub fn sweep(dir: &Path) -> Result<usize> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(cannot("sweep", dir, error)),
    };
    let mut swept = 0;
    for entry in entries {
        let entry = entry.map_err(|error| cannot("sweep", dir, error))?;
        if is_abandoned(&entry.file_name().to_string_lossy()) {
            swept += usize::from(remove(&entry.path())? == Change::Removed);
        }
    }
    Ok(swept)
}

/// Whether a file is a temporary one of a process of this host that is gone. Another program may have its number by now.
fn is_abandoned(name: &str) -> bool {
    let mut parts = name
        .strip_prefix(TEMP_PREFIX)
        .into_iter()
        .flat_map(|rest| rest.splitn(3, '-'));
    let (Some(pid), Some(_), Some(host)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    if host != this_host() {
        return false;
    }
    let comm = |pid: &str| std::fs::read(format!("/proc/{pid}/comm")).ok();
    comm(pid).is_none_or(|comm_of_pid| Some(comm_of_pid) != comm("self"))
}

/// Writes a value as JSON for people and programs, with [`write`].
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let text = serde_json::to_vec_pretty(value);
    let mut text = text.map_err(|error| cannot("write", path, error.into()))?;
    text.push(b'\n');
    write(path, &text)
}

/// Reads a value from a JSON file; `None` when there is no such file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let Some(text) = read(path)? else {
        return Ok(None);
    };
    let value = serde_json::from_slice(&text);
    value.map(Some).map_err(|error| {
        Error::new(Kind::Mismatch, format!("cannot read {}", path.display())).because(error)
    })
}

/// Reads a file; `None` when there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("read", path, error)),
    }
}

/// Makes something under a temporary name beside `path`, then renames it there.
fn with_temp(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let temp = temp_name(path);
    let made = make(&temp).and_then(|()| {
        crate::fault::step(&format!("prepare {}", path.display()));
        std::fs::rename(&temp, path)
    });
    if let Err(error) = made {
        // the first error is the one to tell; a file that stays is found by sweep()
        let _swept = std::fs::remove_file(&temp);
        return Err(error);
    }
    sync_dir(path)?;
    crate::fault::step(&format!("write {}", path.display()));
    Ok(())
}

fn temp_name(path: &Path) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let (pid, host) = (std::process::id(), this_host());
    let temp = path.with_file_name(format!("{TEMP_PREFIX}{pid}-{next}-{host}"));
    // a process of the same number may have left one, as happens at boot; if it cannot be removed, that is told when it is made
    let _gone = std::fs::remove_file(&temp);
    temp
}

/// What tells this host's temporary files from those of others in a directory that they share.
fn this_host() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    name.to_string_lossy().replace('/', "")
}

/// A rename or removal is on disk only when its directory is.
fn sync_dir(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => File::open(dir)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn cannot(verb: &str, path: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull => Kind::NoSpace,
        _ => Kind::Failed,
    };
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            Some("let the user who asks for it write in that directory")
        }
        io::ErrorKind::StorageFull => Some("make room on the file system of that directory"),
        _ => None,
    };
    let failed = Error::new(kind, format!("cannot {verb} {}", path.display())).because(error);
    match remedy {
        Some(remedy) => failed.remedy(remedy),
        None => failed,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/record.json");
        assert_eq!(read_json::<u32>(&path).unwrap(), None);
        for value in [1, 2] {
            write_json(&path, &value).unwrap();
            assert_eq!(read_json(&path).unwrap(), Some(value));
        }
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        write(&path, b"{damaged").unwrap();
        assert_eq!(read_json::<u32>(&path).unwrap_err().kind(), Kind::Mismatch);
        assert_eq!(remove(&path).unwrap(), Change::Removed);
        assert_eq!(remove(&path).unwrap(), Change::Absent);
    }

    #[test]
    fn a_link_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        for target in ["/dev/a", "/dev/b"] {
            symlink(Path::new(target), &link).unwrap();
            assert_eq!(std::fs::read_link(&link).unwrap(), Path::new(target));
        }
    }

    #[test]
    fn leftovers_are_swept_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("keep"), b"x").unwrap();
        let here = |number: &str| format!("{TEMP_PREFIX}{number}-{}", this_host());
        let mine = here(&format!("{}-0", std::process::id()));
        let others = format!("{TEMP_PREFIX}0-0-{}x", this_host());
        // No process has number 0, and process 1 is another program.
        let gone = [here("0-0"), here("1-7")];
        let stay = [mine, others, TEMP_PREFIX.to_owned()];
        for name in gone.iter().chain(&stay) {
            File::create(dir.path().join(name)).unwrap();
        }
        assert_eq!(sweep(dir.path()).unwrap(), gone.len());
        for name in &stay {
            assert!(dir.path().join(name).exists(), "{name}");
        }
        assert_eq!(sweep(&dir.path().join("none")).unwrap(), 0);
    }

    #[test]
    fn a_leftover_of_the_same_number_is_not_in_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let temp = temp_name(&path).to_string_lossy().into_owned();
        let (stem, host) = temp
            .strip_suffix(&this_host())
            .map(|rest| (rest, this_host()))
            .unwrap();
        let (stem, number) = stem.trim_end_matches('-').rsplit_once('-').unwrap();
        let next: u32 = number.parse().unwrap();
        for number in next + 1..next + 2000 {
            File::create(format!("{stem}-{number}-{host}")).unwrap();
        }
        write(&path, b"x").unwrap();
        symlink(Path::new("/dev/a"), &dir.path().join("link")).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"x");
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("full");
        std::fs::create_dir_all(target.join("sub")).unwrap();
        assert!(write(&target, b"x").is_err(), "a directory is in the way");
        assert_eq!(sweep(dir.path()).unwrap(), 0);
    }
}
