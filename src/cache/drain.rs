//! Draining a cache, and waiting until it has written everything back.

use std::time::{Duration, Instant};

use super::{Cleanliness, Driver, Site};
use crate::model::{Bytes, Role};
use crate::sys::wait;
use crate::{Context, Error, Kind, Result};

/// Drains a cache for good: what a write made dirty that began before no new dirty blocks were taken, and ended after the
/// cache was found clean, is written back as well. Gives what was dirty when it began.
///
/// Errors: those of [`Driver::drain`].
pub fn drained(driver: &dyn Driver, site: &Site<'_>, deadline: Duration) -> Result<Bytes> {
    drained_behind(driver, site, deadline, || barrier(site))
}

/// [`drained`], with what waits for the writes that are under way.
pub(super) fn drained_behind(
    driver: &dyn Driver,
    site: &Site<'_>,
    deadline: Duration,
    barrier: impl FnOnce() -> Result<()>,
) -> Result<Bytes> {
    let before = driver.drain(site, deadline)?;
    if driver.suspends() {
        return Ok(before);
    }
    barrier()?;
    match driver.cleanliness(site.host, site.key)? {
        Cleanliness::Dirty(late) => {
            driver.drain(site, deadline)?;
            Ok(before.max(late))
        }
        // Whether it is clean is asked again by whoever acts upon it.
        Cleanliness::Clean { .. } | Cleanliness::Unknown { .. } => Ok(before),
    }
}

/// Waits until every write has ended that began before. The front's table is exchanged for itself, which waits for its I/O;
/// nobody but the front writes to the cache.
fn barrier(site: &Site<'_>) -> Result<()> {
    let (dm, front) = (site.host.dm(), site.key.dm(Role::Front));
    let device = dm.device(&front)?.filter(|device| device.info.live);
    let Some(device) = device else {
        return Ok(());
    };
    let (table, access) = (&device.table, device.info.access());
    dm.replace(&front, table, access, site.host.config.deadline.tool)
        .context(|| format!("cannot wait for the I/O of {front}"))
}

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
        "unknown counts as dirty: see whether Ceph answers (`ceph -s`) and the SSD (`dmesg`), stop the VM, and run `warmblock detach`, \
         which opens a cache that failed again and writes back what it holds; only if the SSD is lost for good, give that up with \
         --discard-dirty",
    )
}
