//! The two devices of a seed, and errors that name them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;

use crate::error::{Error, Kind, Result};
use crate::model::Bytes;

/// Where a seed reads and where it writes, by name: two files in a row are too easily swapped, and the image lost.
#[derive(Debug, Clone, Copy)]
pub struct Devices<'a> {
    /// The mapped image; only read.
    pub image: &'a File,
    /// The slice's data; written by [`copy`](super::copy), read by [`verify`](super::verify).
    pub slice: &'a File,
}

/// Opens a mapped image for seeding: read-only, past the page cache, which would keep what the guest has changed since.
///
/// # Errors
/// It cannot be opened.
pub fn open_image(path: &Path) -> Result<File> {
    open(OpenOptions::new().read(true), path)
}

/// Opens the data of a slice: for reading and writing, past the page cache, which dm-cache does not see.
///
/// # Errors
/// It cannot be opened.
pub fn open_slice(path: &Path) -> Result<File> {
    open(OpenOptions::new().read(true).write(true), path)
}

fn open(options: &mut OpenOptions, path: &Path) -> Result<File> {
    options
        .custom_flags(libc::O_DIRECT)
        .open(path)
        .map_err(|error| {
            let kind = match error.kind() {
                io::ErrorKind::NotFound => Kind::NotFound,
                io::ErrorKind::PermissionDenied => Kind::Missing,
                _ => Kind::Failed,
            };
            Error::new(kind, format!("cannot open {}", path.display())).because(error)
        })
}

/// Fills the buffer from an offset.
pub(super) fn read(file: &File, at: Bytes, into: &mut [u8]) -> Result<()> {
    file.read_exact_at(into, at.0)
        .map_err(|error| io_error("read", file, at, into.len(), error))
}

/// Writes the buffer to an offset.
pub(super) fn write(file: &File, at: Bytes, from: &[u8]) -> Result<()> {
    file.write_all_at(from, at.0)
        .map_err(|error| io_error("write", file, at, from.len(), error))
}

/// Waits until what was written is durable.
pub(super) fn sync(file: &File) -> Result<()> {
    file.sync_data().map_err(|error| {
        Error::new(kind(&error), format!("cannot sync {}", name(file))).because(error)
    })
}

fn io_error(verb: &str, file: &File, at: Bytes, len: usize, error: io::Error) -> Error {
    let message = format!("cannot {verb} {len} bytes at {} of {}", at.0, name(file));
    Error::new(kind(&error), message)
        .because(error)
        .remedy("look at dmesg for what the kernel says about that device")
}

fn kind(error: &io::Error) -> Kind {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOSPC) => Kind::NoSpace,
        // What krbd answers after osd_request_timeout.
        Some(Errno::ETIMEDOUT) => Kind::Timeout,
        _ => Kind::Failed,
    }
}

/// The name it was opened by; asked of the kernel only when there is an error to tell.
fn name(file: &File) -> String {
    let fd = file.as_raw_fd();
    std::fs::read_link(format!("/proc/self/fd/{fd}"))
        .map_or_else(|_| format!("fd {fd}"), |path| path.display().to_string())
}
