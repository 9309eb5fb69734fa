//! Many bytes of an image at once, through a queue.

use std::time::Duration;

use super::aio::{AioQueue, Completed};
use super::error::CephError;
use super::image::Image;
use crate::error::{Error, Result};

/// A part of an image, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub len: u64,
}

/// How much at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkOptions {
    /// How many operations are in flight.
    pub depth: usize,
    /// The bytes of each; the image's object size is a good choice, and pieces begin at its multiples.
    pub piece: usize,
    /// How long to wait for any of them to end.
    pub deadline: Duration,
}

impl Default for BulkOptions {
    fn default() -> Self {
        Self {
            depth: 16,
            piece: 4 << 20,
            deadline: Duration::from_secs(120),
        }
    }
}

/// Cuts ranges into pieces that do not cross a multiple of `piece`.
fn pieces(
    ranges: impl IntoIterator<Item = Range>,
    piece: usize,
) -> impl Iterator<Item = (u64, usize)> {
    let piece = piece.max(1);
    ranges.into_iter().flat_map(move |range| {
        let end = range.offset.saturating_add(range.len);
        let mut at = range.offset;
        std::iter::from_fn(move || {
            let to_border = piece as u64 - at % piece as u64;
            let left = end.saturating_sub(at).min(to_border);
            let len = usize::try_from(left).ok().filter(|len| *len > 0)?;
            let here = at;
            at += left;
            Some((here, len))
        })
    })
}

impl Image {
    /// Reads ranges and hands each piece over as it comes in, in any order. Stops at the first error of either side.
    /// Implements `rbd_aio_read`.
    pub fn read_ranges(
        &self,
        ranges: impl IntoIterator<Item = Range>,
        options: BulkOptions,
        mut take: impl FnMut(u64, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut queue = self.aio_queue(options.depth, options.deadline);
        let mut spare: Vec<Vec<u8>> = Vec::new();
        let mut finish = |queue: &mut AioQueue, spare: &mut Vec<Vec<u8>>| -> Result<bool> {
            let Some(done) = next_ok(queue)? else {
                return Ok(false);
            };
            take(done.offset, &done.buffer)?;
            spare.push(done.buffer);
            Ok(true)
        };
        for (offset, len) in pieces(ranges, options.piece) {
            if queue.is_full() {
                finish(&mut queue, &mut spare)?;
            }
            let mut buffer = spare.pop().unwrap_or_default();
            buffer.resize(len, 0);
            queue.read(offset, buffer)?;
        }
        while finish(&mut queue, &mut spare)? {}
        Ok(())
    }

    /// Writes ranges with what `fill` puts into each piece (it gets the offset and the buffer), then flushes. Stops at
    /// the first error of either side. Implements `rbd_aio_write`, `rbd_flush`.
    pub fn write_ranges(
        &self,
        ranges: impl IntoIterator<Item = Range>,
        options: BulkOptions,
        mut fill: impl FnMut(u64, &mut [u8]) -> Result<()>,
    ) -> Result<()> {
        let mut queue = self.aio_queue(options.depth, options.deadline);
        for (offset, len) in pieces(ranges, options.piece) {
            let reused = if queue.is_full() {
                next_ok(&mut queue)?
            } else {
                None
            };
            let mut buffer = reused.map(|done| done.buffer).unwrap_or_default();
            buffer.resize(len, 0);
            fill(offset, &mut buffer)?;
            queue.write(offset, buffer)?;
        }
        while next_ok(&mut queue)?.is_some() {}
        drop(queue);
        self.flush()?;
        Ok(())
    }
}

/// The next operation that ended well; an error if it did not.
fn next_ok(queue: &mut AioQueue) -> Result<Option<Completed>> {
    let Some(mut done) = queue.next()? else {
        return Ok(None);
    };
    let result: Result<(), CephError> = std::mem::replace(&mut done.result, Ok(()));
    result.map_err(Error::from)?;
    Ok(Some(done))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(offset: u64, len: u64, piece: usize) -> Vec<(u64, usize)> {
        pieces([Range { offset, len }], piece).collect()
    }

    #[test]
    fn pieces_end_at_multiples() {
        assert_eq!(cut(3, 10, 4), [(3, 1), (4, 4), (8, 4), (12, 1)]);
        assert_eq!(cut(0, 8, 4), [(0, 4), (4, 4)]);
        assert_eq!(cut(5, 0, 4), []);
        let two = [Range { offset: 0, len: 1 }, Range { offset: 9, len: 2 }];
        assert_eq!(pieces(two, 8).collect::<Vec<_>>(), [(0, 1), (9, 2)]);
    }
}
