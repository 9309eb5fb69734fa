//! Empties a pipe in a thread of its own, so that a tool never blocks on it, and keeps only so much of it.

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Which part of what comes through is kept.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keep {
    /// The first so many bytes; more than that is remembered as an overflow.
    Head(u64),
    /// The last so many bytes.
    Tail(u64),
}

#[derive(Debug, Default)]
struct Kept {
    bytes: VecDeque<u8>,
    overflow: bool,
    last: Option<Instant>,
}

/// The reading end of a pipe, being emptied.
#[derive(Debug)]
pub(super) struct Drain {
    kept: Arc<Mutex<Kept>>,
    ended: Receiver<()>,
}

impl Drain {
    /// Makes a pipe and starts to empty it; the writing end is for the process.
    pub(super) fn start(keep: Keep) -> io::Result<(Self, PipeWriter)> {
        let (mut reader, writer) = io::pipe()?;
        let kept = Arc::new(Mutex::new(Kept::default()));
        let (end, ended) = channel();
        let shared = Arc::clone(&kept);
        std::thread::Builder::new()
            .name("drain".into())
            .spawn(move || {
                copy(&mut reader, keep, &shared);
                // nobody listens any more if the command was given up
                let _listening = end.send(());
            })?;
        Ok((Self { kept, ended }, writer))
    }

    /// Waits until every writer has closed its end; false when one has not done so in time.
    pub(super) fn wait(&self, grace: Duration) -> bool {
        self.ended.recv_timeout(grace).is_ok()
    }

    /// Whether more came than is kept of [`Keep::Head`].
    pub(super) fn overflowed(&self) -> bool {
        lock(&self.kept).overflow
    }

    /// When something came last.
    pub(super) fn last(&self) -> Option<Instant> {
        lock(&self.kept).last
    }

    /// What was kept so far.
    pub(super) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut lock(&self.kept).bytes).into()
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    // a panic while it was held cannot have left bytes half-written
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

fn copy(reader: &mut PipeReader, keep: Keep, kept: &Mutex<Kept>) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let mut kept = lock(kept);
        kept.last = Some(Instant::now());
        match keep {
            Keep::Head(limit) if (kept.bytes.len() + count) as u64 > limit => kept.overflow = true,
            Keep::Head(_) => kept.bytes.extend(&buffer[..count]),
            Keep::Tail(limit) => {
                kept.bytes.extend(&buffer[..count]);
                let extra = kept
                    .bytes
                    .len()
                    .saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
                kept.bytes.drain(..extra);
            }
        }
    }
}
