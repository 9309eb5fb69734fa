//! What is really behind a LUN: the image as librbd reads it, or the cached front as the kernel does.

use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::ceph::{Cluster, Image};
use crate::model::{Bytes, SnapSpec};
use crate::sys::direct::{AlignedBuf, open_read};
use crate::tgt::render::LunView;
use crate::{Context, Error, Kind, Result};

/// How much is compared at a time; whatever a logical or physical block is, it divides this.
pub(super) const PIECE: usize = 4096;

/// The source of truth.
pub(super) enum Truth {
    Image(Box<Image>),
    Device(std::fs::File, String),
}

impl Truth {
    /// Opens it to read, without a lock or a watch.
    pub(super) fn open(lun: &LunView, ceph: Option<&Cluster>) -> Result<Self> {
        let Some(cluster) = ceph else {
            let file = open_read(Path::new(&lun.path))?;
            return Ok(Self::Device(file, lun.path.clone()));
        };
        let spec: SnapSpec = lun.image.parse()?;
        let open = || {
            let pool = cluster.pool(&spec.image.pool, None)?;
            pool.open_read_only(&spec.image.image, spec.snap.as_ref())
        };
        let image = open().context(|| format!("cannot open {spec}"))?;
        Ok(Self::Image(Box::new(image)))
    }

    pub(super) fn size(&mut self) -> Result<Bytes> {
        match self {
            Self::Image(image) => Ok(image.size()?),
            Self::Device(file, name) => {
                let end = file.seek(SeekFrom::End(0));
                end.map(Bytes).map_err(|error| cannot(name, error))
            }
        }
    }

    /// [`PIECE`] bytes from an offset.
    pub(super) fn read(&self, offset: u64) -> Result<Vec<u8>> {
        let mut piece = AlignedBuf::zeroed(PIECE);
        match self {
            Self::Image(image) => drop(image.read_at(offset, &mut piece)?),
            Self::Device(file, name) => file
                .read_exact_at(&mut piece, offset)
                .map_err(|error| cannot(name, error))?,
        }
        Ok(piece.to_vec())
    }
}

fn cannot(name: &str, error: std::io::Error) -> Error {
    Error::new(Kind::Failed, format!("cannot read {name}")).because(error)
}
