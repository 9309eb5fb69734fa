//! An open image: opened, closed, described, resized.

use std::ffi::{c_char, c_int};
use std::sync::Arc;

use super::callback::{ProgressFn, with_progress};
use super::lists::RawLinked;
use super::{IoCtxHandle, Raw, check, cstring, grow, pointer, sys, text, text_in};

/// An `rbd_image_t`; it keeps its ioctx, and is closed when dropped.
pub struct ImageHandle {
    raw: sys::rbd_image_t,
    open: bool,
    _io: Arc<IoCtxHandle>,
}

// SAFETY: librbd locks an image's state itself; one handle may be used by several threads, as QEMU does.
unsafe impl Send for ImageHandle {}
// SAFETY: as above.
unsafe impl Sync for ImageHandle {}

impl Drop for ImageHandle {
    fn drop(&mut self) {
        let _nobody_to_tell = self.close_once();
    }
}

/// What an image is opened by.
#[derive(Debug, Clone, Copy)]
pub enum Opened<'a> {
    ByName(&'a str),
    ById(&'a str),
}

/// What librbd knows of an image.
pub struct RawInfo {
    pub size: u64,
    pub object_size: u64,
    pub objects: u64,
    pub features: u64,
    pub flags: u64,
    pub stripe_unit: u64,
    pub stripe_count: u64,
    pub data_pool: i64,
    pub created: i64,
}

/// What an image was cloned from.
pub struct RawParent {
    pub image: RawLinked,
    pub snap: String,
    pub snap_id: u64,
    pub overlap: u64,
}

impl ImageHandle {
    /// `rbd_open`, `rbd_open_by_id`, `rbd_open_read_only` or `rbd_open_by_id_read_only`.
    pub fn open(
        io: &Arc<IoCtxHandle>,
        what: Opened<'_>,
        snap: Option<&str>,
        read_only: bool,
    ) -> Raw<Self> {
        let (call, word) = match (what, read_only) {
            (Opened::ByName(name), false) => ("rbd_open", name),
            (Opened::ByName(name), true) => ("rbd_open_read_only", name),
            (Opened::ById(id), false) => ("rbd_open_by_id", id),
            (Opened::ById(id), true) => ("rbd_open_by_id_read_only", id),
        };
        let function: OpenFn = match (what, read_only) {
            (Opened::ByName(_), false) => sys::rbd_open,
            (Opened::ByName(_), true) => sys::rbd_open_read_only,
            (Opened::ById(_), false) => sys::rbd_open_by_id,
            (Opened::ById(_), true) => sys::rbd_open_by_id_read_only,
        };
        let word = cstring(call, word)?;
        let snap = snap.map(|snap| cstring(call, snap)).transpose()?;
        let mut raw = std::ptr::null_mut();
        let at = &raw mut raw;
        // SAFETY: the ioctx is alive, the words end with NUL or are null, the place is ours to be written, and all four
        // functions take the same.
        let returned = unsafe { function(io.raw(), word.as_ptr(), at, pointer(snap.as_ref())) };
        check(call, returned)?;
        Ok(Self {
            raw,
            open: true,
            _io: Arc::clone(io),
        })
    }

    pub(super) const fn raw(&self) -> sys::rbd_image_t {
        self.raw
    }

    /// `rbd_close`, and what it says. The handle is gone in any case.
    pub fn close(mut self) -> Raw<()> {
        self.close_once()
    }

    fn close_once(&mut self) -> Raw<()> {
        if !std::mem::replace(&mut self.open, false) {
            return Ok(());
        }
        // SAFETY: the image is open, nobody else has it, and the flag keeps it from being closed again.
        let returned = unsafe { sys::rbd_close(self.raw) };
        check("rbd_close", returned).map(drop)
    }

    /// A call that fills in one number.
    fn number(&self, call: &'static str, get: NumberFn) -> Raw<u64> {
        let mut value = 0;
        // SAFETY: the image is open, the place is ours to be written, and `get` is one of librbd's getters.
        let returned = unsafe { get(self.raw, &raw mut value) };
        check(call, returned)?;
        Ok(value)
    }

    /// A call that takes one string.
    pub(super) fn with_word(&self, call: &'static str, word: &str, function: WordFn) -> Raw<()> {
        let word = cstring(call, word)?;
        // SAFETY: the image is open, the word ends with NUL, and `function` is one of librbd's that copy it.
        let returned = unsafe { function(self.raw, word.as_ptr()) };
        check(call, returned).map(drop)
    }

    /// A call that takes two strings.
    pub(super) fn with_words(
        &self,
        call: &'static str,
        [first, second]: [&str; 2],
        function: WordsFn,
    ) -> Raw<()> {
        let first = cstring(call, first)?;
        let second = cstring(call, second)?;
        // SAFETY: the image is open, the words end with NUL, and `function` is one of librbd's that copy them.
        let returned = unsafe { function(self.raw, first.as_ptr(), second.as_ptr()) };
        check(call, returned).map(drop)
    }

    /// `rbd_get_old_format`: whether the image has format 1.
    pub fn is_format_1(&self) -> Raw<bool> {
        let mut old = 0;
        // SAFETY: the image is open, the place is ours to be written.
        let returned = unsafe { sys::rbd_get_old_format(self.raw, &raw mut old) };
        check("rbd_get_old_format", returned)?;
        Ok(old != 0)
    }

    /// `rbd_get_id`.
    pub fn id(&self) -> Raw<String> {
        let mut id = [0_u8; 256];
        // SAFETY: the image is open, the buffer is as long as said.
        let returned = unsafe { sys::rbd_get_id(self.raw, id.as_mut_ptr().cast(), id.len()) };
        check("rbd_get_id", returned)?;
        Ok(text_in(&id))
    }

    /// `rbd_get_name`.
    pub fn name(&self) -> Raw<String> {
        let name = grow("rbd_get_name", 0_u8, 512, |name, len| {
            // SAFETY: the image is open, the buffer is as long as said.
            unsafe { sys::rbd_get_name(self.raw, name.as_mut_ptr().cast(), len) as isize }
        })?;
        Ok(text_in(&name))
    }

    /// `rbd_get_size`: of the image, or of the snapshot that it is opened at.
    pub fn size(&self) -> Raw<u64> {
        self.number("rbd_get_size", sys::rbd_get_size)
    }

    /// `rbd_stat` and the getters beside it.
    pub fn info(&self) -> Raw<RawInfo> {
        let mut info = sys::rbd_image_info_t {
            size: 0,
            obj_size: 0,
            num_objs: 0,
            order: 0,
            block_name_prefix: [0; 24],
            parent_pool: 0,
            parent_name: [0; 96],
        };
        // SAFETY: the image is open, the struct is ours to be written and as large as said.
        let returned = unsafe { sys::rbd_stat(self.raw, &raw mut info, size_of_val(&info)) };
        check("rbd_stat", returned)?;
        let mut created = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the image is open, the struct is ours to be written.
        let returned = unsafe { sys::rbd_get_create_timestamp(self.raw, &raw mut created) };
        check("rbd_get_create_timestamp", returned)?;
        Ok(RawInfo {
            size: info.size,
            object_size: info.obj_size,
            objects: info.num_objs,
            features: self.number("rbd_get_features", sys::rbd_get_features)?,
            flags: self.number("rbd_get_flags", sys::rbd_get_flags)?,
            stripe_unit: self.number("rbd_get_stripe_unit", sys::rbd_get_stripe_unit)?,
            stripe_count: self.number("rbd_get_stripe_count", sys::rbd_get_stripe_count)?,
            // SAFETY: the image is open.
            data_pool: unsafe { sys::rbd_get_data_pool_id(self.raw) },
            created: created.tv_sec,
        })
    }

    /// `rbd_get_parent` and `rbd_get_overlap`; `ENOENT` where there is no parent.
    pub fn parent(&self) -> Raw<RawParent> {
        let mut image = super::lists::NO_LINKED;
        let mut snap = sys::rbd_snap_spec_t {
            id: 0,
            namespace_type: 0,
            name: std::ptr::null_mut(),
        };
        // SAFETY: the image is open, both structs are ours to be written.
        let returned = unsafe { sys::rbd_get_parent(self.raw, &raw mut image, &raw mut snap) };
        check("rbd_get_parent", returned)?;
        let parent = RawParent {
            image: RawLinked::copied(&image),
            // SAFETY: librbd filled in a string, freed below.
            snap: unsafe { text(snap.name) },
            snap_id: snap.id,
            overlap: 0,
        };
        // SAFETY: librbd filled it in, and it is freed once.
        unsafe { sys::rbd_linked_image_spec_cleanup(&raw mut image) }
        // SAFETY: as above.
        unsafe { sys::rbd_snap_spec_cleanup(&raw mut snap) }
        let overlap = self.number("rbd_get_overlap", sys::rbd_get_overlap)?;
        Ok(RawParent { overlap, ..parent })
    }

    /// `rbd_resize2`.
    pub fn resize(&self, size: u64, allow_shrink: bool, progress: ProgressFn<'_>) -> Raw<()> {
        let returned = with_progress(progress, |callback, arg| {
            // SAFETY: the image is open, callback and its argument outlive the call.
            unsafe { sys::rbd_resize2(self.raw, size, allow_shrink, callback, arg) }
        });
        check("rbd_resize2", returned).map(drop)
    }

    /// `rbd_flatten_with_progress`.
    pub fn flatten(&self, progress: ProgressFn<'_>) -> Raw<()> {
        let returned = with_progress(progress, |callback, arg| {
            // SAFETY: the image is open, callback and its argument outlive the call.
            unsafe { sys::rbd_flatten_with_progress(self.raw, callback, arg) }
        });
        check("rbd_flatten_with_progress", returned).map(drop)
    }
}

type OpenFn = unsafe extern "C" fn(
    ceph::rados::rados_ioctx_t,
    *const c_char,
    *mut sys::rbd_image_t,
    *const c_char,
) -> c_int;
type NumberFn = unsafe extern "C" fn(sys::rbd_image_t, *mut u64) -> c_int;
type WordFn = unsafe extern "C" fn(sys::rbd_image_t, *const c_char) -> c_int;
type WordsFn = unsafe extern "C" fn(sys::rbd_image_t, *const c_char, *const c_char) -> c_int;
