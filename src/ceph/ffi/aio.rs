//! Reads and writes of an image that run while the caller goes on.
//!
//! Each operation owns its buffer until librbd has called back; what it leaves behind is put into a list that the queue
//! shares. The image is held by the queue alone, so that it is never closed from a thread of librbd's.

use std::collections::VecDeque;
use std::ffi::{c_char, c_void};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{Failed, ImageHandle, Raw, check, check_len, sys};

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AioOp {
    /// Read as much as the buffer holds.
    Read,
    /// Write the buffer.
    Write,
    /// Make that many bytes read as zeroes.
    WriteZeroes(usize),
    /// Give that many bytes back.
    Discard(u64),
    /// Make all that was written before last.
    Flush,
}

impl AioOp {
    /// The C function.
    pub const fn call(self) -> &'static str {
        match self {
            Self::Read => "rbd_aio_read",
            Self::Write => "rbd_aio_write",
            Self::WriteZeroes(_) => "rbd_aio_write_zeroes",
            Self::Discard(_) => "rbd_aio_discard",
            Self::Flush => "rbd_aio_flush",
        }
    }
}

/// What is left of an operation: its buffer comes back.
#[derive(Debug)]
pub struct Done {
    pub op: AioOp,
    pub offset: u64,
    pub buffer: Vec<u8>,
    pub result: Raw<usize>,
}

#[derive(Default)]
struct Lists {
    in_flight: usize,
    done: VecDeque<Done>,
}

/// What a queue and its operations share.
#[derive(Default)]
pub struct AioState {
    lists: Mutex<Lists>,
    changed: Condvar,
}

impl std::fmt::Debug for AioState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lists = self.lock();
        let (in_flight, done) = (lists.in_flight, lists.done.len());
        write!(f, "AioState({in_flight} in flight, {done} done)")
    }
}

impl AioState {
    fn lock(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many were submitted and not yet taken.
    pub fn pending(&self) -> usize {
        let lists = self.lock();
        lists.in_flight + lists.done.len()
    }

    /// Takes one that is done, waiting until the deadline; `Ok(None)` if there is none to wait for.
    pub fn take(&self, deadline: Instant) -> Raw<Option<Done>> {
        let mut lists = self.lock();
        loop {
            if let Some(done) = lists.done.pop_front() {
                return Ok(Some(done));
            }
            if lists.in_flight == 0 {
                return Ok(None);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failed::new("rbd_aio_wait_for_complete", libc::ETIMEDOUT));
            }
            let waited = self.changed.wait_timeout(lists, left);
            lists = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until nothing is in flight; whether that was so before the deadline.
    pub fn settle(&self, deadline: Instant) -> bool {
        let mut lists = self.lock();
        while lists.in_flight > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.changed.wait_timeout(lists, left);
            lists = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// One operation, owned by librbd from its start to its callback.
struct Flight {
    op: AioOp,
    offset: u64,
    buffer: Vec<u8>,
    state: Arc<AioState>,
}

extern "C" fn landed(completion: sys::rbd_completion_t, arg: *mut c_void) {
    // SAFETY: `arg` is the box that `submit` gave away, and a completion calls back once.
    let flight = unsafe { Box::from_raw(arg.cast::<Flight>()) };
    // SAFETY: the completion is complete: this is its callback.
    let returned = unsafe { sys::rbd_aio_get_return_value(completion) };
    // SAFETY: released once, as librbd allows in the callback.
    unsafe { sys::rbd_aio_release(completion) }
    let state = Arc::clone(&flight.state);
    let done = Done {
        result: check_len(flight.op.call(), returned),
        op: flight.op,
        offset: flight.offset,
        buffer: flight.buffer,
    };
    let mut lists = state.lock();
    lists.in_flight -= 1;
    lists.done.push_back(done);
    state.changed.notify_all();
}

/// `rbd_aio_read` and its like: starts an operation, which ends up in `state`. On failure nothing was started.
///
/// The operation does not hold the image: an image that is closed meanwhile waits for it, which only must not happen in
/// the operation's own callback.
pub fn submit(
    image: &ImageHandle,
    state: &Arc<AioState>,
    (op, offset): (AioOp, u64),
    buffer: Vec<u8>,
) -> Raw<()> {
    let mut flight = Box::new(Flight {
        op,
        offset,
        buffer,
        state: Arc::clone(state),
    });
    let len = flight.buffer.len();
    // The buffer's bytes do not move when the box is given away.
    let data = flight.buffer.as_mut_ptr().cast::<c_char>();
    let arg = Box::into_raw(flight);
    let mut completion = std::ptr::null_mut();
    // SAFETY: the place is ours to be written; `arg` is a box that the callback takes. It never fails.
    let _always_zero =
        unsafe { sys::rbd_aio_create_completion(arg.cast(), landed, &raw mut completion) };
    state.lock().in_flight += 1;
    let raw = image.raw();
    let returned = match op {
        // SAFETY: image and completion are alive; the buffer is as long as said and in the box until the callback.
        AioOp::Read => unsafe { sys::rbd_aio_read(raw, offset, len, data, completion) },
        // SAFETY: as above; the buffer is only read.
        AioOp::Write => unsafe { sys::rbd_aio_write(raw, offset, len, data, completion) },
        AioOp::WriteZeroes(len) => {
            // SAFETY: image and completion are alive.
            unsafe { sys::rbd_aio_write_zeroes(raw, offset, len, completion, 0, 0) }
        }
        // SAFETY: image and completion are alive.
        AioOp::Discard(len) => unsafe { sys::rbd_aio_discard(raw, offset, len, completion) },
        // SAFETY: image and completion are alive.
        AioOp::Flush => unsafe { sys::rbd_aio_flush(raw, completion) },
    };
    if let Err(failed) = check(op.call(), returned) {
        state.lock().in_flight -= 1;
        // SAFETY: nothing was started, so nothing calls back and the completion is ours alone.
        unsafe { sys::rbd_aio_release(completion) }
        // SAFETY: the box of above, which no callback will take.
        drop(unsafe { Box::from_raw(arg) });
        return Err(failed);
    }
    Ok(())
}
