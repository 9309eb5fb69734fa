//! The two devices of a seed, and errors that name them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};

use crate::error::{Error, Kind, Result};
use crate::model::Bytes;
use crate::sys::direct::AlignedBuf;

const PAGE: Bytes = Bytes::kib(4);

/// Where a seed reads and where it writes, by name: two files in a row are too easily swapped, and the image lost.
#[derive(Debug, Clone, Copy)]
pub struct Devices<'a> {
    /// The mapped image; only read, but by [`bring_home`](super::bring_home).
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

/// Opens a mapped image for [`bring_home`](super::bring_home), which alone writes to it.
///
/// # Errors
/// It cannot be opened.
pub fn open_image_to_write(path: &Path) -> Result<File> {
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

/// Makes a stretch read as zeros, by a command of the device where it has one, else by writing them (blkdev_fallocate in
/// block/fops.c; a discard alone promises nothing). The first page is read back: a device that lies is found out, and the
/// process is seen to move.
pub(super) fn zero(file: &File, at: Bytes, len: Bytes) -> Result<()> {
    let offset = |bytes: Bytes| i64::try_from(bytes.0).unwrap_or(i64::MAX);
    let by = |flags| fallocate(file, flags, offset(at), offset(len));
    let unmap = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    let zeroed = match by(unmap) {
        Err(Errno::EOPNOTSUPP) => by(FallocateFlags::FALLOC_FL_ZERO_RANGE),
        other => other,
    };
    let size = usize::try_from(len.0).unwrap_or(usize::MAX);
    zeroed.map_err(|errno| io_error("zero", file, at, size, errno.into()))?;
    let mut page = AlignedBuf::of(PAGE.min(len));
    let page = page.head(PAGE);
    read(file, at, page)?;
    if page.iter().all(|byte| *byte == 0) {
        return Ok(());
    }
    let message = format!(
        "{} does not read as zeros at {} although it was zeroed",
        name(file),
        at.0
    );
    Err(Error::new(Kind::Failed, message)
        .remedy("look at the SSD: what was written is not what is read back"))
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
