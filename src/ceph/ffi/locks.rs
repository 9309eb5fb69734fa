//! The exclusive lock of an image, and its advisory locks.

use std::ffi::c_char;

use super::{ImageHandle, Raw, check, check_len, cstring, grow, sys, text, text_in, words_in};

/// `RBD_LOCK_MODE_EXCLUSIVE`.
const EXCLUSIVE: i32 = 0;

/// A holder of an advisory lock.
pub struct RawLocker {
    pub client: String,
    pub cookie: String,
    pub addr: String,
}

/// The advisory locks of an image.
pub struct RawLockers {
    pub exclusive: bool,
    pub tag: String,
    pub lockers: Vec<RawLocker>,
}

impl ImageHandle {
    /// `rbd_lock_get_owners`: `ENOENT` where nobody has the exclusive lock.
    pub fn lock_owners(&self) -> Raw<Vec<String>> {
        let empty = std::ptr::null_mut();
        let mut owners = grow("rbd_lock_get_owners", empty, 4, |owners, count| {
            let mut mode = EXCLUSIVE;
            // SAFETY: the image is open, the array is as long as said.
            let returned = unsafe {
                sys::rbd_lock_get_owners(self.raw(), &raw mut mode, owners.as_mut_ptr(), count)
            };
            returned as isize
        })?;
        // SAFETY: librbd filled in strings, freed below.
        let found = owners.iter().map(|owner| unsafe { text(*owner) });
        let found = found.collect();
        // SAFETY: librbd filled in that many strings, and each is freed once.
        unsafe { sys::rbd_lock_get_owners_cleanup(owners.as_mut_ptr(), owners.len()) }
        Ok(found)
    }

    /// `rbd_is_exclusive_lock_owner`.
    pub fn owns_lock(&self) -> Raw<bool> {
        let mut owner = 0;
        // SAFETY: the image is open, the place is ours to be written.
        let returned = unsafe { sys::rbd_is_exclusive_lock_owner(self.raw(), &raw mut owner) };
        check("rbd_is_exclusive_lock_owner", returned)?;
        Ok(owner != 0)
    }

    /// `rbd_lock_acquire`, exclusive: nobody may take it from us by writing.
    pub fn lock_acquire(&self) -> Raw<()> {
        // SAFETY: the image is open.
        let returned = unsafe { sys::rbd_lock_acquire(self.raw(), EXCLUSIVE) };
        check("rbd_lock_acquire", returned).map(drop)
    }

    /// `rbd_lock_release`.
    pub fn lock_release(&self) -> Raw<()> {
        // SAFETY: the image is open.
        let returned = unsafe { sys::rbd_lock_release(self.raw()) };
        check("rbd_lock_release", returned).map(drop)
    }

    /// `rbd_lock_break`.
    pub fn lock_break(&self, owner: &str) -> Raw<()> {
        const CALL: &str = "rbd_lock_break";
        let owner = cstring(CALL, owner)?;
        // SAFETY: the image is open, the owner ends with NUL.
        let returned = unsafe { sys::rbd_lock_break(self.raw(), EXCLUSIVE, owner.as_ptr()) };
        check(CALL, returned).map(drop)
    }

    /// `rbd_list_lockers`.
    pub fn lockers(&self) -> Raw<RawLockers> {
        let mut room = 4096;
        loop {
            let mut lens = [room; 4];
            let mut buffers = lens.map(|len| vec![0_u8; len]);
            let at = buffers.each_mut().map(|b| b.as_mut_ptr().cast::<c_char>());
            let [tag_len, clients_len, cookies_len, addrs_len] = &mut lens;
            let mut exclusive = 0;
            // SAFETY: the image is open, the four buffers are as long as said.
            let returned = unsafe {
                sys::rbd_list_lockers(
                    self.raw(),
                    &raw mut exclusive,
                    at[0],
                    tag_len,
                    at[1],
                    clients_len,
                    at[2],
                    cookies_len,
                    at[3],
                    addrs_len,
                )
            };
            let needed = lens.into_iter().max().unwrap_or(0);
            if returned == -(libc::ERANGE as isize) && room < 1 << 20 {
                room = needed.max(room * 2);
                continue;
            }
            let count = check_len("rbd_list_lockers", returned)?;
            return Ok(lockers_in(&buffers, count, exclusive != 0));
        }
    }

    /// `rbd_lock_exclusive`.
    pub fn advisory_lock_exclusive(&self, cookie: &str) -> Raw<()> {
        self.with_word("rbd_lock_exclusive", cookie, sys::rbd_lock_exclusive)
    }

    /// `rbd_lock_shared`.
    pub fn advisory_lock_shared(&self, cookie: &str, tag: &str) -> Raw<()> {
        self.with_words("rbd_lock_shared", [cookie, tag], sys::rbd_lock_shared)
    }

    /// `rbd_unlock`.
    pub fn advisory_unlock(&self, cookie: &str) -> Raw<()> {
        self.with_word("rbd_unlock", cookie, sys::rbd_unlock)
    }

    /// `rbd_break_lock`.
    pub fn advisory_break(&self, client: &str, cookie: &str) -> Raw<()> {
        self.with_words("rbd_break_lock", [client, cookie], sys::rbd_break_lock)
    }
}

/// Tag, clients, cookies and addresses as librbd put them into the buffers.
fn lockers_in(
    [tag, clients, cookies, addrs]: &[Vec<u8>; 4],
    count: usize,
    exclusive: bool,
) -> RawLockers {
    let clients = words_in(clients).into_iter();
    let lockers = clients.zip(words_in(cookies)).zip(words_in(addrs));
    let lockers = lockers
        .take(count)
        .map(|((client, cookie), addr)| RawLocker {
            client,
            cookie,
            addr,
        });
    // What the last ones had is still there when they are gone.
    let any = count > 0;
    RawLockers {
        exclusive: exclusive && any,
        tag: if any { text_in(tag) } else { String::new() },
        lockers: lockers.collect(),
    }
}
