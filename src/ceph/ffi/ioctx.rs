//! An I/O context: one pool and namespace of a connection.

use std::ffi::c_char;
use std::sync::Arc;

use ceph::rados;

use super::{ClusterHandle, Raw, check, cstring};

/// A `rados_ioctx_t`, whose namespace is set once; it keeps its connection.
pub struct IoCtxHandle {
    raw: rados::rados_ioctx_t,
    _cluster: Arc<ClusterHandle>,
}

// SAFETY: librados.h: only changing an ioctx's settings is not thread-safe, and that is done before it can be shared.
unsafe impl Send for IoCtxHandle {}
// SAFETY: as above.
unsafe impl Sync for IoCtxHandle {}

impl Drop for IoCtxHandle {
    fn drop(&mut self) {
        // SAFETY: the ioctx came from rados_ioctx_create, its connection is still held, and images hold our Arc.
        unsafe { rados::rados_ioctx_destroy(self.raw) }
    }
}

impl IoCtxHandle {
    /// `rados_ioctx_create` and, if there is one, `rados_ioctx_set_namespace`.
    pub fn create(cluster: &Arc<ClusterHandle>, pool: &str, namespace: Option<&str>) -> Raw<Self> {
        const CALL: &str = "rados_ioctx_create";
        let pool = cstring(CALL, pool)?;
        let namespace = namespace.map(|name| cstring(CALL, name)).transpose()?;
        let mut raw = std::ptr::null_mut();
        // SAFETY: the handle is connected, the name ends with NUL, the place is ours to be written.
        let returned =
            unsafe { rados::rados_ioctx_create(cluster.raw(), pool.as_ptr(), &raw mut raw) };
        check(CALL, returned)?;
        let io = Self {
            raw,
            _cluster: Arc::clone(cluster),
        };
        if let Some(namespace) = namespace {
            // SAFETY: the ioctx is alive and not yet shared; the name ends with NUL and is copied.
            unsafe { rados::rados_ioctx_set_namespace(io.raw, namespace.as_ptr()) }
        }
        Ok(io)
    }

    pub(super) const fn raw(&self) -> rados::rados_ioctx_t {
        self.raw
    }

    /// `rados_ioctx_get_id`: the pool's id.
    pub fn pool_id(&self) -> i64 {
        // SAFETY: the ioctx is alive.
        unsafe { rados::rados_ioctx_get_id(self.raw) }
    }

    /// `rados_read` of the start of a small object.
    pub fn read(&self, object: &str, at_most: usize) -> Raw<Vec<u8>> {
        const CALL: &str = "rados_read";
        let object = cstring(CALL, object)?;
        let mut data = vec![0_u8; at_most];
        let at = data.as_mut_ptr().cast::<c_char>();
        // SAFETY: the ioctx is alive, the name ends with NUL, and the buffer is as long as said.
        let returned = unsafe { rados::rados_read(self.raw, object.as_ptr(), at, at_most, 0) };
        data.truncate(check(CALL, returned)?);
        Ok(data)
    }

    /// `rados_stat`: whether an object is there is all that is asked.
    pub fn stat(&self, object: &str) -> Raw<()> {
        const CALL: &str = "rados_stat";
        let object = cstring(CALL, object)?;
        let (mut size, mut mtime) = (0_u64, 0);
        // SAFETY: the ioctx is alive, the name ends with NUL, both places are ours to be written.
        let returned =
            unsafe { rados::rados_stat(self.raw, object.as_ptr(), &raw mut size, &raw mut mtime) };
        check(CALL, returned).map(drop)
    }
}
