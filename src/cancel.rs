//! Stopping a long job on request: SIGINT, SIGTERM, or a caller that changed its mind.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::error::{Error, Kind, Result};

/// A request to stop that many threads can look at; clones share it.
///
/// Nothing is interrupted: whoever works in steps calls [`check`](Self::check) between them and unwinds in order, so
/// that what was half done is finished or taken back by the ordinary error path.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    asked: Arc<AtomicBool>,
}

impl Cancel {
    /// One that no signal sets: for tests and for callers that decide by themselves.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that SIGINT and SIGTERM set; the binary calls this once, before it starts threads.
    ///
    /// The second signal ends the process at once, as if no handler were there: a job that hangs in the kernel (a read
    /// from a cluster that does not answer) cannot look at the flag, and whoever waits for it must have a way out.
    ///
    /// # Errors
    /// The kernel refuses a handler.
    pub fn on_signals() -> Result<Self> {
        let cancel = Self::new();
        for signal in [SIGINT, SIGTERM] {
            cancel.watch(signal).map_err(|error| {
                Error::new(Kind::Internal, format!("cannot handle signal {signal}")).because(error)
            })?;
        }
        Ok(cancel)
    }

    fn watch(&self, signal: i32) -> io::Result<()> {
        // Handlers run in the order of their registration: the first one sees the flag as the signal before left it.
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&self.asked))?;
        signal_hook::flag::register(signal, Arc::clone(&self.asked))?;
        Ok(())
    }

    /// Asks everyone who shares this to stop.
    pub fn cancel(&self) {
        self.asked.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// Goes on, or stops.
    ///
    /// # Errors
    /// [`Kind::Cancelled`] once somebody asked.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::new(Kind::Cancelled, "stopped on request"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_request() {
        let cancel = Cancel::new();
        let worker = cancel.clone();
        assert!(worker.check().is_ok());
        cancel.cancel();
        assert_eq!(worker.check().unwrap_err().kind(), Kind::Cancelled);
    }

    #[test]
    fn a_signal_asks_to_stop() {
        let cancel = Cancel::new();
        // SIGUSR1 stands for SIGINT: the test runner wants to keep that one.
        cancel.watch(signal_hook::consts::SIGUSR1).unwrap();
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGUSR1).unwrap();
        assert!(cancel.is_cancelled());
    }
}
