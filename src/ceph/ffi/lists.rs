//! Lists that librbd gives of an image: children, watchers.

use super::{ImageHandle, Raw, grow, sys, text};

pub(super) const NO_LINKED: sys::rbd_linked_image_spec_t = sys::rbd_linked_image_spec_t {
    pool_id: -1,
    pool_name: std::ptr::null_mut(),
    pool_namespace: std::ptr::null_mut(),
    image_id: std::ptr::null_mut(),
    image_name: std::ptr::null_mut(),
    trash: false,
};

/// A parent or a child.
pub struct RawLinked {
    pub pool_id: i64,
    pub pool: String,
    pub namespace: String,
    pub id: String,
    pub name: String,
    pub trash: bool,
}

impl RawLinked {
    /// Copies what librbd filled in and has not freed yet.
    pub(super) fn copied(spec: &sys::rbd_linked_image_spec_t) -> Self {
        Self {
            pool_id: spec.pool_id,
            // SAFETY: specs come from librbd only, whose strings are freed after this.
            pool: unsafe { text(spec.pool_name) },
            // SAFETY: as above.
            namespace: unsafe { text(spec.pool_namespace) },
            // SAFETY: as above.
            id: unsafe { text(spec.image_id) },
            // SAFETY: as above.
            name: unsafe { text(spec.image_name) },
            trash: spec.trash,
        }
    }
}

/// A client that watches an image's header.
pub struct RawWatcher {
    pub addr: String,
    pub id: i64,
    pub cookie: u64,
}

impl ImageHandle {
    /// `rbd_list_children3`: of the snapshot that the image is opened at, or of all of them.
    pub fn children(&self) -> Raw<Vec<RawLinked>> {
        let mut specs = grow("rbd_list_children3", NO_LINKED, 256, |specs, count| {
            // SAFETY: the image is open, the array is as long as said.
            unsafe { sys::rbd_list_children3(self.raw(), specs.as_mut_ptr(), count) as isize }
        })?;
        let children = specs.iter().map(RawLinked::copied).collect();
        // SAFETY: librbd filled in that many entries, and each is freed once.
        unsafe { sys::rbd_linked_image_spec_list_cleanup(specs.as_mut_ptr(), specs.len()) }
        Ok(children)
    }

    /// `rbd_watchers_list`.
    pub fn watchers(&self) -> Raw<Vec<RawWatcher>> {
        let empty = sys::rbd_image_watcher_t {
            addr: std::ptr::null_mut(),
            id: 0,
            cookie: 0,
        };
        let mut watchers = grow("rbd_watchers_list", empty, 16, |watchers, count| {
            // SAFETY: the image is open, the array is as long as said.
            unsafe { sys::rbd_watchers_list(self.raw(), watchers.as_mut_ptr(), count) as isize }
        })?;
        let found = watchers.iter().map(|watcher| RawWatcher {
            // SAFETY: librbd filled in a string, freed below.
            addr: unsafe { text(watcher.addr) },
            id: watcher.id,
            cookie: watcher.cookie,
        });
        let found = found.collect();
        // SAFETY: librbd filled in that many entries, and each is freed once.
        unsafe { sys::rbd_watchers_list_cleanup(watchers.as_mut_ptr(), watchers.len()) }
        Ok(found)
    }
}
