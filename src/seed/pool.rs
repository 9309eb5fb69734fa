//! Many requests in flight by plain threads: each takes the next run, moves it, takes the next.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::rate::TokenBucket;
use super::run::Run;
use crate::cancel::Cancel;
use crate::error::{Error, Result};
use crate::model::Bytes;

/// How long a worker that waits for the rate limit sleeps before it looks whether it shall stop.
const LOOK: Duration = Duration::from_millis(100);

/// How many workers, and how fast.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Requests in flight.
    pub depth: usize,
    /// Bytes per second.
    pub rate: Option<Bytes>,
}

/// Calls `work` for every run, from up to `depth` threads, each with a state of its own made by `state`.
///
/// All threads have ended when it returns. The first failure stops the others after the run they are at, and is what is
/// returned; so is a cancellation.
pub(super) fn drive<S>(
    runs: impl Iterator<Item = Run> + Send,
    pace: Pace,
    cancel: &Cancel,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, Run) -> Result<()> + Sync,
) -> Result<u64> {
    let pool = Pool {
        runs: Mutex::new(runs),
        bucket: pace.rate.map(|rate| Mutex::new(bucket(rate))),
        started: Instant::now(),
        failure: Mutex::new(None),
        failed: Condvar::new(),
        done: AtomicU64::new(0),
        cancel,
    };
    let worker = || pool.work_off(&mut state(), &work);
    std::thread::scope(|scope| {
        let spawned: Vec<_> = (1..pace.depth)
            .map_while(|number| spawn(scope, number, &worker))
            .collect();
        worker();
        // The scope itself waits for the closures only; joined threads are gone from the process.
        for thread in spawned {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    match pool.failure.into_inner() {
        Ok(None) => Ok(pool.done.into_inner()),
        Ok(Some(error)) => Err(error),
        Err(poisoned) => poisoned.into_inner().map_or(Ok(0), Err),
    }
}

fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    number: usize,
    worker: &'scope (impl Fn() + Sync),
) -> Option<ScopedJoinHandle<'scope, ()>> {
    let spawned = Builder::new()
        .name(format!("seed-{number}"))
        .spawn_scoped(scope, worker);
    // The calling thread works as well, so fewer threads than wanted make it slower and nothing else.
    spawned
        .inspect_err(|error| tracing::warn!(%error, "going on with {number} threads"))
        .ok()
}

/// A tenth of a second at once, so that short stalls are made up for.
fn bucket(rate: Bytes) -> TokenBucket {
    TokenBucket::new(rate, Bytes(rate.0 / 10))
}

struct Pool<'a, I> {
    runs: Mutex<I>,
    bucket: Option<Mutex<TokenBucket>>,
    started: Instant,
    failure: Mutex<Option<Error>>,
    failed: Condvar,
    done: AtomicU64,
    cancel: &'a Cancel,
}

impl<I: Iterator<Item = Run>> Pool<'_, I> {
    fn work_off<S>(&self, state: &mut S, work: impl Fn(&mut S, Run) -> Result<()>) {
        while let Some(run) = self.next() {
            let moved = self.throttle(run.len).and_then(|()| work(state, run));
            match moved {
                Ok(()) => drop(self.done.fetch_add(1, Ordering::Relaxed)),
                Err(error) => return self.fail(error),
            }
        }
    }

    fn next(&self) -> Option<Run> {
        if locked(&self.failure).is_some() {
            return None;
        }
        if let Err(error) = self.cancel.check() {
            self.fail(error);
            return None;
        }
        locked(&self.runs).next()
    }

    fn fail(&self, error: Error) {
        locked(&self.failure).get_or_insert(error);
        self.failed.notify_all();
    }

    /// Waits for the run's turn; a failure elsewhere ends the wait, the next look at the runs ends the worker.
    fn throttle(&self, bytes: Bytes) -> Result<()> {
        let Some(bucket) = &self.bucket else {
            return Ok(());
        };
        let now = self.started.elapsed();
        let turn = now + locked(bucket).take(bytes, now);
        loop {
            self.cancel.check()?;
            let left = turn.saturating_sub(self.started.elapsed());
            let failure = locked(&self.failure);
            if left.is_zero() || failure.is_some() {
                return Ok(());
            }
            let woken = self.failed.wait_timeout(failure, left.min(LOOK));
            drop(woken.unwrap_or_else(PoisonError::into_inner));
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
