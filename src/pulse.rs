//! Whether this process gets somewhere, as whoever waits for it may know: what moves says so, and who speaks for it counts.
//!
//! What may take long says so as it goes on: a change that was made, a step that began or ended, bytes that were copied, an operation
//! of librbd's that tells how far it is, and what ends by itself at a deadline (a command that runs, a condition that is awaited).
//! A system call that never returns says nothing: a file on a server that is gone, a device that hangs.

use std::sync::atomic::{AtomicU64, Ordering};

static BEATS: AtomicU64 = AtomicU64::new(0);

/// Says that something moved.
pub fn beat() {
    BEATS.fetch_add(1, Ordering::Relaxed);
}

/// How often something has moved: with another number than before, something has since.
pub fn beats() -> u64 {
    BEATS.load(Ordering::Relaxed)
}
