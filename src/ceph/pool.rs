//! A pool, in one of its namespaces: its images by name and by id.

use std::fmt;
use std::sync::Arc;

use super::cluster::Cluster;
use super::error::{CephError, On, optional, parsed};
use super::ffi::{ImageHandle, IoCtxHandle, Opened};
use super::image::Image;
use super::progress::{OnProgress, plain};
use crate::fault;
use crate::model::{ImageId, ImageName, ImageSpec, Namespace, PoolId, PoolName, SnapName};

/// An open pool. Clones share it, and it keeps its [`Cluster`].
#[derive(Clone)]
pub struct Pool {
    io: Arc<IoCtxHandle>,
    cluster: Cluster,
    name: PoolName,
    namespace: Option<Namespace>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({self})")
    }
}

impl fmt::Display for Pool {
    /// `pool` or `pool/namespace`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}/{namespace}", self.name),
            None => self.name.fmt(f),
        }
    }
}

impl Pool {
    pub(super) fn new(
        cluster: &Cluster,
        io: IoCtxHandle,
        name: &PoolName,
        namespace: Option<&Namespace>,
    ) -> Self {
        Self {
            io: Arc::new(io),
            cluster: cluster.clone(),
            name: name.clone(),
            namespace: namespace.cloned(),
        }
    }

    pub(super) const fn io(&self) -> &Arc<IoCtxHandle> {
        &self.io
    }

    /// The connection.
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The pool's name, as it was opened.
    pub const fn name(&self) -> &PoolName {
        &self.name
    }

    /// The namespace, `None` for the default one.
    pub const fn namespace(&self) -> Option<&Namespace> {
        self.namespace.as_ref()
    }

    /// The pool's id. Implements `rados_ioctx_get_id`.
    pub fn id(&self) -> PoolId {
        PoolId(self.io.pool_id())
    }

    /// The full name of an image of this pool.
    pub fn spec(&self, image: &ImageName) -> ImageSpec {
        ImageSpec {
            pool: self.name.clone(),
            namespace: self.namespace.clone(),
            image: image.clone(),
        }
    }

    /// The names of the pool's namespaces, without the default one and those that no [`Namespace`] can be. Implements
    /// `rbd_namespace_list`.
    pub fn namespaces(&self) -> Result<Vec<Namespace>, CephError> {
        let names = self.io.namespaces().on(self)?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Makes a namespace; `EEXIST` if it is there. Implements `rbd_namespace_create`.
    pub fn namespace_create(&self, name: &Namespace) -> Result<(), CephError> {
        let made = self.io.namespace_create(name.as_str());
        made.on(&format_args!("{self}/{name}"))?;
        fault::step("rbd namespace create");
        Ok(())
    }

    /// Removes a namespace; `EBUSY` if it has images. Implements `rbd_namespace_remove`.
    pub fn namespace_remove(&self, name: &Namespace) -> Result<(), CephError> {
        let removed = self.io.namespace_remove(name.as_str());
        removed.on(&format_args!("{self}/{name}"))?;
        fault::step("rbd namespace remove");
        Ok(())
    }

    /// The id of an image, `None` if there is none of this name (or one of format 1, which has no id). One small read.
    /// Implements `rados_read` of the object `rbd_id.NAME`.
    pub fn image_id(&self, name: &ImageName) -> Result<Option<ImageId>, CephError> {
        let read = self.io.read(&format!("rbd_id.{name}"), 512);
        let Some(object) = optional(read.on(&self.spec(name)))? else {
            return Ok(None);
        };
        let id = decode_string(&object).ok_or_else(|| {
            CephError::invalid(
                "rados_read",
                self.spec(name).to_string(),
                "rbd_id is malformed",
            )
        })?;
        parsed("rados_read", id).map(Some)
    }

    /// Whether there is an image of this name, of any format. Implements `rados_stat` of `rbd_id.NAME` and `NAME.rbd`.
    pub fn image_exists(&self, name: &ImageName) -> Result<bool, CephError> {
        for object in [format!("rbd_id.{name}"), format!("{name}.rbd")] {
            let found = self.io.stat(&object).on(&self.spec(name));
            if optional(found)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Names and ids of the images, without those of format 1 and those whose names [`ImageName`] does not allow.
    /// Implements `rbd_list2`.
    pub fn list_images(&self) -> Result<Vec<(ImageName, ImageId)>, CephError> {
        let images = self.io.list().on(self)?;
        let images = images.iter();
        let known = images.filter_map(|(name, id)| Some((name.parse().ok()?, id.parse().ok()?)));
        Ok(known.collect())
    }

    /// Renames an image; its id stays. `EEXIST` if there is one of the new name. Implements `rbd_rename`.
    pub fn rename(&self, from: &ImageName, to: &ImageName) -> Result<(), CephError> {
        let renamed = self.io.rename(from.as_str(), to.as_str());
        renamed.on(&format_args!("{} to {to}", self.spec(from)))?;
        fault::step("rbd rename");
        Ok(())
    }

    /// Removes an image. `ENOTEMPTY` if it has snapshots, `EBUSY` if somebody has it open; one that was stopped halfway
    /// can be removed again. Implements `rbd_remove_with_progress`.
    pub fn remove(&self, name: &ImageName, progress: OnProgress<'_>) -> Result<(), CephError> {
        let removed = self.io.remove(name.as_str(), &mut plain(progress));
        removed.on(&self.spec(name))?;
        fault::step("rbd remove");
        Ok(())
    }

    /// Opens an image to read and write; registers a watch. Implements `rbd_open`.
    pub fn open(&self, name: &ImageName) -> Result<Image, CephError> {
        self.open_any(Opened::ByName(name.as_str()), None, false)
    }

    /// Opens an image, or a snapshot of it, to read; without a watch, so that the image may be removed meanwhile and
    /// changes of its size are not seen. Implements `rbd_open_read_only`.
    pub fn open_read_only(
        &self,
        name: &ImageName,
        snap: Option<&SnapName>,
    ) -> Result<Image, CephError> {
        self.open_any(Opened::ByName(name.as_str()), snap, true)
    }

    /// As [`Pool::open`], by id: also for an image that was renamed or is in the trash. Implements `rbd_open_by_id`.
    pub fn open_by_id(&self, id: &ImageId) -> Result<Image, CephError> {
        self.open_any(Opened::ById(id.as_str()), None, false)
    }

    /// As [`Pool::open_read_only`], by id. Implements `rbd_open_by_id_read_only`.
    pub fn open_by_id_read_only(
        &self,
        id: &ImageId,
        snap: Option<&SnapName>,
    ) -> Result<Image, CephError> {
        self.open_any(Opened::ById(id.as_str()), snap, true)
    }

    fn open_any(
        &self,
        what: Opened<'_>,
        snap: Option<&SnapName>,
        read_only: bool,
    ) -> Result<Image, CephError> {
        let mut label = match what {
            Opened::ByName(name) => format!("{self}/{name}"),
            Opened::ById(id) => format!("{self}/(id {id})"),
        };
        if let Some(snap) = snap {
            label = format!("{label}@{snap}");
        }
        let handle = ImageHandle::open(&self.io, what, snap.map(SnapName::as_str), read_only);
        Image::new(self, handle.on(&label)?, label)
    }
}

/// A string as Ceph encodes it: its length, little-endian, and its bytes.
fn decode_string(bytes: &[u8]) -> Option<&str> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
    std::str::from_utf8(rest.get(..len)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_string_is_not_read_beyond_its_end() {
        assert_eq!(decode_string(b"\x03\0\0\0abc"), Some("abc"));
        assert_eq!(decode_string(b"\x03\0\0\0abcd"), Some("abc"));
        assert_eq!(decode_string(b"\x04\0\0\0abc"), None);
        assert_eq!(decode_string(b"\xff\xff\xff\xff"), None);
        assert_eq!(decode_string(b"\x01\0"), None);
    }
}
