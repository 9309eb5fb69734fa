//! Keys and values of an object: read at once or with many reads in flight, compared and changed in one step.

use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use ceph::rados;

use super::{Failed, IoCtxHandle, Raw, check, cstring};

/// `LIBRADOS_CMPXATTR_OP_EQ`.
const EQUAL: u8 = 1;

/// A read of one key, with the places that librados writes to when it is done; boxed, since they must not move.
struct KeyRead {
    op: rados::rados_read_op_t,
    values: rados::rados_omap_iter_t,
    result: c_int,
}

impl KeyRead {
    /// The read lives behind a bare pointer until [`KeyRead::drop`], since librados writes to it behind Rust's back.
    fn create(key: &CString) -> *mut Self {
        // SAFETY: no preconditions.
        let op = unsafe { rados::rados_create_read_op() };
        let read = Box::into_raw(Box::new(Self {
            op,
            values: std::ptr::null_mut(),
            result: 0,
        }));
        let keys = [key.as_ptr()];
        // SAFETY: the box was made just now.
        let values = unsafe { &raw mut (*read).values };
        // SAFETY: as above.
        let result = unsafe { &raw mut (*read).result };
        // SAFETY: the op is alive, the key is copied now, and both places stay where they are, in the box, until the
        // box is dropped, which is after the op is done.
        unsafe { rados::rados_read_op_omap_get_vals_by_keys(op, keys.as_ptr(), 1, values, result) }
        read
    }

    /// The value, after the op was done.
    fn value(&self) -> Raw<Option<Vec<u8>>> {
        check("rados_read_op_omap_get_vals_by_keys", self.result)?;
        let mut key: *mut c_char = std::ptr::null_mut();
        let mut value: *mut c_char = std::ptr::null_mut();
        let mut len = 0;
        // SAFETY: the iterator is alive and filled in, since the op is done; the places are ours to be written.
        let returned = unsafe {
            rados::rados_omap_get_next(self.values, &raw mut key, &raw mut value, &raw mut len)
        };
        check("rados_omap_get_next", returned)?;
        if key.is_null() {
            return Ok(None);
        }
        if value.is_null() || len == 0 {
            return Ok(Some(Vec::new()));
        }
        // SAFETY: the iterator holds the value, of this length, until it is ended, which Drop does.
        let value = unsafe { std::slice::from_raw_parts(value.cast::<u8>(), len) };
        Ok(Some(value.to_vec()))
    }
}

impl Drop for KeyRead {
    fn drop(&mut self) {
        if !self.values.is_null() {
            // SAFETY: librados made the iterator, the op is done, and it is ended once.
            unsafe { rados::rados_omap_get_end(self.values) }
        }
        // SAFETY: made by rados_create_read_op, released once.
        unsafe { rados::rados_release_read_op(self.op) }
    }
}

/// `rados_read_op_omap_get_vals_by_keys` of one key: `None` if the object lacks it, `ENOENT` if there is no object.
pub fn omap_get(io: &IoCtxHandle, object: &str, key: &str) -> Raw<Option<Vec<u8>>> {
    const CALL: &str = "rados_read_op_operate";
    let object = cstring(CALL, object)?;
    let key = cstring(CALL, key)?;
    let read = KeyRead::create(&key);
    // SAFETY: the read was made just now.
    let op = unsafe { (*read).op };
    // SAFETY: op and ioctx are alive, the name ends with NUL.
    let returned = unsafe { rados::rados_read_op_operate(op, io.raw(), object.as_ptr(), 0) };
    // SAFETY: the box of `create`, taken back once; the op is done, so librados does not write to it any more.
    let read = unsafe { Box::from_raw(read) };
    check(CALL, returned)?;
    read.value()
}

/// `rados_read_op_omap_get_vals`: keys and values behind `after`, in the order of the keys, at most `count` (and at most
/// what the OSDs allow, `osd_max_omap_entries_per_request`); none behind the last. `ENOENT` if there is no object.
pub fn omap_list(
    io: &IoCtxHandle,
    object: &str,
    after: &str,
    count: u64,
) -> Raw<Vec<(String, Vec<u8>)>> {
    const CALL: &str = "rados_read_op_operate";
    let object = cstring(CALL, object)?;
    let after = cstring(CALL, after)?;
    let empty = cstring(CALL, "")?;
    let mut values: rados::rados_omap_iter_t = std::ptr::null_mut();
    let mut result: c_int = 0;
    // SAFETY: no preconditions.
    let op = unsafe { rados::rados_create_read_op() };
    // SAFETY: the op is alive, both words end with NUL and are copied, and both places outlive the op, which is done
    // before this function ends.
    unsafe {
        rados::rados_read_op_omap_get_vals(
            op,
            after.as_ptr(),
            empty.as_ptr(),
            count,
            &raw mut values,
            &raw mut result,
        );
    }
    // SAFETY: op and ioctx are alive, the name ends with NUL.
    let returned = unsafe { rados::rados_read_op_operate(op, io.raw(), object.as_ptr(), 0) };
    let entries = check(CALL, returned)
        .and_then(|_| check("rados_read_op_omap_get_vals", result))
        .and_then(|_| entries(values));
    if !values.is_null() {
        // SAFETY: librados made the iterator, the op is done, and it is ended once.
        unsafe { rados::rados_omap_get_end(values) }
    }
    // SAFETY: made by rados_create_read_op, released once.
    unsafe { rados::rados_release_read_op(op) }
    entries
}

/// What an iterator has; it must be alive and filled in, or null.
fn entries(values: rados::rados_omap_iter_t) -> Raw<Vec<(String, Vec<u8>)>> {
    let mut all = Vec::new();
    while !values.is_null() {
        let mut key: *mut c_char = std::ptr::null_mut();
        let mut value: *mut c_char = std::ptr::null_mut();
        let mut len = 0;
        // SAFETY: the iterator is alive and filled in; the places are ours to be written.
        let returned = unsafe {
            rados::rados_omap_get_next(values, &raw mut key, &raw mut value, &raw mut len)
        };
        check("rados_omap_get_next", returned)?;
        if key.is_null() {
            break;
        }
        // SAFETY: the iterator holds the key, which ends with NUL, until it is ended.
        let key = unsafe { super::text(key) };
        let value = if value.is_null() || len == 0 {
            Vec::new()
        } else {
            // SAFETY: the iterator holds the value, of this length, until it is ended.
            unsafe { std::slice::from_raw_parts(value.cast::<u8>(), len) }.to_vec()
        };
        all.push((key, value));
    }
    Ok(all)
}

/// Set by the callback of a completion.
#[derive(Default)]
struct Finished {
    flag: Mutex<bool>,
    changed: Condvar,
}

extern "C" fn finished(_completion: rados::rados_completion_t, arg: *mut c_void) {
    // SAFETY: `arg` is the reference that PendingRead::start gave away, and a completion calls back once.
    let finished = unsafe { Arc::from_raw(arg.cast_const().cast::<Finished>()) };
    *finished.flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
    finished.changed.notify_all();
}

/// A read of one key that is under way. It keeps its ioctx, and `Drop` waits for it (after cancelling it).
pub struct PendingRead {
    read: *mut KeyRead,
    completion: rados::rados_completion_t,
    finished: Arc<Finished>,
    io: Arc<IoCtxHandle>,
}

impl PendingRead {
    /// `rados_aio_read_op_operate` of one key.
    pub fn start(io: &Arc<IoCtxHandle>, object: &str, key: &str) -> Raw<Self> {
        const CALL: &str = "rados_aio_read_op_operate";
        let object = cstring(CALL, object)?;
        let key = cstring(CALL, key)?;
        let done = Arc::new(Finished::default());
        let arg = Arc::into_raw(Arc::clone(&done)).cast_mut().cast::<c_void>();
        let mut completion = std::ptr::null_mut();
        // SAFETY: the place is ours to be written; `arg` is a reference that the callback takes. It never fails.
        let _always_zero = unsafe {
            rados::rados_aio_create_completion(arg, Some(finished), None, &raw mut completion)
        };
        let read = KeyRead::create(&key);
        // SAFETY: the read was made just now.
        let op = unsafe { (*read).op };
        // SAFETY: op, ioctx and completion are alive, the name ends with NUL.
        let returned = unsafe {
            rados::rados_aio_read_op_operate(op, io.raw(), completion, object.as_ptr(), 0)
        };
        if let Err(failed) = check(CALL, returned) {
            // SAFETY: nothing was started, so nothing calls back and the completion is ours alone.
            unsafe { rados::rados_aio_release(completion) }
            // SAFETY: the reference of above, which the callback will not take.
            drop(unsafe { Arc::from_raw(arg.cast_const().cast::<Finished>()) });
            // SAFETY: the box of `create`, taken back once.
            drop(unsafe { Box::from_raw(read) });
            return Err(failed);
        }
        Ok(Self {
            read,
            completion,
            finished: done,
            io: Arc::clone(io),
        })
    }

    /// Waits for the value; `ETIMEDOUT` at the deadline.
    pub fn wait(self, deadline: Instant) -> Raw<Option<Vec<u8>>> {
        let lock = self.finished.flag.lock();
        let mut done = lock.unwrap_or_else(PoisonError::into_inner);
        while !*done {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failed::new("rados_aio_wait_for_complete", libc::ETIMEDOUT));
            }
            let waited = self.finished.changed.wait_timeout(done, left);
            done = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(done);
        // SAFETY: the completion is alive, and complete.
        let returned = unsafe { rados::rados_aio_get_return_value(self.completion) };
        check("rados_aio_read_op_operate", returned)?;
        // SAFETY: the read is alive until `drop`, and done, so librados does not write to it any more.
        let read = unsafe { &*self.read };
        read.value()
    }

    fn is_finished(&self) -> bool {
        let flag = self.finished.flag.lock();
        *flag.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PendingRead {
    fn drop(&mut self) {
        if !self.is_finished() {
            // SAFETY: ioctx and completion are alive.
            let _too_late = unsafe { rados::rados_aio_cancel(self.io.raw(), self.completion) };
        }
        // librados may write to the read until here, cancelled or not.
        // SAFETY: the completion is alive.
        let _always_zero = unsafe { rados::rados_aio_wait_for_complete_and_cb(self.completion) };
        // SAFETY: the completion is complete and released once.
        unsafe { rados::rados_aio_release(self.completion) }
        // SAFETY: the box of `create`, taken back once, after the op.
        drop(unsafe { Box::from_raw(self.read) });
    }
}

/// Comparisons and changes of one object that are made together or not at all.
pub struct WriteOp(rados::rados_write_op_t);

impl WriteOp {
    /// `rados_create_write_op`, with `rados_write_op_assert_exists`.
    pub fn on_existing() -> Self {
        // SAFETY: no preconditions.
        let op = Self(unsafe { rados::rados_create_write_op() });
        // SAFETY: the op is alive.
        unsafe { rados::rados_write_op_assert_exists(op.0) }
        op
    }

    /// `rados_create_write_op`, with `rados_write_op_create`: the object is made if it is not there.
    pub fn creating() -> Self {
        // SAFETY: no preconditions.
        let op = Self(unsafe { rados::rados_create_write_op() });
        // SAFETY: the op is alive; 0 is LIBRADOS_CREATE_IDEMPOTENT, and the category may be null (it is unused).
        unsafe { rados::rados_write_op_create(op.0, 0, std::ptr::null()) }
        op
    }

    /// `rados_write_op_omap_cmp`: the whole op fails with `ECANCELED` unless the key has this value. A key that is not
    /// there compares as the empty value.
    pub fn compare(&mut self, key: &str, value: &[u8]) -> Raw<()> {
        let key = cstring("rados_write_op_omap_cmp", key)?;
        let (at, len) = (value.as_ptr().cast::<c_char>(), value.len());
        let nowhere = std::ptr::null_mut();
        // SAFETY: the op is alive, key and value are copied, and there is no place for a result of its own.
        unsafe {
            rados::rados_write_op_omap_cmp(self.0, key.as_ptr(), EQUAL, at, len, nowhere);
        }
        Ok(())
    }

    /// `rados_write_op_omap_set` of one key.
    pub fn set(&mut self, key: &str, value: &[u8]) -> Raw<()> {
        let key = cstring("rados_write_op_omap_set", key)?;
        let (keys, lens) = ([key.as_ptr()], [value.len()]);
        let values = [value.as_ptr().cast::<c_char>()];
        let (keys, values, lens) = (keys.as_ptr(), values.as_ptr(), lens.as_ptr());
        // SAFETY: the op is alive, the three arrays have one entry, and key and value are copied.
        unsafe { rados::rados_write_op_omap_set(self.0, keys, values, lens, 1) }
        Ok(())
    }

    /// `rados_write_op_omap_rm_keys` of one key.
    pub fn remove(&mut self, key: &str) -> Raw<()> {
        let key = cstring("rados_write_op_omap_rm_keys", key)?;
        let keys = [key.as_ptr()];
        // SAFETY: the op is alive, the array has one entry, and the key is copied.
        unsafe { rados::rados_write_op_omap_rm_keys(self.0, keys.as_ptr(), 1) }
        Ok(())
    }

    /// `rados_write_op_operate`.
    pub fn operate(self, io: &IoCtxHandle, object: &str) -> Raw<()> {
        const CALL: &str = "rados_write_op_operate";
        let object = cstring(CALL, object)?;
        let now = std::ptr::null_mut();
        // SAFETY: op and ioctx are alive, the name ends with NUL, no time means now.
        let returned =
            unsafe { rados::rados_write_op_operate(self.0, io.raw(), object.as_ptr(), now, 0) };
        check(CALL, returned).map(drop)
    }
}

impl Drop for WriteOp {
    fn drop(&mut self) {
        // SAFETY: made by rados_create_write_op, released once.
        unsafe { rados::rados_release_write_op(self.0) }
    }
}
