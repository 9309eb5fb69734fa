//! Who else has an image open: they are waited for, or refused, before a lease changes hands.

use std::time::Duration;

use crate::disk::lease::{Force, LeaseCell, on_its_way};
use crate::disk::open::OpenImage;
use crate::disk::record::Record;
use crate::host::Host;
use crate::model::ImageSpec;
use crate::sys::wait;
use crate::{Context, Error, Kind, Result};

/// Refuses a lease of ours beside which another host is in. One that Ceph has forgotten, which takes the time that
/// [`refuse_watchers`] tells of, is not, nor is one that is said to be dead: it is barred before its place is taken.
pub(super) fn refuse_guest(
    host: &Host,
    record: &Record,
    image: &OpenImage,
    cell: &LeaseCell<'_>,
    force: &Force,
) -> Result<()> {
    let Some(holder) = cell.lease.holder.as_ref() else {
        return Ok(());
    };
    if holder.guest().is_none() || force.break_lease {
        return Ok(());
    }
    let patience = match force.patient {
        true => host.config.deadline.map,
        false => Duration::ZERO,
    };
    let seen = refuse_watchers(host, record, image, patience);
    seen.map_err(|error| on_its_way(&record.image, holder).because(error))
}

/// How long a host takes at most from the end of its mapping to that of its lease.
const LETTING_GO: Duration = Duration::from_secs(5);

/// Refuses to give a host up that is just about to let go by itself: nobody is seen with the image open then either. To bar
/// it would take all its disks from it, for a kernel is one client of Ceph's.
pub(super) fn stays(record: &Record, image: &OpenImage, cell: &LeaseCell<'_>) -> Result<()> {
    let changed = wait::poll(LETTING_GO, || match image.lease(record) {
        Ok(now) if now.lease == cell.lease => None,
        now => Some(now.map(drop)),
    });
    match changed.transpose()? {
        None => Ok(()),
        Some(()) => {
            let message = format!("the lease of {} changed meanwhile", record.image);
            Err(Error::new(Kind::Busy, message).remedy("run it again"))
        }
    }
}

/// Refuses an image that somebody else has open.
///
/// The watch of a client that died stays for `osd_client_watch_timeout` (30 s by default): where the last holder is known
/// to be dead, it is waited for, for as long as `patience`.
pub(super) fn refuse_watchers(
    host: &Host,
    record: &Record,
    image: &OpenImage,
    patience: Duration,
) -> Result<()> {
    let ours = host
        .krbd()
        .find(&record.fsid, record.key.pool(), record.key.image());
    let foreign = || -> Result<Vec<String>> {
        let watchers = image
            .image
            .watchers()
            .context(|| format!("cannot list who watches {}", record.image))?;
        let addresses = watchers.into_iter().map(|watcher| watcher.addr);
        Ok(addresses
            .filter(|addr| !ours.iter().any(|own| own.client_addr == *addr))
            .collect())
    };
    let mut list = foreign()?;
    if !list.is_empty() && !patience.is_zero() {
        let what = format!("the watch of the dead holder of {}", record.image);
        let gone = wait::until(&what, patience, || Ok(foreign()?.is_empty().then_some(())));
        list = if gone.is_ok() { Vec::new() } else { foreign()? };
    }
    if list.is_empty() {
        return Ok(());
    }
    Err(in_use(&record.image, &list))
}

/// The error for an image that somebody else has open.
pub(super) fn in_use(image: &ImageSpec, by: &[String]) -> Error {
    let message = format!("image {image} is in use by {}", by.join(", "));
    Error::new(Kind::Busy, message).remedy(format!(
        "`rbd status {image}` names the watchers; stop that VM, unmap it there (`rbd device unmap`), or wait for the watch of a \
         dead client to expire (30 s)"
    ))
}
