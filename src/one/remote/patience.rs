//! Hosts that have too many callers at once are asked again.

use std::time::Duration;

use super::unreached;
use crate::Result;
use crate::sys::wait;

/// The pauses after which a host whose sshd hung up is asked again.
pub(super) const PAUSES: [Duration; 4] = match cfg!(test) {
    true => [Duration::ZERO; 4],
    false => [
        Duration::from_secs(1),
        Duration::from_secs(2),
        Duration::from_secs(4),
        Duration::from_secs(8),
    ],
};

/// Does it, and again if sshd hung up before it began: oned starts up to fifteen actions at once, and sshd as it comes drops some of
/// so many (contract, 1.3). Those that were dropped together do not come back together.
pub(super) fn patiently<T>(mut work: impl FnMut() -> Result<T>) -> Result<T> {
    let mut done = work();
    for pause in PAUSES {
        match &done {
            Err(error) if unreached::is_crowded(error) => tracing::debug!("{}", error.chain()),
            _ => break,
        }
        let apart = pause * (std::process::id() % 16) / 16;
        let _over = wait::poll(pause + apart, || None::<()>);
        done = work();
    }
    done
}
