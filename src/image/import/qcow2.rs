//! A qcow2 image in a file: read where it has data, by the library `imago`, which a developer of QEMU's block layer keeps.
//!
//! The file comes from strangers. A backing file or an external data file that it names would be read with our rights and
//! end up in the image, so both are refused: by the header here, and by a library that is told to open nothing.

use std::fs::File;
use std::os::unix::fs::FileExt;

use imago::file::File as Storage;
use imago::format::access::Mapping;
use imago::qcow2::Qcow2;
use imago::{DenyImplicitOpenGate, FormatAccess, FormatDriverBuilder, StorageOpenOptions};

use super::super::format::QCOW2;
use super::tap::unreadable;
use super::writer::{PIECE, Writer};
use crate::model::Bytes;
use crate::progress::Task;
use crate::{Error, Kind, Result};

/// Bytes of the header that are looked at (docs/interop/qcow2.txt of QEMU has the layout).
const HEADER: usize = 112;
/// Bits of the incompatible features.
const EXTERNAL_DATA: u64 = 1 << 2;
const CORRUPT: u64 = 1 << 1;
const COMPRESSION_TYPE: u64 = 1 << 3;

/// A qcow2 image, open to read.
pub(super) struct Qcow2File {
    access: FormatAccess<Storage>,
}

impl Qcow2File {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Kind::Usage`] for what is not read, with the way to convert it; [`Kind::Mismatch`] for a damaged file.
    pub(super) fn open(file: File) -> Result<Self> {
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, 0).map_err(unreadable)?;
        check_header(&header)?;
        let opened = Storage::from_open_file(file, StorageOpenOptions::new());
        let access = opened.and_then(|file| {
            Qcow2::<Storage>::builder(file)
                .backing(None)
                .open(DenyImplicitOpenGate::default())
        });
        let access = access.map_err(damaged)?;
        Ok(Self {
            access: FormatAccess::new(access),
        })
    }

    /// The disk's size.
    pub(super) fn size(&self) -> Bytes {
        Bytes(self.access.size())
    }

    /// Puts all data into the image.
    pub(super) fn copy(&self, to: &mut Writer<'_>, task: &Task<'_>) -> Result<()> {
        let size = self.access.size();
        let mut at = 0;
        while at < size {
            let (empty, len) = self.next(at, size)?;
            if !empty {
                self.copy_range(at, at + len, to, task)?;
            } else {
                task.advance(Bytes(len));
            }
            at += len;
        }
        to.reach(size)
    }

    /// Whether there is nothing at an offset, and for how long that is so.
    fn next(&self, at: u64, size: u64) -> Result<(bool, u64)> {
        let (mapping, len) = self.access.get_mapping(at, size - at).map_err(damaged)?;
        let empty = matches!(mapping, Mapping::Zero { .. } | Mapping::Eof { .. });
        match len {
            // It would be read for ever.
            0 if !matches!(mapping, Mapping::Eof { .. }) => Err(damaged(std::io::Error::other(
                format!("there is a mapping of no length at {at}"),
            ))),
            0 => Ok((true, size - at)),
            len => Ok((empty, len)),
        }
    }

    fn copy_range(&self, start: u64, end: u64, to: &mut Writer<'_>, task: &Task<'_>) -> Result<()> {
        let mut at = start;
        while at < end {
            let border = (at / PIECE as u64 + 1) * PIECE as u64;
            let len = border.min(end) - at;
            let mut buffer = to.buffer();
            buffer.truncate(usize::try_from(len).unwrap_or(PIECE));
            self.access
                .read(buffer.as_mut_slice(), at)
                .map_err(damaged)?;
            to.put(at, buffer)?;
            task.advance(Bytes(len));
            at += len;
        }
        Ok(())
    }
}

/// The disk's size, told from the first bytes of a file.
pub(super) fn size_in(head: &[u8]) -> Result<Bytes> {
    let header = head.first_chunk::<HEADER>();
    let header =
        header.ok_or_else(|| damaged(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)))?;
    check_header(header)?;
    Ok(Bytes(number::<8>(header, 24)))
}

fn damaged(error: std::io::Error) -> Error {
    Error::new(Kind::Mismatch, "cannot read the source as qcow2")
        .because(error)
        .remedy("`qemu-img check` says what is wrong with it")
}

/// A number of the header, big-endian as all of them are.
fn number<const N: usize>(header: &[u8; HEADER], at: usize) -> u64 {
    let bytes = header.get(at..at + N).unwrap_or_default();
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Refuses what would read other files, and what the library cannot read, before it sees the file.
fn check_header(header: &[u8; HEADER]) -> Result<()> {
    let refuse = |what: &str, remedy: &str| {
        Err(
            Error::new(Kind::Usage, format!("the source is a qcow2 image {what}"))
                .remedy(remedy.to_owned()),
        )
    };
    let convert = "convert it where it was made: `qemu-img convert -O qcow2 SOURCE NEW`";
    let version = number::<4>(header, 4);
    if !header.starts_with(QCOW2) || !(2..=3).contains(&version) {
        return refuse("of an unknown version", convert);
    }
    if number::<8>(header, 8) != 0 || number::<4>(header, 16) != 0 {
        return refuse(
            "with a backing file, which would be read with this host's rights",
            "merge the two where both are: `qemu-img convert -O qcow2 SOURCE NEW`",
        );
    }
    if number::<4>(header, 32) != 0 {
        return refuse(
            "that is encrypted",
            "decrypt it first; warmblock has no key",
        );
    }
    let features = if version == 3 {
        number::<8>(header, 72)
    } else {
        0
    };
    if features & EXTERNAL_DATA != 0 {
        return refuse(
            "whose data are in another file, which would be read with this host's rights",
            convert,
        );
    }
    if features & CORRUPT != 0 {
        return refuse(
            "that is marked as corrupt",
            "repair it: `qemu-img check -r all SOURCE`",
        );
    }
    if features & COMPRESSION_TYPE != 0 {
        return refuse(
            "whose clusters are packed with zstd, which is not read",
            convert,
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of an image of 1 MiB with clusters of 64 KiB.
    fn header(version: u8) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..4].copy_from_slice(QCOW2);
        header[7] = version;
        header[23] = 16;
        header[29] = 0x10;
        header
    }

    fn refusal(at: usize, byte: u8) -> String {
        let mut header = header(3);
        header[at] = byte;
        let refused = check_header(&header).unwrap_err();
        assert_eq!(refused.kind(), Kind::Usage);
        assert!(refused.remedy_text().is_some());
        refused.to_string()
    }

    #[test]
    fn what_names_other_files_is_refused() {
        assert!(check_header(&header(2)).is_ok() && check_header(&header(3)).is_ok());
        assert!(refusal(15, 0x70).contains("backing file"));
        assert!(refusal(8, 1).contains("backing file"));
        assert!(refusal(19, 7).contains("backing file"));
        assert!(refusal(79, 4).contains("another file"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        assert!(refusal(35, 2).contains("encrypted"));
        assert!(refusal(79, 2).contains("corrupt"));
        assert!(refusal(79, 8).contains("zstd"));
        assert!(refusal(7, 4).contains("version"));
        assert!(refusal(0, b'X').contains("version"));
    }

    #[test]
    fn a_short_or_hollow_file_is_an_error_not_a_disk() {
        let short = tempfile::tempfile().unwrap();
        short.write_all_at(&header(3)[..50], 0).unwrap();
        assert!(Qcow2File::open(short).is_err());
        let hollow = tempfile::tempfile().unwrap();
        hollow.write_all_at(&header(3), 0).unwrap();
        assert!(Qcow2File::open(hollow).is_err());
    }
}
