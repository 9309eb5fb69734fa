//! Waiting until a cache has written everything back.

use std::time::{Duration, Instant};

use super::Site;
use crate::model::Bytes;
use crate::sys::wait;
use crate::{Error, Kind, Result};

/// Asks how much is `left` until nothing is, and shows the progress of `whole`; asks at least once.
///
/// Errors: [`Kind::Timeout`] with what is left, [`Kind::Cancelled`], and those of `left`.
pub(super) fn wait_for_clean(
    site: &Site<'_>,
    whole: Bytes,
    deadline: Duration,
    mut left: impl FnMut() -> Result<Bytes>,
) -> Result<()> {
    let task = site.host.progress.start("flush", whole);
    let began = Instant::now();
    let mut rest = whole;
    let clean = wait::poll(deadline, || {
        let asked = site.host.cancel.check().and_then(|()| left());
        rest = match asked {
            Ok(left) => left,
            Err(error) => return Some(Err(error)),
        };
        task.advance(whole.saturating_sub(rest).saturating_sub(task.done()));
        (rest == Bytes(0)).then_some(Ok(()))
    });
    match clean {
        Some(Ok(())) => {
            task.finish();
            Ok(())
        }
        Some(Err(error)) => Err(error),
        None => Err(still_dirty(site, rest, began.elapsed())),
    }
}

/// The error of a flush that takes too long.
pub(super) fn still_dirty(site: &Site<'_>, left: Bytes, after: Duration) -> Error {
    let message = format!(
        "{left} of disk {} are still dirty after {} s",
        site.key,
        after.as_secs()
    );
    Error::new(Kind::Timeout, message)
        .remedy("it goes on writing them back; run the command again, or raise [deadline] flush")
}

/// The error for a cache that must be asked what is dirty, and cannot.
pub(super) fn cannot_tell(why: String) -> Error {
    Error::new(Kind::Dirty, why).remedy(
        "unknown counts as dirty: repair the SSD, or give up what it holds with --discard-dirty",
    )
}
