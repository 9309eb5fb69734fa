//! Whether a file may be believed by root: nobody else can exchange it.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The first part of a path, from the file up, that somebody else than root, and whoever runs this, could exchange; and why.
/// What a symbolic link leads to is judged, not the link.
pub fn exchangeable(path: &Path) -> io::Result<Option<(PathBuf, String)>> {
    let path = path.canonicalize()?;
    let me = nix::unistd::geteuid().as_raw();
    for part in path.ancestors() {
        let meta = part.metadata()?;
        if let Some(why) = untrusted(&meta, part == path, me) {
            return Ok(Some((part.to_owned(), why)));
        }
    }
    Ok(None)
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
