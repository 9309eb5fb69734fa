//! A connection to a cluster: made, configured, connected, shut down.

use std::ffi::{CString, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ceph::rados;

use super::{Failed, Raw, check, cstring, grow, sys, text_in, words_in};

/// A `rados_t` in whatever state; shut down when dropped.
struct Connection(rados::rados_t);

// SAFETY: librados.h, "A handle for interacting with a RADOS cluster": a rados_t may be used by several threads at once;
// that it is configured before it is connected is what the two types below are for.
unsafe impl Send for Connection {}
// SAFETY: as above.
unsafe impl Sync for Connection {}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: the handle came from rados_create2, and nobody has it any more: ioctxs hold the connection's Arc.
        unsafe { rados::rados_shutdown(self.0) }
    }
}

/// A handle that is configured and not yet connected.
pub struct Unconnected(Connection);

/// A connected handle.
pub struct ClusterHandle(Connection);

fn conf_get(handle: &Connection, option: &str) -> Raw<String> {
    const CALL: &str = "rados_conf_get";
    let option = cstring(CALL, option)?;
    let mut room = 4096;
    loop {
        let mut value = vec![0_u8; room];
        let at = value.as_mut_ptr().cast::<c_char>();
        // SAFETY: the handle is alive, the option ends with NUL, and the buffer is as long as said.
        let returned = unsafe { rados::rados_conf_get(handle.0, option.as_ptr(), at, room) };
        if returned != -libc::ENAMETOOLONG || room > 1 << 20 {
            check(CALL, returned)?;
            return Ok(text_in(&value));
        }
        room *= 4;
    }
}

impl Unconnected {
    /// `rados_create2`: a handle for a client such as `client.admin`.
    pub fn create(cluster: &str, name: &str) -> Raw<Self> {
        const CALL: &str = "rados_create2";
        let cluster = cstring(CALL, cluster)?;
        let name = cstring(CALL, name)?;
        let mut raw = std::ptr::null_mut();
        // SAFETY: both strings end with NUL, and the handle's place is ours to be written.
        let returned =
            unsafe { rados::rados_create2(&raw mut raw, cluster.as_ptr(), name.as_ptr(), 0) };
        check(CALL, returned)?;
        Ok(Self(Connection(raw)))
    }

    /// `rados_conf_read_file`: a file, or the first of the places where Ceph looks.
    pub fn conf_read_file(&mut self, path: Option<&Path>) -> Raw<()> {
        const CALL: &str = "rados_conf_read_file";
        let path = path.map(|path| CString::new(path.as_os_str().as_bytes()));
        let path = path
            .transpose()
            .map_err(|_| Failed::new(CALL, libc::EINVAL))?;
        // SAFETY: the handle is alive and ours alone; the path is null or ends with NUL.
        let returned =
            unsafe { rados::rados_conf_read_file(self.0.0, super::pointer(path.as_ref())) };
        check(CALL, returned).map(drop)
    }

    /// `rados_conf_set`.
    pub fn conf_set(&mut self, option: &str, value: &str) -> Raw<()> {
        const CALL: &str = "rados_conf_set";
        let option = cstring(CALL, option)?;
        let value = cstring(CALL, value)?;
        // SAFETY: the handle is alive and ours alone; both strings end with NUL.
        let returned = unsafe { rados::rados_conf_set(self.0.0, option.as_ptr(), value.as_ptr()) };
        check(CALL, returned).map(drop)
    }

    /// `rados_conf_get`.
    pub fn conf_get(&self, option: &str) -> Raw<String> {
        conf_get(&self.0, option)
    }

    /// `rados_connect`; a handle that cannot be connected is shut down.
    pub fn connect(self) -> Raw<ClusterHandle> {
        // SAFETY: the handle is alive and ours alone.
        let returned = unsafe { rados::rados_connect(self.0.0) };
        check("rados_connect", returned)?;
        Ok(ClusterHandle(self.0))
    }
}

impl ClusterHandle {
    pub(super) const fn raw(&self) -> rados::rados_t {
        self.0.0
    }

    /// `rados_conf_get`.
    pub fn conf_get(&self, option: &str) -> Raw<String> {
        conf_get(&self.0, option)
    }

    /// `rados_cluster_fsid`.
    pub fn fsid(&self) -> Raw<String> {
        let mut fsid = [0_u8; 64];
        let at = fsid.as_mut_ptr().cast::<c_char>();
        // SAFETY: the handle is connected, and the buffer is as long as said.
        let returned = unsafe { rados::rados_cluster_fsid(self.raw(), at, fsid.len()) };
        check("rados_cluster_fsid", returned)?;
        Ok(text_in(&fsid))
    }

    /// `rados_get_instance_id`: this connection's number, as in `client.4711`.
    pub fn instance_id(&self) -> u64 {
        // SAFETY: the handle is connected.
        unsafe { rados::rados_get_instance_id(self.raw()) }
    }

    /// `rados_get_min_compatible_client`: the release that the cluster's features need of a client, and the one that it
    /// insists on, as numbers (13 is mimic).
    pub fn min_compatible_client(&self) -> Raw<(i8, i8)> {
        let (mut needed, mut required) = (0_i8, 0_i8);
        // SAFETY: the handle is connected, and both places are ours to be written.
        let returned = unsafe {
            sys::rados_get_min_compatible_client(self.raw(), &raw mut needed, &raw mut required)
        };
        check("rados_get_min_compatible_client", returned)?;
        Ok((needed, required))
    }

    /// `rados_wait_for_latest_osdmap`.
    pub fn wait_for_latest_osdmap(&self) -> Raw<()> {
        // SAFETY: the handle is connected.
        let returned = unsafe { rados::rados_wait_for_latest_osdmap(self.raw()) };
        check("rados_wait_for_latest_osdmap", returned).map(drop)
    }

    /// `rados_pool_list`.
    pub fn pools(&self) -> Raw<Vec<String>> {
        let names = grow("rados_pool_list", 0_u8, 4096, |names, len| {
            let at = names.as_mut_ptr().cast::<c_char>();
            // SAFETY: the handle is connected, and the buffer is as long as said.
            let needed = unsafe { rados::rados_pool_list(self.raw(), at, names.len()) };
            let Ok(bytes) = usize::try_from(needed) else {
                return needed as isize;
            };
            *len = bytes;
            if bytes > names.len() {
                -(libc::ERANGE as isize)
            } else {
                0
            }
        })?;
        let words = words_in(&names).into_iter();
        Ok(words.filter(|name| !name.is_empty()).collect())
    }

    /// `rados_pool_reverse_lookup`: the name of a pool.
    pub fn pool_name(&self, id: i64) -> Raw<String> {
        let mut name = [0_u8; 512];
        let at = name.as_mut_ptr().cast::<c_char>();
        // SAFETY: the handle is connected, and the buffer is as long as said.
        let returned = unsafe { rados::rados_pool_reverse_lookup(self.raw(), id, at, name.len()) };
        check("rados_pool_reverse_lookup", returned)?;
        Ok(text_in(&name))
    }

    /// `rados_mon_command`: the return value, what the monitors answer, and what they say about it.
    pub fn mon_command(&self, command: &str) -> Raw<(i32, Vec<u8>, String)> {
        let command = cstring("rados_mon_command", command)?;
        let mut words = [command.as_ptr()];
        let (mut out, mut status) = (Buffer::EMPTY, Buffer::EMPTY);
        // SAFETY: the handle is connected, the array has the one word, there is no input, and the four places for the
        // answer are ours to be written.
        let returned = unsafe {
            rados::rados_mon_command(
                self.raw(),
                words.as_mut_ptr(),
                words.len(),
                std::ptr::null(),
                0,
                &raw mut out.at,
                &raw mut out.len,
                &raw mut status.at,
                &raw mut status.len,
            )
        };
        let said = String::from_utf8_lossy(&status.bytes()).into_owned();
        Ok((returned, out.bytes(), said))
    }
}

/// A buffer that librados made.
struct Buffer {
    at: *mut c_char,
    len: usize,
}

impl Buffer {
    const EMPTY: Self = Self {
        at: std::ptr::null_mut(),
        len: 0,
    };

    fn bytes(&self) -> Vec<u8> {
        if self.at.is_null() || self.len == 0 {
            return Vec::new();
        }
        // SAFETY: librados made the buffer with this length and nobody else has it.
        unsafe { std::slice::from_raw_parts(self.at.cast::<u8>(), self.len) }.to_vec()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if !self.at.is_null() {
            // SAFETY: librados made the buffer, and it is freed once.
            unsafe { rados::rados_buffer_free(self.at) }
        }
    }
}
