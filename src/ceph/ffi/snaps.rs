//! Snapshots of an image.

use std::ffi::c_int;

use super::callback::{ProgressFn, with_progress};
use super::{Failed, ImageHandle, Raw, check, cstring, pointer, sys, text};

/// A snapshot.
pub struct RawSnap {
    pub id: u64,
    pub name: String,
    pub size: u64,
    pub namespace_type: i32,
}

impl ImageHandle {
    /// `rbd_snap_list` and `rbd_snap_get_namespace_type`. One that goes between the two is not there.
    pub fn snaps(&self) -> Raw<Vec<RawSnap>> {
        let listed = self.snap_list()?.into_iter();
        let there = listed.filter_map(|(id, size, name)| {
            let of_type = match self.snap_namespace_type(id) {
                Err(failed) if failed.errno == libc::ENOENT => return None,
                of_type => of_type,
            };
            Some(of_type.map(|namespace_type| RawSnap {
                id,
                name,
                size,
                namespace_type,
            }))
        });
        there.collect()
    }

    /// Id, size and name of each.
    fn snap_list(&self) -> Raw<Vec<(u64, u64, String)>> {
        const CALL: &str = "rbd_snap_list";
        let empty = sys::rbd_snap_info_t {
            id: 0,
            size: 0,
            name: std::ptr::null(),
        };
        let mut max: c_int = 64;
        loop {
            // One more than said, so that the end of the list is marked in any case.
            let room = usize::try_from(max).map_err(|_| Failed::new(CALL, libc::EOVERFLOW))?;
            let mut snaps = vec![empty; room + 1];
            // SAFETY: the image is open, the array is at least as long as said.
            let returned =
                unsafe { sys::rbd_snap_list(self.raw(), snaps.as_mut_ptr(), &raw mut max) };
            if returned == -libc::ERANGE {
                continue;
            }
            let count = check(CALL, returned)?;
            let found = snaps.iter().take(count);
            // SAFETY: librbd filled in strings, freed below.
            let found = found.map(|snap| (snap.id, snap.size, unsafe { text(snap.name) }));
            let found = found.collect();
            if count > 0 {
                // SAFETY: librbd filled the list in, it ends with an entry without name, and it is freed once.
                unsafe { sys::rbd_snap_list_end(snaps.as_mut_ptr()) }
            }
            return Ok(found);
        }
    }

    fn snap_namespace_type(&self, id: u64) -> Raw<i32> {
        let mut kind = 0;
        // SAFETY: the image is open, the place is ours to be written.
        let returned = unsafe { sys::rbd_snap_get_namespace_type(self.raw(), id, &raw mut kind) };
        check("rbd_snap_get_namespace_type", returned)?;
        Ok(kind)
    }

    /// `rbd_snap_create`.
    pub fn snap_create(&self, name: &str) -> Raw<()> {
        self.with_word("rbd_snap_create", name, sys::rbd_snap_create)
    }

    /// `rbd_snap_remove`.
    pub fn snap_remove(&self, name: &str) -> Raw<()> {
        self.with_word("rbd_snap_remove", name, sys::rbd_snap_remove)
    }

    /// `rbd_snap_rename`.
    pub fn snap_rename(&self, from: &str, to: &str) -> Raw<()> {
        self.with_words("rbd_snap_rename", [from, to], sys::rbd_snap_rename)
    }

    /// `rbd_snap_protect`.
    pub fn snap_protect(&self, name: &str) -> Raw<()> {
        self.with_word("rbd_snap_protect", name, sys::rbd_snap_protect)
    }

    /// `rbd_snap_unprotect`.
    pub fn snap_unprotect(&self, name: &str) -> Raw<()> {
        self.with_word("rbd_snap_unprotect", name, sys::rbd_snap_unprotect)
    }

    /// `rbd_snap_is_protected`.
    pub fn snap_is_protected(&self, name: &str) -> Raw<bool> {
        const CALL: &str = "rbd_snap_is_protected";
        let name = cstring(CALL, name)?;
        let mut protected = 0;
        // SAFETY: the image is open, the name ends with NUL, the place is ours to be written.
        let returned =
            unsafe { sys::rbd_snap_is_protected(self.raw(), name.as_ptr(), &raw mut protected) };
        check(CALL, returned)?;
        Ok(protected != 0)
    }

    /// `rbd_snap_rollback_with_progress`.
    pub fn snap_rollback(&self, name: &str, progress: ProgressFn<'_>) -> Raw<()> {
        const CALL: &str = "rbd_snap_rollback_with_progress";
        let name = cstring(CALL, name)?;
        let returned = with_progress(progress, |callback, arg| {
            // SAFETY: the image is open, the name ends with NUL, callback and its argument outlive the call.
            unsafe {
                sys::rbd_snap_rollback_with_progress(self.raw(), name.as_ptr(), callback, arg)
            }
        });
        check(CALL, returned).map(drop)
    }

    /// `rbd_snap_set`: what is read from now on; `None` is the image itself.
    pub fn snap_set(&self, name: Option<&str>) -> Raw<()> {
        const CALL: &str = "rbd_snap_set";
        let name = name.map(|name| cstring(CALL, name)).transpose()?;
        // SAFETY: the image is open, the name ends with NUL or is null.
        let returned = unsafe { sys::rbd_snap_set(self.raw(), pointer(name.as_ref())) };
        check(CALL, returned).map(drop)
    }
}
