//! librbd's functions on a pool: list, create, clone, rename, remove, trash, namespaces.

use std::ffi::c_char;

use super::callback::{ProgressFn, with_progress};
use super::{ImageOptions, IoCtxHandle, Raw, check, cstring, grow, sys, text, words_in};

/// An image in the trash.
pub struct RawTrash {
    pub id: String,
    pub name: String,
    pub source: i32,
    pub deleted: i64,
    pub deferred_until: i64,
}

impl IoCtxHandle {
    /// `rbd_list2`: names and ids.
    pub fn list(&self) -> Raw<Vec<(String, String)>> {
        let empty = sys::rbd_image_spec_t {
            id: std::ptr::null_mut(),
            name: std::ptr::null_mut(),
        };
        let mut specs = grow("rbd_list2", empty, 1024, |specs, count| {
            // SAFETY: the ioctx is alive, the array is as long as said.
            unsafe { sys::rbd_list2(self.raw(), specs.as_mut_ptr(), count) as isize }
        })?;
        let images = specs.iter().map(|spec| {
            // SAFETY: librbd filled in a string, freed below.
            let name = unsafe { text(spec.name) };
            // SAFETY: as above.
            (name, unsafe { text(spec.id) })
        });
        let images = images.collect();
        // SAFETY: librbd filled in that many entries, and each is freed once.
        unsafe { sys::rbd_image_spec_list_cleanup(specs.as_mut_ptr(), specs.len()) }
        Ok(images)
    }

    /// `rbd_create4`.
    pub fn create_image(&self, name: &str, size: u64, options: &ImageOptions) -> Raw<()> {
        const CALL: &str = "rbd_create4";
        let name = cstring(CALL, name)?;
        // SAFETY: ioctx and options are alive, the name ends with NUL.
        let returned = unsafe { sys::rbd_create4(self.raw(), name.as_ptr(), size, options.raw()) };
        check(CALL, returned).map(drop)
    }

    /// `rbd_clone3`: `self` is the child's pool.
    pub fn clone_image(
        &self,
        child: &str,
        (parent_io, parent, snap): (&Self, &str, &str),
        options: &ImageOptions,
    ) -> Raw<()> {
        const CALL: &str = "rbd_clone3";
        let parent = cstring(CALL, parent)?;
        let snap = cstring(CALL, snap)?;
        let child = cstring(CALL, child)?;
        // SAFETY: both ioctxs and the options are alive, the names end with NUL.
        let returned = unsafe {
            sys::rbd_clone3(
                parent_io.raw(),
                parent.as_ptr(),
                snap.as_ptr(),
                self.raw(),
                child.as_ptr(),
                options.raw(),
            )
        };
        check(CALL, returned).map(drop)
    }

    /// `rbd_rename`.
    pub fn rename(&self, from: &str, to: &str) -> Raw<()> {
        const CALL: &str = "rbd_rename";
        let from = cstring(CALL, from)?;
        let to = cstring(CALL, to)?;
        // SAFETY: the ioctx is alive, the names end with NUL.
        let returned = unsafe { sys::rbd_rename(self.raw(), from.as_ptr(), to.as_ptr()) };
        check(CALL, returned).map(drop)
    }

    /// `rbd_remove_with_progress`.
    pub fn remove(&self, name: &str, progress: ProgressFn<'_>) -> Raw<()> {
        const CALL: &str = "rbd_remove_with_progress";
        let name = cstring(CALL, name)?;
        let returned = with_progress(progress, |callback, arg| {
            // SAFETY: the ioctx is alive, the name ends with NUL, callback and its argument outlive the call.
            unsafe { sys::rbd_remove_with_progress(self.raw(), name.as_ptr(), callback, arg) }
        });
        check(CALL, returned).map(drop)
    }

    /// `rbd_trash_move`: `delay` in seconds.
    pub fn trash_move(&self, name: &str, delay: u64) -> Raw<()> {
        const CALL: &str = "rbd_trash_move";
        let name = cstring(CALL, name)?;
        // SAFETY: the ioctx is alive, the name ends with NUL.
        let returned = unsafe { sys::rbd_trash_move(self.raw(), name.as_ptr(), delay) };
        check(CALL, returned).map(drop)
    }

    /// `rbd_trash_list`.
    pub fn trash_list(&self) -> Raw<Vec<RawTrash>> {
        let empty = sys::rbd_trash_image_info_t {
            id: std::ptr::null_mut(),
            name: std::ptr::null_mut(),
            source: 0,
            deletion_time: 0,
            deferment_end_time: 0,
        };
        let mut entries = grow("rbd_trash_list", empty, 256, |entries, count| {
            // SAFETY: the ioctx is alive, the array is as long as said.
            unsafe { sys::rbd_trash_list(self.raw(), entries.as_mut_ptr(), count) as isize }
        })?;
        let found = entries.iter().map(|entry| RawTrash {
            // SAFETY: librbd filled in a string, freed below.
            id: unsafe { text(entry.id) },
            // SAFETY: as above.
            name: unsafe { text(entry.name) },
            source: entry.source,
            deleted: entry.deletion_time,
            deferred_until: entry.deferment_end_time,
        });
        let found = found.collect();
        // SAFETY: librbd filled in that many entries, and each is freed once.
        unsafe { sys::rbd_trash_list_cleanup(entries.as_mut_ptr(), entries.len()) }
        Ok(found)
    }

    /// `rbd_trash_remove_with_progress`.
    pub fn trash_remove(&self, id: &str, force: bool, progress: ProgressFn<'_>) -> Raw<()> {
        const CALL: &str = "rbd_trash_remove_with_progress";
        let id = cstring(CALL, id)?;
        let returned = with_progress(progress, |callback, arg| {
            // SAFETY: the ioctx is alive, the id ends with NUL, callback and its argument outlive the call.
            unsafe {
                sys::rbd_trash_remove_with_progress(self.raw(), id.as_ptr(), force, callback, arg)
            }
        });
        check(CALL, returned).map(drop)
    }

    /// `rbd_trash_restore`.
    pub fn trash_restore(&self, id: &str, name: &str) -> Raw<()> {
        const CALL: &str = "rbd_trash_restore";
        let id = cstring(CALL, id)?;
        let name = cstring(CALL, name)?;
        // SAFETY: the ioctx is alive, the words end with NUL.
        let returned = unsafe { sys::rbd_trash_restore(self.raw(), id.as_ptr(), name.as_ptr()) };
        check(CALL, returned).map(drop)
    }

    /// `rbd_namespace_list`.
    pub fn namespaces(&self) -> Raw<Vec<String>> {
        let names = grow("rbd_namespace_list", 0_u8, 4096, |names, len| {
            let at = names.as_mut_ptr().cast::<c_char>();
            // SAFETY: the ioctx is alive, the buffer is as long as said.
            unsafe { sys::rbd_namespace_list(self.raw(), at, len) as isize }
        })?;
        let words = words_in(&names).into_iter();
        Ok(words.filter(|name| !name.is_empty()).collect())
    }

    /// `rbd_namespace_create`.
    pub fn namespace_create(&self, name: &str) -> Raw<()> {
        const CALL: &str = "rbd_namespace_create";
        let name = cstring(CALL, name)?;
        // SAFETY: the ioctx is alive, the name ends with NUL.
        let returned = unsafe { sys::rbd_namespace_create(self.raw(), name.as_ptr()) };
        check(CALL, returned).map(drop)
    }

    /// `rbd_namespace_remove`.
    pub fn namespace_remove(&self, name: &str) -> Raw<()> {
        const CALL: &str = "rbd_namespace_remove";
        let name = cstring(CALL, name)?;
        // SAFETY: the ioctx is alive, the name ends with NUL.
        let returned = unsafe { sys::rbd_namespace_remove(self.raw(), name.as_ptr()) };
        check(CALL, returned).map(drop)
    }
}
