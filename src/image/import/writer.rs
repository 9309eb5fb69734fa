//! The way into the image: many writes in flight, none for zeroes, none across an object's border.

use std::time::{Duration, Instant};

use super::{beginning, zero};
use crate::cancel::Cancel;
use crate::ceph::{AioQueue, CephError, Image, ignore};
use crate::model::Bytes;
use crate::seed::TokenBucket;
use crate::sys::wait;
use crate::{Context, Error, Kind, Result};

/// Writes in flight, and how long the oldest may take.
const DEPTH: usize = 16;
const DEADLINE: Duration = Duration::from_secs(120);

/// Bytes of a buffer: an object of the default size. Objects of other sizes are written by parts, or several at once.
pub(super) const PIECE: usize = 4 << 20;

/// Images of streams, whose end is not known, grow by this much and an eighth of what they have.
const GROWTH: Bytes = Bytes::gib(1);

/// How large the image is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// So large; more is refused.
    Fixed(Bytes),
    /// As large as what is written.
    Grows,
}

/// Writes to an image.
pub(super) struct Writer<'a> {
    image: &'a Image,
    queue: AioQueue,
    spare: Vec<Vec<u8>>,
    extent: Extent,
    /// The image's size now.
    size: Bytes,
    /// The end of the furthest buffer, zeroes included.
    end: u64,
    written: Bytes,
    /// Whether the disk begins as disks do; `None` while nothing was seen of its beginning.
    begins: Option<bool>,
    pace: Option<Pace>,
    cancel: &'a Cancel,
}

/// A limit on bytes per second.
struct Pace {
    bucket: TokenBucket,
    began: Instant,
}

impl<'a> Writer<'a> {
    /// To an image that is empty. `rate` limits what is written per second.
    pub(super) fn new(
        image: &'a Image,
        extent: Extent,
        rate: Option<Bytes>,
        cancel: &'a Cancel,
    ) -> Result<Self> {
        let size = image
            .size()
            .context(|| format!("cannot read the size of {image}"))?;
        let pace = rate.map(|rate| Pace {
            bucket: TokenBucket::new(rate, Bytes(PIECE as u64)),
            began: Instant::now(),
        });
        let queue = image.aio_queue(DEPTH, DEADLINE);
        Ok(Self {
            image,
            queue,
            spare: Vec::new(),
            extent,
            size,
            end: 0,
            written: Bytes(0),
            begins: None,
            pace,
            cancel,
        })
    }

    /// A buffer of [`PIECE`] bytes, with anything in it.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        // A used buffer has its full length mostly, so that nothing is filled with zeroes again.
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.resize(PIECE, 0);
        buffer
    }

    /// Gives a buffer back that is not needed.
    pub(super) fn give_back(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < DEPTH {
            self.spare.push(buffer);
        }
    }

    /// Writes what is not zero of a buffer that belongs at an offset.
    pub(super) fn put(&mut self, offset: u64, buffer: Vec<u8>) -> Result<()> {
        self.cancel.check()?;
        self.reach(offset + buffer.len() as u64)?;
        if offset == 0 {
            self.begins = Some(beginning::is_of_a_disk(&buffer));
        }
        let data = zero::data(&buffer);
        if data.len() == 1
            && data
                .first()
                .is_some_and(|range| range.len() == buffer.len())
        {
            return self.submit(offset, buffer);
        }
        for range in data {
            let at = offset + range.start as u64;
            let part = buffer.get(range).unwrap_or_default().to_vec();
            self.submit(at, part)?;
        }
        self.give_back(buffer);
        Ok(())
    }

    /// Says that the disk goes on to `end`, with zeroes if nothing else is put there.
    pub(super) fn reach(&mut self, end: u64) -> Result<()> {
        self.end = self.end.max(end);
        match self.extent {
            Extent::Fixed(size) if end > size.0 => Err(Error::new(
                Kind::Usage,
                format!("the source has more than the {size} that the image is to have"),
            )
            .remedy("ask for a larger --size, or for none")),
            Extent::Grows if end > self.size.0 => {
                let size = Bytes(end + GROWTH.0 + end / 8).round_up(GROWTH);
                self.resize(size)
            }
            _ => Ok(()),
        }
    }

    /// Whether the disk begins as disks do; `None` if its beginning is a hole.
    pub(super) const fn begins(&self) -> Option<bool> {
        self.begins
    }

    /// The size of the disk as far as it is known: the end of the furthest buffer.
    pub(super) const fn end(&self) -> Bytes {
        Bytes(self.end)
    }

    /// Waits for what is in flight, cuts an image that grew to its size, and makes all safe; the bytes that were written,
    /// zeroes not counted.
    pub(super) fn finish(mut self) -> Result<Bytes> {
        while self.take_one()? {}
        if self.extent == Extent::Grows {
            self.resize(Bytes(self.end).round_up(Bytes(512)))?;
        }
        self.image
            .flush()
            .context(|| format!("cannot make {} safe", self.image))?;
        Ok(self.written)
    }

    fn resize(&mut self, size: Bytes) -> Result<()> {
        let resized = self.image.resize(size, true, &mut ignore);
        resized.context(|| format!("cannot resize {} to {size}", self.image))?;
        self.size = size;
        Ok(())
    }

    fn submit(&mut self, offset: u64, buffer: Vec<u8>) -> Result<()> {
        let len = Bytes(buffer.len() as u64);
        self.wait_for_pace(len)?;
        while self.queue.is_full() {
            self.take_one()?;
        }
        let submitted = self.queue.write(offset, buffer);
        submitted.context(|| format!("cannot write to {} at {offset}", self.image))?;
        self.written = Bytes(self.written.0 + len.0);
        Ok(())
    }

    /// Takes a write that ended, and its buffer; `false` if none is in flight.
    fn take_one(&mut self) -> Result<bool> {
        let failed = |error: CephError| Error::from(error);
        let done = self
            .queue
            .next()
            .map_err(failed)
            .context(|| format!("cannot write to {}", self.image))?;
        let Some(done) = done else { return Ok(false) };
        let offset = done.offset;
        done.result
            .map_err(failed)
            .context(|| format!("cannot write to {} at {offset}", self.image))?;
        self.give_back(done.buffer);
        Ok(true)
    }

    fn wait_for_pace(&mut self, len: Bytes) -> Result<()> {
        let Some(pace) = &mut self.pace else {
            return Ok(());
        };
        let pause = pace.bucket.take(len, pace.began.elapsed());
        if !pause.is_zero() {
            let _cancelled = wait::poll(pause, || self.cancel.is_cancelled().then_some(()));
        }
        self.cancel.check()
    }
}
