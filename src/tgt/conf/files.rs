//! Where files are read: the file system, or in tests a table.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What a path is, links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A device, a pipe, a socket.
    Other,
}

/// What the reader asks of a file system. It never writes.
pub trait Files {
    /// What is there; `None` if nothing is, or it cannot be seen.
    fn kind(&self, path: &Path) -> Option<FileKind>;
    /// Whether a name is there at all, be it a link to nothing.
    fn is_named(&self, path: &Path) -> bool;
    /// What is in a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// The names in a directory, in any order.
    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>>;
    /// The permission bits.
    fn mode(&self, path: &Path) -> Option<u32>;
}

/// The file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

/// No configuration is as large; a file that is would only exhaust the memory.
const LARGEST: u64 = 256 << 20;

impl Files for Disk {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        let kind = fs::metadata(path).ok()?.file_type();
        Some(if kind.is_file() {
            FileKind::File
        } else if kind.is_dir() {
            FileKind::Directory
        } else {
            FileKind::Other
        })
    }

    fn is_named(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok()
    }

    /// A device or a pipe might never end: only `/dev/null` is read, which is commonly given for an empty file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new("/dev/null") {
            return Ok(Vec::new());
        }
        let file = fs::File::open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("neither a regular file nor a directory"));
        }
        let mut bytes = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST {
            return Err(io::Error::other("larger than 256 MiB"));
        }
        Ok(bytes)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(directory)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    }

    fn mode(&self, path: &Path) -> Option<u32> {
        Some(fs::metadata(path).ok()?.permissions().mode() & 0o7777)
    }
}
