//! Where an import comes from, and the disk that is found in it.

use std::fs::File;
use std::io::{Cursor, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::qcow2::Qcow2File;
use super::raw::RawFile;
use super::tap::{Tap, peek, unreadable};
use super::unpack::unpack;
use super::writer::Writer;
use super::{describe, staging, stream};
use crate::host::Host;
use crate::image::format::HEAD;
use crate::image::{Checksum, Import, Packing, SourceFormat};
use crate::model::Bytes;
use crate::progress::Task;
use crate::{Context, Error, Kind, Result};

/// Bytes that come from somewhere.
pub(super) enum Source<'a> {
    /// A file or block device, which can be read anywhere.
    File(File),
    /// Anything else, which can be read once.
    Stream(Box<dyn Read + 'a>),
}
