//! An image's data, one call at a time, and where they are.

use std::ffi::{CString, c_char};

use super::callback::{DiffFn, with_diff};
use super::{ImageHandle, Raw, check, check_len, cstring, pointer, sys};

impl ImageHandle {
    /// `rbd_read`: how much was read.
    pub fn read(&self, offset: u64, into: &mut [u8]) -> Raw<usize> {
        let at = into.as_mut_ptr().cast::<c_char>();
        // SAFETY: the image is open, the buffer is as long as said.
        let returned = unsafe { sys::rbd_read(self.raw(), offset, into.len(), at) };
        check_len("rbd_read", returned)
    }

    /// `rbd_write`: how much was written.
    pub fn write(&self, offset: u64, data: &[u8]) -> Raw<usize> {
        let at = data.as_ptr().cast::<c_char>();
        // SAFETY: the image is open, the buffer is as long as said and only read.
        let returned = unsafe { sys::rbd_write(self.raw(), offset, data.len(), at) };
        check_len("rbd_write", returned)
    }

    /// `rbd_discard`.
    pub fn discard(&self, offset: u64, len: u64) -> Raw<()> {
        // SAFETY: the image is open.
        let returned = unsafe { sys::rbd_discard(self.raw(), offset, len) };
        // It returns the length, which for large ones does not fit: only -4095..0 are errors.
        match returned {
            -4095..0 => check("rbd_discard", returned).map(drop),
            _ => Ok(()),
        }
    }

    /// `rbd_write_zeroes`.
    pub fn write_zeroes(&self, offset: u64, len: usize) -> Raw<usize> {
        // SAFETY: the image is open.
        let returned = unsafe { sys::rbd_write_zeroes(self.raw(), offset, len, 0, 0) };
        check_len("rbd_write_zeroes", returned)
    }

    /// `rbd_flush`.
    pub fn flush(&self) -> Raw<()> {
        // SAFETY: the image is open.
        let returned = unsafe { sys::rbd_flush(self.raw()) };
        check("rbd_flush", returned).map(drop)
    }

    /// `rbd_diff_iterate2`.
    pub fn diff(
        &self,
        from: Option<&str>,
        (offset, len): (u64, u64),
        (include_parent, whole_object): (bool, bool),
        found: DiffFn<'_>,
    ) -> Raw<()> {
        const CALL: &str = "rbd_diff_iterate2";
        let from: Option<CString> = from.map(|from| cstring(CALL, from)).transpose()?;
        let returned = with_diff(found, |callback, arg| {
            // SAFETY: the image is open, the name ends with NUL or is null, callback and its argument outlive the call.
            unsafe {
                sys::rbd_diff_iterate2(
                    self.raw(),
                    pointer(from.as_ref()),
                    offset,
                    len,
                    u8::from(include_parent),
                    u8::from(whole_object),
                    callback,
                    arg,
                )
            }
        });
        check(CALL, returned).map(drop)
    }
}
