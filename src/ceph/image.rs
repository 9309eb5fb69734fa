//! An open image: its life, its size, its metadata and its data.

use std::fmt;
use std::sync::Arc;

use super::error::{CephError, On, Stage, optional, parsed};
use super::ffi::ImageHandle;
use super::pool::Pool;
use super::progress::{OnProgress, plain};
use crate::fault;
use crate::model::{Bytes, ImageId, ImageName};

/// An open image. It keeps its [`Pool`], and is closed when it and its queues are gone.
pub struct Image {
    handle: Arc<ImageHandle>,
    pool: Pool,
    id: ImageId,
    label: String,
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({})", self.label)
    }
}

impl fmt::Display for Image {
    /// `pool[/namespace]/image[@snap]`, as it was opened.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

impl Image {
    /// Takes an opened handle; an image of format 1 is refused.
    pub(super) fn new(pool: &Pool, handle: ImageHandle, label: String) -> Result<Self, CephError> {
        if handle.is_format_1().on(&label)? {
            let error = CephError::new("rbd_open", label, libc::EOPNOTSUPP);
            return Err(error
                .at(Stage::Unsupported)
                .detail("it has the old image format 1, which is not supported"));
        }
        let id = parsed("rbd_get_id", &handle.id().on(&label)?)?;
        Ok(Self {
            handle: Arc::new(handle),
            pool: pool.clone(),
            id,
            label,
        })
    }

    pub(super) const fn handle(&self) -> &Arc<ImageHandle> {
        &self.handle
    }

    /// Its pool.
    pub const fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Its id. Implements `rbd_get_id`.
    pub const fn id(&self) -> &ImageId {
        &self.id
    }

    /// Its name now, which a rename may have changed. Implements `rbd_get_name`.
    pub fn name(&self) -> Result<ImageName, CephError> {
        parsed("rbd_get_name", &self.handle.name().on(self)?)
    }

    /// Its size, or that of the snapshot that it is opened at. Implements `rbd_get_size`.
    pub fn size(&self) -> Result<Bytes, CephError> {
        self.handle.size().on(self).map(Bytes)
    }

    /// Closes it and says whether that went well (dropping does not say). `EBUSY` while a queue of it is in use: it is
    /// closed when that is dropped. Implements `rbd_close`.
    pub fn close(self) -> Result<(), CephError> {
        match Arc::try_unwrap(self.handle) {
            Ok(handle) => handle.close().on(&self.label),
            Err(_shared) => Err(CephError::new("rbd_close", self.label, libc::EBUSY)),
        }
    }

    /// Changes its size; what a shrink cuts off is lost. A shrink that is not allowed gives `EINVAL`. Implements
    /// `rbd_resize2`.
    pub fn resize(
        &self,
        size: Bytes,
        allow_shrink: bool,
        progress: OnProgress<'_>,
    ) -> Result<(), CephError> {
        let has = self.size()?;
        if size < has && !allow_shrink {
            let why = format!("it has {has}, and making it smaller was not asked for");
            return Err(CephError::invalid("rbd_resize2", self.label.clone(), &why));
        }
        let resized = self
            .handle
            .resize(size.0, allow_shrink, &mut plain(progress));
        resized.on(self)?;
        fault::step("rbd resize");
        Ok(())
    }

    /// Copies what it shares with its parent, and lets go of that. `EINVAL` if it has none. Implements
    /// `rbd_flatten_with_progress`.
    pub fn flatten(&self, progress: OnProgress<'_>) -> Result<(), CephError> {
        self.handle.flatten(&mut plain(progress)).on(self)?;
        fault::step("rbd flatten");
        Ok(())
    }

    /// A value of its metadata, up to its first NUL; see [`meta::get`](super::meta::get) for bytes. Implements
    /// `rbd_metadata_get`.
    pub fn metadata_get(&self, key: &str) -> Result<Option<String>, CephError> {
        optional(self.handle.metadata_get(key).on(self))
    }

    /// Sets a value of its metadata, whatever it was; see
    /// [`meta::compare_and_set`](super::meta::compare_and_set). Implements `rbd_metadata_set`.
    pub fn metadata_set(&self, key: &str, value: &str) -> Result<(), CephError> {
        self.handle.metadata_set(key, value).on(self)?;
        fault::step("rbd image-meta set");
        Ok(())
    }

    /// Removes a value of its metadata; `ENOENT` if there is none. Implements `rbd_metadata_remove`.
    pub fn metadata_remove(&self, key: &str) -> Result<(), CephError> {
        self.handle.metadata_remove(key).on(self)?;
        fault::step("rbd image-meta remove");
        Ok(())
    }

    /// Keys and values of its metadata, by key. Implements `rbd_metadata_list`.
    pub fn metadata_list(&self) -> Result<Vec<(String, String)>, CephError> {
        self.handle.metadata_list().on(self)
    }

    /// Reads from an offset in bytes; fewer bytes than asked for at the end of the image. Implements `rbd_read`.
    pub fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize, CephError> {
        self.handle.read(offset, into).on(self)
    }

    /// Writes all of `data` at an offset in bytes; `EINVAL` beyond the end. Implements `rbd_write`.
    pub fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), CephError> {
        let written = self.handle.write(offset, data).on(self)?;
        self.all_of("rbd_write", written, data.len())
    }

    /// Gives a range back; it may read as zeroes or as before afterwards (the ends of it that are no multiple of the
    /// discard granularity do the latter). Implements `rbd_discard`.
    pub fn discard(&self, offset: u64, len: Bytes) -> Result<(), CephError> {
        self.handle.discard(offset, len.0).on(self)
    }

    /// Makes a range read as zeroes, taking no room where it can. Implements `rbd_write_zeroes`.
    pub fn write_zeroes(&self, offset: u64, len: Bytes) -> Result<(), CephError> {
        let len = usize::try_from(len.0).unwrap_or(usize::MAX);
        let written = self.handle.write_zeroes(offset, len).on(self)?;
        self.all_of("rbd_write_zeroes", written, len)
    }

    /// Returns when all that was written is safe on the cluster. Implements `rbd_flush`.
    pub fn flush(&self) -> Result<(), CephError> {
        self.handle.flush().on(self)
    }

    /// A write beyond the end is cut off by librbd without an error; here it is one.
    fn all_of(&self, call: &'static str, done: usize, wanted: usize) -> Result<(), CephError> {
        if done == wanted {
            return Ok(());
        }
        let why = format!("only {done} of {wanted} bytes are within the image");
        Err(CephError::invalid(call, self.label.clone(), &why))
    }
}
