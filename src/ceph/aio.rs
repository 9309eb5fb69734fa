//! Reads and writes of an image that run while the caller goes on: a queue of bounded depth.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::{CephError, On};
use super::ffi::{self, AioOp, AioState, ImageHandle};
use super::image::Image;
use crate::model::Bytes;

/// What a finished operation was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// [`AioQueue::read`].
    Read,
    /// [`AioQueue::write`].
    Write,
    /// [`AioQueue::write_zeroes`].
    WriteZeroes,
    /// [`AioQueue::discard`].
    Discard,
    /// [`AioQueue::flush`].
    Flush,
}

/// A finished operation.
#[derive(Debug)]
pub struct Completed {
    /// What it was.
    pub op: Op,
    /// Where it began, in bytes.
    pub offset: u64,
    /// The buffer: what was read, or the buffer of a write to be used again.
    pub buffer: Vec<u8>,
    /// How it ended.
    pub result: Result<(), CephError>,
}

/// A queue of reads and writes, of which at most `depth` are in flight or wait to be taken with [`AioQueue::next`]. They
/// may end in another order than they began. Dropping the queue waits for what is in flight, until its deadline; after
/// that the image is left open for the rest of the process rather than closed under an operation.
#[derive(Debug)]
pub struct AioQueue {
    image: HeldImage,
    state: Arc<AioState>,
    depth: usize,
    deadline: Duration,
}

/// The image, and its name for messages.
struct HeldImage {
    handle: Option<Arc<ImageHandle>>,
    label: String,
}

impl std::fmt::Debug for HeldImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.label)
    }
}

impl Image {
    /// A queue of at least one place. Each wait for an operation is at most `deadline` long.
    pub fn aio_queue(&self, depth: usize, deadline: Duration) -> AioQueue {
        AioQueue {
            image: HeldImage {
                handle: Some(Arc::clone(self.handle())),
                label: self.to_string(),
            },
            state: Arc::new(AioState::default()),
            depth: depth.max(1),
            deadline,
        }
    }
}

impl AioQueue {
    /// Whether [`AioQueue::next`] must be called before another operation is taken.
    pub fn is_full(&self) -> bool {
        self.state.pending() >= self.depth
    }

    /// Reads as many bytes as `into` is long, which must lie within the image. Implements `rbd_aio_read`.
    pub fn read(&mut self, offset: u64, into: Vec<u8>) -> Result<(), CephError> {
        self.submit(AioOp::Read, offset, into)
    }

    /// Writes all of `data`. Implements `rbd_aio_write`.
    pub fn write(&mut self, offset: u64, data: Vec<u8>) -> Result<(), CephError> {
        self.submit(AioOp::Write, offset, data)
    }

    /// Makes a range read as zeroes. Implements `rbd_aio_write_zeroes`.
    pub fn write_zeroes(&mut self, offset: u64, len: Bytes) -> Result<(), CephError> {
        let len = usize::try_from(len.0).unwrap_or(usize::MAX);
        self.submit(AioOp::WriteZeroes(len), offset, Vec::new())
    }

    /// Gives a range back, as [`Image::discard`] does. Implements `rbd_aio_discard`.
    pub fn discard(&mut self, offset: u64, len: Bytes) -> Result<(), CephError> {
        self.submit(AioOp::Discard(len.0), offset, Vec::new())
    }

    /// Ends when all writes that ended before it are safe. Implements `rbd_aio_flush`.
    pub fn flush(&mut self) -> Result<(), CephError> {
        self.submit(AioOp::Flush, 0, Vec::new())
    }

    /// `EAGAIN` if the queue is full, `EINVAL` for what is not within the image: librbd would read less, and cut a write
    /// off without a word.
    fn submit(&mut self, op: AioOp, offset: u64, buffer: Vec<u8>) -> Result<(), CephError> {
        let label = &self.image.label;
        let refused = |errno| CephError::new(op.call(), label.clone(), errno);
        if self.is_full() {
            return Err(refused(libc::EAGAIN).detail("the queue is full"));
        }
        let Some(image) = &self.image.handle else {
            return Err(refused(libc::EBADF));
        };
        let len = match op {
            AioOp::Read | AioOp::Write => buffer.len() as u64,
            AioOp::WriteZeroes(len) => len as u64,
            AioOp::Discard(len) => len,
            AioOp::Flush => 0,
        };
        let size = image.size().on(label)?;
        if offset.checked_add(len).is_none_or(|end| end > size) {
            let why = format!("{len} bytes at {offset}, but the image ends at {size}");
            return Err(refused(libc::EINVAL).detail(why));
        }
        ffi::submit(image, &self.state, (op, offset), buffer).on(label)
    }

    /// Takes an operation that has ended, waiting for one; `None` if none is left. `ETIMEDOUT` if none ended in time,
    /// after which they are still in flight.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator would end at the first error"
    )]
    pub fn next(&mut self) -> Result<Option<Completed>, CephError> {
        let taken = self.state.take(Instant::now() + self.deadline);
        let done = taken.on(&self.image.label)?;
        Ok(done.map(|done| self.completed(done)))
    }

    /// A read that was cut off, because the image was made smaller meanwhile, is a failure.
    fn completed(&self, done: ffi::Done) -> Completed {
        let (op, wanted) = match done.op {
            AioOp::Read => (Op::Read, Some(done.buffer.len())),
            AioOp::Write => (Op::Write, None),
            AioOp::WriteZeroes(_) => (Op::WriteZeroes, None),
            AioOp::Discard(_) => (Op::Discard, None),
            AioOp::Flush => (Op::Flush, None),
        };
        let label = &self.image.label;
        let result = done.result.on(label).and_then(|count| match wanted {
            Some(wanted) if wanted != count => {
                let why = format!("only {count} of {wanted} bytes are within the image");
                Err(CephError::invalid(done.op.call(), label.clone(), &why))
            }
            _ => Ok(()),
        });
        Completed {
            op,
            offset: done.offset,
            buffer: done.buffer,
            result,
        }
    }
}

impl Drop for AioQueue {
    fn drop(&mut self) {
        if !self.state.settle(Instant::now() + self.deadline) {
            mem::forget(self.image.handle.take());
        }
    }
}
