//! Whether a file may be believed by root: nobody else can exchange it.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What was found of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Nobody but root, and whoever runs this, can exchange it, if it is used by this path, which has no links in it.
    Roots(PathBuf),
    /// Somebody else could.
    Exchangeable {
        /// The first part of the path, from the file up, that he could exchange.
        part: PathBuf,
        /// Why.
        why: String,
    },
}

/// Looks who could exchange a file. What a symbolic link leads to is judged, not the link, which may lead elsewhere a moment later.
///
/// # Errors
/// The kernel's; it is not there.
pub fn judge(path: &Path) -> io::Result<Trust> {
    let path = path.canonicalize()?;
    let me = nix::unistd::geteuid().as_raw();
    for part in path.ancestors() {
        let meta = part.metadata()?;
        if let Some(why) = untrusted(&meta, part == path, me) {
            let part = part.to_owned();
            return Ok(Trust::Exchangeable { part, why });
        }
    }
    Ok(Trust::Roots(path))
}

/// In a sticky directory (`/tmp`) nobody can rename or remove what is another's.
fn untrusted(meta: &Metadata, file: bool, me: u32) -> Option<String> {
    if meta.uid() != 0 && meta.uid() != me {
        return Some(format!("belongs to user {}", meta.uid()));
    }
    let sticky = !file && meta.mode() & 0o1000 != 0;
    (meta.mode() & 0o022 != 0 && !sticky)
        .then(|| format!("can be written by others (mode {:o})", meta.mode() & 0o7777))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::atomic;
    use std::os::unix::fs::{chown, symlink};

    #[test]
    fn what_is_judged_is_what_is_to_be_used() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        let [file, theirs] = ["file", "theirs"].map(|name| dir.join(name));
        atomic::write(&file, b"").unwrap();
        assert_eq!(judge(&file).unwrap(), Trust::Roots(file.clone()));
        // A link that others can lead elsewhere: what it leads to now is root's.
        std::fs::create_dir(&theirs).unwrap();
        let link = theirs.join("link");
        symlink(&file, &link).unwrap();
        chown(&theirs, Some(65534), None).unwrap();
        assert_eq!(judge(&link).unwrap(), Trust::Roots(file));
        let own = theirs.join("own");
        atomic::write(&own, b"").unwrap();
        assert!(matches!(judge(&own).unwrap(), Trust::Exchangeable { part, .. } if part == theirs));
        assert!(judge(&dir.join("none")).is_err());
    }
}
