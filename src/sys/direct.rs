//! Reading and writing a device past the page cache (open(2), `O_DIRECT`).

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::model::Bytes;

/// What `O_DIRECT` needs of addresses, offsets and lengths on any SSD, whether its blocks are of 512 or 4096 bytes.
pub const ALIGN: usize = 4096;

/// Zeroed memory that begins on a multiple of [`ALIGN`], so that the kernel reads and writes it without a copy.
#[derive(Debug)]
pub struct AlignedBuf {
    memory: Vec<u8>,
    start: usize,
    len: usize,
}

impl AlignedBuf {
    /// So many zero bytes.
    pub fn zeroed(len: usize) -> Self {
        // more than is needed, so that an aligned stretch lies within; the vector is never resized, so it stays where it is
        let memory = vec![0; len + ALIGN];
        let start = memory.as_ptr().align_offset(ALIGN);
        Self { memory, start, len }
    }

    /// So many zero bytes; one that no memory holds ends the program, as every allocation does.
    pub fn of(len: Bytes) -> Self {
        Self::zeroed(usize::try_from(len.0).unwrap_or(usize::MAX - ALIGN))
    }

    /// The first `len` bytes, or all if there are fewer.
    pub fn head(&mut self, len: Bytes) -> &mut [u8] {
        let len = usize::try_from(len.0).unwrap_or(usize::MAX).min(self.len);
        &mut self[..len]
    }
}

impl Deref for AlignedBuf {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }
}

impl DerefMut for AlignedBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.len]
    }
}

/// Opens a device for reading past the page cache.
pub fn open_read(path: &Path) -> Result<File> {
    open(OpenOptions::new().read(true), path, libc::O_DIRECT)
}

/// Opens a device for reading and writing past the page cache. `O_EXCL` makes the kernel refuse one that is mounted or that
/// another device is built on (open(2)); nothing is ever created.
pub fn open_exclusive(path: &Path) -> Result<File> {
    open(
        OpenOptions::new().read(true).write(true),
        path,
        libc::O_DIRECT | libc::O_EXCL,
    )
}

fn open(options: &mut OpenOptions, path: &Path, flags: i32) -> Result<File> {
    options.custom_flags(flags).open(path).map_err(|error| {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => Kind::NotFound,
            io::ErrorKind::ResourceBusy => Kind::Busy,
            _ => Kind::Failed,
        };
        Error::new(kind, format!("cannot open {}", path.display())).because(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned() {
        for len in [0, 1, 4096, 100_000] {
            let mut buffer = AlignedBuf::zeroed(len);
            assert_eq!((buffer.as_ptr() as usize % ALIGN, buffer.len()), (0, len));
            buffer.fill(1);
            assert_eq!(buffer.head(Bytes(u64::MAX)).len(), len);
        }
    }
}
