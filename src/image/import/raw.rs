//! A raw disk in a file, or on a device: read where it has data, and nowhere else.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};

use super::super::checksum::{Checksum, Hasher};
use super::tap::{compare, unreadable};
use super::writer::{PIECE, Writer};
use crate::model::Bytes;
use crate::progress::Task;
use crate::{Error, Kind, Result};

/// A raw disk.
#[derive(Debug)]
pub(super) struct RawFile {
    file: File,
    len: u64,
}

impl RawFile {
    /// Around an open file or block device.
    pub(super) fn new(mut file: File) -> Result<Self> {
        // A block device has no length in its inode.
        let len = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
        Ok(Self { file, len })
    }

    /// The disk's size.
    pub(super) const fn size(&self) -> Bytes {
        Bytes(self.len)
    }

    /// Puts all data into the image; the bytes that were read. Holes are hashed as the zeroes that they are.
    pub(super) fn copy(&self, to: &mut Writer<'_>, task: &Task<'_>, wanted: Option<&Checksum>) -> Result<Bytes> {
        let mut hasher = wanted.map(|wanted| Hasher::new(wanted.algorithm()));
        let (mut at, mut read) = (0, 0);
        while let Some((start, end)) = self.data_from(at)? {
            self.skip(at, start, task, hasher.as_mut());
            read += self.copy_range(start, end, to, task, hasher.as_mut())?;
            at = end;
        }
        self.skip(at, self.len, task, hasher.as_mut());
        to.reach(self.len)?;
        match (wanted, hasher) {
            (Some(wanted), Some(hasher)) => compare(wanted, hasher)?,
            _ => {}
        }
        Ok(Bytes(read))
    }

    fn copy_range(
        &self,
        start: u64,
        end: u64,
        to: &mut Writer<'_>,
        task: &Task<'_>,
        mut hasher: Option<&mut Hasher>,
    ) -> Result<u64> {
        let mut at = start;
        while at < end {
            let border = (at / PIECE as u64 + 1) * PIECE as u64;
            let len = border.min(end) - at;
            let mut buffer = to.buffer();
            buffer.truncate(usize::try_from(len).unwrap_or(PIECE));
            self.file.read_exact_at(&mut buffer, at).map_err(unreadable)?;
            if let Some(hasher) = hasher.as_deref_mut() {
                hasher.update(&buffer);
            }
            to.put(at, buffer)?;
            task.advance(Bytes(len));
            at += len;
        }
        Ok(end - start)
    }

    /// Passes over a hole.
    fn skip(&self, start: u64, end: u64, task: &Task<'_>, hasher: Option<&mut Hasher>) {
        let mut left = end.saturating_sub(start);
        task.advance(Bytes(left));
        let Some(hasher) = hasher else { return };
        let zeroes = vec![0; 1 << 20];
        while left > 0 {
            let len = left.min(zeroes.len() as u64);
            hasher.update(zeroes.get(..usize::try_from(len).unwrap_or(0)).unwrap_or_default());
            left -= len;
        }
    }

    /// The next stretch with data. A file system or device that knows no holes has one.
    fn data_from(&self, at: u64) -> Result<Option<(u64, u64)>> {
        if at >= self.len {
            return Ok(None);
        }
        let from = i64::try_from(at).map_err(|_| Error::new(Kind::Internal, "the source's size is out of range"))?;
        let start = match lseek(&self.file, from, Whence::SeekData) {
            Ok(start) => start,
            Err(Errno::ENXIO) => return Ok(None),
            Err(Errno::EINVAL | Errno::EOPNOTSUPP) => return Ok(Some((at, self.len))),
            Err(errno) => return Err(unreadable(errno.into())),
        };
        let end = lseek(&self.file, start, Whence::SeekHole).map_err(|errno| unreadable(errno.into()))?;
        let (start, end) = (start.cast_unsigned(), end.cast_unsigned());
        Ok(Some((start.max(at), end.min(self.len))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_passed_over() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(64 << 20).unwrap();
        file.write_all_at(b"x", 16 << 20).unwrap();
        let raw = RawFile::new(file).unwrap();
        assert_eq!(raw.size(), Bytes::mib(64));
        let (start, end) = raw.data_from(0).unwrap().unwrap();
        assert!(start <= 16 << 20 && end > 16 << 20 && end <= 64 << 20);
        // tmpfs and the usual file systems know holes; one that does not tells the whole file once.
        if end < 64 << 20 {
            assert_eq!(raw.data_from(end).unwrap(), None);
        }
        assert_eq!(raw.data_from(64 << 20).unwrap(), None);
    }
}
