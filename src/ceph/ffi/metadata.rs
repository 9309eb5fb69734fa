//! An image's metadata through librbd.

use super::{ImageHandle, Raw, cstring, grow, sys, text_in, words_in};

impl ImageHandle {
    /// `rbd_metadata_get`; `ENOENT` where there is none.
    pub fn metadata_get(&self, key: &str) -> Raw<String> {
        const CALL: &str = "rbd_metadata_get";
        let key = cstring(CALL, key)?;
        let value = grow(CALL, 0_u8, 4096, |value, len| {
            let at = value.as_mut_ptr().cast();
            // SAFETY: the image is open, the key ends with NUL, the buffer is as long as said.
            unsafe { sys::rbd_metadata_get(self.raw(), key.as_ptr(), at, len) as isize }
        })?;
        Ok(text_in(&value))
    }

    /// `rbd_metadata_set`.
    pub fn metadata_set(&self, key: &str, value: &str) -> Raw<()> {
        self.with_words("rbd_metadata_set", [key, value], sys::rbd_metadata_set)
    }

    /// `rbd_metadata_remove`.
    pub fn metadata_remove(&self, key: &str) -> Raw<()> {
        self.with_word("rbd_metadata_remove", key, sys::rbd_metadata_remove)
    }

    /// `rbd_metadata_list`: keys and values.
    pub fn metadata_list(&self) -> Raw<Vec<(String, String)>> {
        let mut values = Vec::new();
        let keys = grow("rbd_metadata_list", 0_u8, 1 << 16, |keys, keys_len| {
            values = vec![0_u8; keys.len()];
            let mut values_len = values.len();
            // SAFETY: the image is open, the start is an empty string, both buffers are as long as said.
            let returned = unsafe {
                sys::rbd_metadata_list(
                    self.raw(),
                    c"".as_ptr(),
                    0,
                    keys.as_mut_ptr().cast(),
                    keys_len,
                    values.as_mut_ptr().cast(),
                    &raw mut values_len,
                )
            };
            if returned == -libc::ERANGE {
                *keys_len = (*keys_len).max(values_len);
            } else {
                values.truncate(values_len);
            }
            returned as isize
        })?;
        Ok(words_in(&keys).into_iter().zip(words_in(&values)).collect())
    }
}
