//! Everything of this module that is unsafe: thin, safe wrappers of librados and librbd.
//!
//! Each wrapper owns what C gave it and gives it back in `Drop`, in the order that C asks for: an image holds its ioctx,
//! an ioctx its connection. Nothing here knows names, messages or policy: a failure is the C function and its errno.

#![allow(unsafe_code)]

mod aio;
mod callback;
mod cluster;
mod image;
mod io;
mod ioctx;
mod lists;
mod locks;
mod metadata;
mod omap;
mod options;
mod pool;
mod snaps;
mod sys;

use std::ffi::{CStr, CString, c_char, c_int};

pub use aio::{AioOp, AioState, Done, submit};
pub use cluster::{ClusterHandle, Unconnected};
pub use image::{ImageHandle, Opened};
pub use ioctx::IoCtxHandle;
pub use lists::RawLinked;
pub use omap::{PendingRead, WriteOp, omap_get, omap_list};
pub use options::{ImageOptions, OptionName};
pub use snaps::RawSnap;

/// A C function that failed, and its errno (positive).
#[derive(Debug, Clone, Copy)]
pub struct Failed {
    pub call: &'static str,
    pub errno: i32,
}

/// What the wrappers return.
pub type Raw<T> = Result<T, Failed>;

impl Failed {
    const fn new(call: &'static str, errno: i32) -> Self {
        Self { call, errno }
    }
}

/// Ceph's convention: zero or more is a result, less is `-errno`.
fn check(call: &'static str, returned: c_int) -> Raw<usize> {
    usize::try_from(returned).map_err(|_| Failed::new(call, returned.wrapping_neg()))
}

/// The same for the functions that return a length.
fn check_len(call: &'static str, returned: isize) -> Raw<usize> {
    usize::try_from(returned).map_err(|_| {
        let errno = i32::try_from(returned.wrapping_neg()).unwrap_or(libc::EIO);
        Failed::new(call, errno)
    })
}

/// A C string; a word with a NUL inside is refused as C would refuse it if it could see it.
fn cstring(call: &'static str, word: &str) -> Raw<CString> {
    CString::new(word).map_err(|_| Failed::new(call, libc::EINVAL))
}

/// An optional C string as C takes it: null where there is none. The pointer lives as long as the option.
fn pointer(word: Option<&CString>) -> *const c_char {
    word.map_or(std::ptr::null(), |word| word.as_ptr())
}

/// Copies a C string that C owns; null is the empty string, odd bytes are replaced.
///
/// # Safety
/// `at` is null or points to a string that ends with NUL and stays unchanged during the call.
unsafe fn text(at: *const c_char) -> String {
    if at.is_null() {
        return String::new();
    }
    // SAFETY: not null, and the caller vouches for the rest.
    let word = unsafe { CStr::from_ptr(at) };
    word.to_string_lossy().into_owned()
}

/// The text at the start of a buffer that C filled, up to its NUL.
fn text_in(buffer: &[u8]) -> String {
    let end = buffer.iter().position(|byte| *byte == 0);
    String::from_utf8_lossy(&buffer[..end.unwrap_or(buffer.len())]).into_owned()
}

/// The words of a buffer in which C put each with a NUL behind it. Empty words count: a value may be empty.
fn words_in(buffer: &[u8]) -> Vec<String> {
    let mut words: Vec<String> = buffer
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let _after_the_last_nul = words.pop();
    words
}

/// Calls C with a growing array until what it has fits. `fill` gets the array and its length; C replaces the length by
/// how many there are or would be, and returns `-ERANGE` if that was too many.
fn grow<T: Copy>(
    call: &'static str,
    empty: T,
    start: usize,
    mut fill: impl FnMut(&mut [T], &mut usize) -> isize,
) -> Raw<Vec<T>> {
    let mut room = start;
    for _ in 0..16 {
        let mut items = vec![empty; room];
        let mut count = room;
        let returned = fill(&mut items, &mut count);
        if returned != -(libc::ERANGE as isize) {
            check_len(call, returned)?;
            items.truncate(count);
            return Ok(items);
        }
        room = count.max(room.saturating_mul(2));
    }
    Err(Failed::new(call, libc::ERANGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_grows_until_all_fits() {
        let mut asked = Vec::new();
        let found = grow("f", 0_u8, 2, |items, count| {
            asked.push(items.len());
            if items.len() < 9 {
                *count = 9;
                return -(libc::ERANGE as isize);
            }
            *count = 8;
            items[..8].fill(7);
            0
        });
        assert_eq!(found.unwrap(), [7; 8]);
        assert_eq!(asked, [2, 9]);
        let never = grow("f", 0_u8, 1, |_, _| -(libc::ERANGE as isize));
        assert_eq!(never.unwrap_err().errno, libc::ERANGE);
        let failed = grow("f", 0_u8, 1, |_, _| -(libc::ENOENT as isize));
        assert_eq!(failed.unwrap_err().errno, libc::ENOENT);
    }

    #[test]
    fn words_are_split_at_nul() {
        assert_eq!(words_in(b"a\0\0bc\0"), ["a", "", "bc"]);
        assert!(words_in(b"").is_empty());
        assert_eq!(text_in(b"ab\0cd"), "ab");
        assert_eq!(text_in(b"ab"), "ab");
    }
}
