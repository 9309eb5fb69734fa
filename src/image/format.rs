//! What a source is, by its first bytes: how it is packed, and which format the disk in it has.
//!
//! A guest can write any header to the first bytes of its disk. That does no harm here: a format is only ever read as
//! itself, and one that names other files is refused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::ParseError;
use crate::{Error, Kind, Result};

/// The format of a disk image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceFormat {
    /// The disk's bytes.
    Raw,
    /// QEMU's, without a backing file.
    Qcow2,
    /// VMware's, in one file; qemu-img converts it.
    Vmdk,
    /// Microsoft's older one, in one file; qemu-img converts it.
    Vhd,
    /// VirtualBox's, in one file; qemu-img converts it.
    Vdi,
}

impl SourceFormat {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Raw, Self::Qcow2, Self::Vmdk, Self::Vhd, Self::Vdi];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
            Self::Vmdk => "vmdk",
            Self::Vhd => "vhd",
            Self::Vdi => "vdi",
        }
    }

    /// The format that begins with these bytes, of which there are [`HEAD`] unless the disk is smaller.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a format that is known but not read.
    pub(super) fn detect(head: &[u8]) -> Result<Self> {
        let is_there = |at: usize, magic: &[u8]| {
            let head = head.get(at..);
            head.is_some_and(|head| head.starts_with(magic))
        };
        let mut read = READ.iter();
        if let Some((_, _, format)) = read.find(|(at, magic, _)| is_there(*at, magic)) {
            return Ok(*format);
        }
        let mut foreign = FOREIGN.iter();
        let foreign = foreign.find(|(at, magic, _)| is_there(*at, magic));
        match foreign {
            None => Ok(Self::Raw),
            Some((_, _, name)) => Err(Error::new(Kind::Usage, format!("the source is a {name} image, which is not read"))
                .remedy("convert it first: `qemu-img convert -O qcow2 SOURCE NEW`; if these bytes only happen to look \
                         like one, say --format raw")),
        }
    }
}

impl FromStr for SourceFormat {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let found = Self::ALL.into_iter().find(|format| format.as_str() == word);
        found.ok_or_else(|| {
            ParseError::new(
                "image format",
                word,
                "is none of raw, qcow2, vmdk, vhd and vdi",
            )
        })
    }
}

impl fmt::Display for SourceFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How many bytes [`SourceFormat::detect`] and [`Packing::detect`] want to see.
pub(super) const HEAD: usize = 512;

pub(super) const QCOW2: &[u8] = b"QFI\xfb";

/// Offset and magic of those that are read.
const READ: [(usize, &[u8], SourceFormat); 4] = [
    (0, QCOW2, SourceFormat::Qcow2),
    (0, b"KDMV", SourceFormat::Vmdk),
    (0, b"conectix", SourceFormat::Vhd),
    (0x40, b"\x7f\x10\xda\xbe", SourceFormat::Vdi),
];

/// Offset, magic and name of formats that other tools read (QEMU's block drivers have the magics). Imported as raw, they
/// would make an image that boots nothing.
const FOREIGN: [(usize, &[u8], &str); 6] = [
    (0, b"COWD", "VMDK (ESX sparse)"),
    (0, b"# Disk DescriptorFile", "VMDK (descriptor)"),
    (0, b"vhdxfile", "VHDX"),
    (0, b"QED\0", "QED"),
    (0, b"WithoutFreeSpace", "Parallels"),
    (0, b"rbd diff v", "`rbd export-diff`"),
];

/// How a source is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Packing {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
    /// bzip2.
    Bzip2,
}

impl Packing {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
        }
    }

    /// The packing that begins with these bytes, of which there are [`HEAD`] unless the source is smaller.
    pub(super) fn detect(head: &[u8]) -> Self {
        // bzip2's own magic is three letters and a digit, so the first block's (the digits of pi) is looked at as well.
        let bzip2 = head.starts_with(b"BZh") && head.get(4..10) == Some(b"1AY&SY".as_slice());
        match head {
            _ if head.starts_with(b"\x1f\x8b\x08") => Self::Gzip,
            _ if head.starts_with(b"\xfd7zXZ\0") => Self::Xz,
            _ if head.starts_with(b"\x28\xb5\x2f\xfd") => Self::Zstd,
            _ if bzip2 => Self::Bzip2,
            _ => Self::None,
        }
    }
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packings_are_known_by_their_magic() {
        assert_eq!(Packing::detect(b"\x1f\x8b\x08\0"), Packing::Gzip);
        assert_eq!(Packing::detect(b"\xfd7zXZ\0\0"), Packing::Xz);
        assert_eq!(Packing::detect(b"\x28\xb5\x2f\xfd\x04"), Packing::Zstd);
        assert_eq!(Packing::detect(b"BZh91AY&SY\0"), Packing::Bzip2);
        for plain in [&b""[..], b"BZhello world", b"QFI\xfb", b"\xeb\x63\x90"] {
            assert_eq!(Packing::detect(plain), Packing::None);
        }
    }

    #[test]
    fn formats_are_known_by_their_magic_and_foreign_ones_refused() {
        assert_eq!(
            SourceFormat::detect(b"QFI\xfb\0\0\0\x03").unwrap(),
            SourceFormat::Qcow2
        );
        assert_eq!(SourceFormat::detect(b"").unwrap(), SourceFormat::Raw);
        assert_eq!(SourceFormat::detect(&[0; HEAD]).unwrap(), SourceFormat::Raw);
        for (at, magic, format) in READ {
            let mut head = vec![0; at];
            head.extend_from_slice(magic);
            assert_eq!(SourceFormat::detect(&head).unwrap(), format);
        }
        for (at, magic, name) in FOREIGN {
            let mut head = vec![0; at];
            head.extend_from_slice(magic);
            let refused = SourceFormat::detect(&head).unwrap_err();
            assert_eq!(refused.kind(), Kind::Usage);
            assert!(refused.chain().contains(name));
        }
    }
}
