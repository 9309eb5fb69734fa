//! A raw disk that comes as a stream: written as it is read, with no file between.

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};

use super::tap::{fill, unreadable};
use super::writer::{PIECE, Writer};
use crate::Result;
use crate::model::Bytes;
use crate::progress::Task;

/// Puts the whole stream into the image. Progress is told in bytes of the source, packed as it is, which `counter` counts.
pub(super) fn copy(from: &mut dyn Read, counter: &AtomicU64, to: &mut Writer<'_>, task: &Task<'_>) -> Result<()> {
    let (mut at, mut told) = (0, 0);
    loop {
        let mut buffer = to.buffer();
        let filled = fill(from, &mut buffer).map_err(unreadable)?;
        let read = counter.load(Ordering::Relaxed);
        task.advance(Bytes(read - told));
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
