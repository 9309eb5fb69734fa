//! Where an import comes from, and the disk that is found in it.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::Path;

use super::qcow2::Qcow2File;
use super::raw::RawFile;
use super::tap::{Tap, peek, unreadable};
use super::unpack::unpack;
use super::writer::Writer;
use super::{convert, describe, staging, stream};
use crate::host::Host;
use crate::image::format::HEAD;
use crate::image::{Checksum, Import, Packing, SourceFormat};
use crate::model::Bytes;
use crate::progress::Task;
use crate::{Error, Kind, Result};

/// Bytes that come from somewhere.
pub(super) enum Source<'a> {
    /// A file or block device, which can be read anywhere.
    File(File),
    /// Anything else, which can be read once.
    Stream(Box<dyn Read + 'a>),
}

impl<'a> Source<'a> {
    /// Opens what is at a path: a pipe gives a stream.
    ///
    /// # Errors
    /// [`Kind::NotFound`], [`Kind::Missing`] without permission, [`Kind::Usage`] for a directory.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let refuse =
            |kind, why: &str| Error::new(kind, format!("cannot open {}: {why}", path.display()));
        let file = File::open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                refuse(Kind::NotFound, "there is no such file on this host")
            }
            std::io::ErrorKind::PermissionDenied => {
                refuse(Kind::Missing, "this user may not read it")
            }
            _ => refuse(Kind::Failed, "the system refused").because(error),
        })?;
        let kind = file.metadata().map_err(unreadable)?.file_type();
        match () {
            () if kind.is_dir() => Err(refuse(Kind::Usage, "it is a directory")),
            () if kind.is_file() || kind.is_block_device() => Ok(Self::File(file)),
            () => Ok(Self::Stream(Box::new(file))),
        }
    }

    /// What a reader gives.
    pub(super) fn stream(reader: impl Read + 'a) -> Self {
        Self::Stream(Box::new(reader))
    }

    /// What it is, in words, as far as that can be told without using it up.
    pub(super) fn describe(&self, ask: &Import) -> Result<String> {
        let Self::File(file) = self else {
            return Ok("a stream".into());
        };
        let head = head_of(file)?;
        Ok(match (packing_of(&head, ask), ask.format) {
            (packing, Some(format)) => describe(format, packing),
            (Packing::None, None) => SourceFormat::detect(&head)?.to_string(),
            (packing, None) => format!("packed with {packing}"),
        })
    }

    /// Finds the disk in it. Only what has to be staged is read beyond its first bytes, and what is to be read twice
    /// because there is a checksum.
    pub(super) fn disk(self, ask: &Import, host: &Host) -> Result<Disk<'a>> {
        match self {
            Self::File(file) => {
                let head = head_of(&file)?;
                let stream = |file: File| {
                    let total = file.metadata().map_err(unreadable)?.len();
                    Disk::of_stream(Box::new(file), Some(Bytes(total)), ask, host)
                };
                if packing_of(&head, ask) != Packing::None {
                    return stream(file);
                }
                match ask.format.map_or_else(|| SourceFormat::detect(&head), Ok)? {
                    SourceFormat::Raw => Ok(Disk::Raw(RawFile::new(file)?)),
                    SourceFormat::Qcow2 => Disk::of_qcow2(file, ask, host),
                    // Only a copy of ours stays as it was looked at.
                    SourceFormat::Vmdk | SourceFormat::Vhd | SourceFormat::Vdi => stream(file),
                }
            }
            Self::Stream(reader) => Disk::of_stream(reader, None, ask, host),
        }
    }
}

/// How a source is packed, unless that is of no interest.
fn packing_of(head: &[u8], ask: &Import) -> Packing {
    if ask.keep_packed {
        Packing::None
    } else {
        Packing::detect(head)
    }
}

fn head_of(file: &File) -> Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    let mut filled = 0;
    while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, filled as u64).map_err(unreadable)? {
            0 => break,
            count => filled += count,
        }
    }
    head.truncate(filled);
    Ok(head)
}

/// A disk that can be copied into an image.
pub(super) enum Disk<'a> {
    /// In a file, as it is.
    Raw(RawFile),
    /// In a file as qcow2.
    Qcow2 {
        /// The disk.
        disk: Qcow2File,
        /// How the source was packed.
        packing: Packing,
        /// How much of it was read.
        read: Bytes,
        /// Whether the file is one of ours.
        staged: bool,
    },
    /// In a file of ours that was made of another format.
    Converted {
        /// The disk.
        disk: RawFile,
        /// What the source is.
        format: SourceFormat,
        /// How it was packed.
        packing: Packing,
        /// How much of it was read.
        read: Bytes,
    },
    /// In a stream, as it is once it is unpacked.
    Stream {
        /// The unpacked bytes.
        bytes: Box<dyn Read + 'a>,
        /// The packed ones.
        tap: Tap<'a>,
        /// How the source is packed.
        packing: Packing,
        /// How long the source is.
        total: Option<Bytes>,
    },
}

impl<'a> Disk<'a> {
    fn of_stream(
        from: Box<dyn Read + 'a>,
        total: Option<Bytes>,
        ask: &Import,
        host: &Host,
    ) -> Result<Self> {
        let tap = Tap::new(from, ask.checksum.as_ref());
        let (packing, bytes) = if ask.keep_packed {
            (Packing::None, Box::new(tap.clone()) as Box<dyn Read + 'a>)
        } else {
            unpack(tap.clone()).map_err(unreadable)?
        };
        let (head, bytes) = peek(bytes, HEAD).map_err(unreadable)?;
        let mut bytes: Box<dyn Read + 'a> = Box::new(bytes);
        match ask.format.map_or_else(|| SourceFormat::detect(&head), Ok)? {
            SourceFormat::Raw => Ok(Self::Stream {
                bytes,
                tap,
                packing,
                total,
            }),
            format => {
                let staging_dir = ask.staging_dir.as_deref();
                let file = staging::stage(&mut bytes, staging_dir, host)?;
                let read = tap.count();
                tap.verify()?;
                if format == SourceFormat::Qcow2 {
                    return Ok(Self::Qcow2 {
                        disk: Qcow2File::open(file)?,
                        packing,
                        read,
                        staged: true,
                    });
                }
                let raw = convert::raw(&file, format, staging_dir, host)?;
                Ok(Self::Converted {
                    disk: RawFile::new(raw)?,
                    format,
                    packing,
                    read,
                })
            }
        }
    }

    /// The checksum of a file that is not read from the front to the end is taken before anything is made.
    fn of_qcow2(file: File, ask: &Import, host: &Host) -> Result<Self> {
        let read = Bytes(file.metadata().map_err(unreadable)?.len());
        if ask.checksum.is_some() {
            let mut tap = Tap::new(Box::new(&file), ask.checksum.as_ref());
            let mut buffer = vec![0; 1 << 20];
            while tap.read(&mut buffer).map_err(unreadable)? > 0 {
                host.cancel.check()?;
            }
            tap.verify()?;
        }
        Ok(Self::Qcow2 {
            disk: Qcow2File::open(file)?,
            packing: Packing::None,
            read,
            staged: false,
        })
    }

    /// The disk's format.
    pub(super) const fn format(&self) -> SourceFormat {
        match self {
            Self::Raw(_) | Self::Stream { .. } => SourceFormat::Raw,
            Self::Qcow2 { .. } => SourceFormat::Qcow2,
            Self::Converted { format, .. } => *format,
        }
    }

    /// How the source is packed.
    pub(super) const fn packing(&self) -> Packing {
        match self {
            Self::Raw(_) => Packing::None,
            Self::Qcow2 { packing, .. }
            | Self::Converted { packing, .. }
            | Self::Stream { packing, .. } => *packing,
        }
    }

    /// Whether it was read into a file first.
    pub(super) const fn is_staged(&self) -> bool {
        matches!(
            self,
            Self::Qcow2 { staged: true, .. } | Self::Converted { .. }
        )
    }

    /// The disk's size, if that is known before it was read.
    pub(super) fn size(&self) -> Option<Bytes> {
        match self {
            Self::Raw(disk) | Self::Converted { disk, .. } => Some(disk.size()),
            Self::Qcow2 { disk, .. } => Some(disk.size()),
            Self::Stream { .. } => None,
        }
    }

    /// How far the copying will go, in the unit in which it is told.
    pub(super) fn total(&self) -> Option<Bytes> {
        match self {
            Self::Stream { total, .. } => *total,
            disk => disk.size(),
        }
    }

    /// Puts all data into the image and compares the checksum where that was not done before; the bytes that were read of
    /// the source.
    pub(super) fn copy(
        self,
        to: &mut Writer<'_>,
        task: &Task<'_>,
        checksum: Option<&Checksum>,
    ) -> Result<Bytes> {
        match self {
            Self::Raw(disk) => disk.copy(to, task, checksum),
            Self::Qcow2 { disk, read, .. } => disk.copy(to, task).map(|()| read),
            Self::Converted { disk, read, .. } => disk.copy(to, task, None).map(|_| read),
            Self::Stream { mut bytes, tap, .. } => {
                stream::copy(&mut bytes, &tap, to, task)?;
                drop(bytes);
                let read = tap.count();
                tap.verify().map(|()| read)
            }
        }
    }
}
