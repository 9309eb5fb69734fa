//! Files of an installation: written whole, by whoever owns what is around them.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::model::Change;
use crate::sys::{Caller, atomic};
use crate::{Context, Error, Kind, Result};

/// Does something as the owner of a directory would: what he may write, root must not write by its name, for he may exchange
/// what lies there for links.
pub(super) fn as_owner<T>(of: &Path, act: impl FnOnce() -> Result<T>) -> Result<T> {
    let owner = std::fs::metadata(of).map_err(|error| failed("look at", of, error))?;
    match Caller::owner(&owner)? {
        Some(owner) => owner.act(act),
        None => act(),
    }
}

/// Makes a file be what it should be.
pub(super) fn put(path: &Path, bytes: &[u8], mode: u32, dry_run: bool) -> Result<Change> {
    let same_mode =
        || std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o777 == mode);
    let change = match std::fs::read(path) {
        Ok(there) if there == bytes && same_mode() => return Ok(Change::Kept),
        Ok(_) => Change::Altered,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Change::Made,
        Err(error) => return Err(failed("read", path, error)),
    };
    if dry_run {
        return Ok(change);
    }
    let missing: Vec<&Path> = path
        .ancestors()
        .skip(1)
        .take_while(|dir| !dir.exists())
        .collect();
    for dir in missing.into_iter().rev() {
        std::fs::create_dir(dir)
            .and_then(|()| std::fs::set_permissions(dir, Permissions::from_mode(0o755)))
            .map_err(|error| failed("make", dir, error))?;
    }
    atomic::write_mode(path, bytes, mode).context(|| format!("cannot write {}", path.display()))?;
    Ok(change)
}

/// Writes a file anew with the owner and mode that it has; where it is kept as it was. What a link leads to is written, and
/// the link stays.
pub(super) fn rewrite(path: &Path, bytes: &[u8]) -> Result<PathBuf> {
    let real = path.canonicalize();
    let path = &real.map_err(|error| failed("look at", path, error))?;
    let meta = std::fs::metadata(path).map_err(|error| failed("look at", path, error))?;
    let mode = meta.permissions().mode() & 0o7777;
    let old = std::fs::read(path).map_err(|error| failed("read", path, error))?;
    let backup = free_name(path);
    for (path, bytes) in [(&backup, old.as_slice()), (path, bytes)] {
        atomic::write_owned(path, bytes, mode, (meta.uid(), meta.gid()))
            .context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(backup)
}

/// `oned.conf.before-warmblock`, or with a number if there is one already.
fn free_name(path: &Path) -> PathBuf {
    let name = |number: u32| {
        let more = if number == 0 {
            String::new()
        } else {
            format!(".{number}")
        };
        PathBuf::from(format!("{}.before-warmblock{more}", path.display()))
    };
    (0..)
        .map(name)
        .find(|path| !path.exists())
        .unwrap_or_else(|| name(u32::MAX))
}

pub(super) fn failed(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Failed, format!("cannot {what} {}", path.display()))
        .because(error)
        .remedy("run it as root")
}
