//! A raw disk that comes as a stream: written as it is read, with no file between.

use std::io::Read;

use super::tap::{Tap, fill, unreadable};
use super::writer::{PIECE, Writer};
use crate::Result;
use crate::model::Bytes;
use crate::progress::Task;

/// Puts the whole stream into the image. Progress is told in bytes of the source, packed as it is.
pub(super) fn copy(
    from: &mut dyn Read,
    tap: &Tap<'_>,
    to: &mut Writer<'_>,
    task: &Task<'_>,
) -> Result<()> {
    let (mut at, mut told) = (0, Bytes(0));
    loop {
        let mut buffer = to.buffer();
        let filled = fill(from, &mut buffer).map_err(unreadable)?;
        let read = tap.count();
        task.advance(read.saturating_sub(told));
        told = read;
        if filled == 0 {
            return Ok(());
        }
        buffer.truncate(filled);
        to.put(at, buffer)?;
        at += filled as u64;
        if filled < PIECE {
            return Ok(());
        }
    }
}
