//! Crash points: the places where a kill would leave a half-done change.
//!
//! Everything that changes the world outside this process calls [`step`] right after it did so. Under
//! `WARMBLOCK_CRASH_AFTER=N` the process kills itself (SIGKILL, so no clean-up runs) after its N-th step; the crash tests
//! walk N from 1 until the command comes through, and compare with a world that never crashed. Under `WARMBLOCK_STOP_AFTER`, a
//! number or what the step says, it stops (SIGSTOP) there, once, for what somebody else does at that moment. Under `WARMBLOCK_PANIC=1` it
//! panics at its first step instead: what is told of a mistake in this program can be seen then.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nix::sys::signal::{Signal, raise};

static CRASH_AFTER: LazyLock<Option<u64>> = LazyLock::new(|| number("WARMBLOCK_CRASH_AFTER"));
static STOP_AFTER: LazyLock<Option<String>> =
    LazyLock::new(|| std::env::var("WARMBLOCK_STOP_AFTER").ok());
static PANIC: LazyLock<bool> = LazyLock::new(|| std::env::var_os("WARMBLOCK_PANIC").is_some());
static STEPS: AtomicU64 = AtomicU64::new(0);
static STOPPED: AtomicBool = AtomicBool::new(false);

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The step of every change of a lease.
pub const LEASE_WRITTEN: &str = "the lease was written";

/// Says that a change named `what` has just been made outside this process.
pub fn step(what: &str) {
    crate::pulse::beat();
    let count = STEPS.fetch_add(1, Ordering::Relaxed) + 1;
    tracing::debug!(step = count, "{what}");
    assert!(!*PANIC, "{what}, and WARMBLOCK_PANIC is set");
    if *CRASH_AFTER == Some(count) {
        let _killed = raise(Signal::SIGKILL);
    }
    if let Some(at) = &*STOP_AFTER
        && (at == what || *at == count.to_string())
        && !STOPPED.swap(true, Ordering::Relaxed)
    {
        let _stopped = raise(Signal::SIGSTOP);
    }
}
