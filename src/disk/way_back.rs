//! The way back: a snapshot of an image whose data are all on an SSD, for the day that SSD is lost.
//!
//! A driver that holds the whole image ([`Driver::whole`]) writes nothing back before it is told to; then blocks go back in any
//! order, and a loss of the SSD half-way leaves a mixture in Ceph. So there is a snapshot for as long as the lease says dirty:
//!
//! 1. it is taken before the lease is marked dirty, what is left of earlier ones is removed first;
//! 2. it is removed after the lease was marked clean, which is after the proof;
//! 3. `--discard-dirty` makes the lease name no cache any more, so that nothing is ever written back from it; then the image is
//!    rolled back, then the lease is marked clean.
//!
//! So under a dirty lease there is exactly one, the image as of the attach or the last flush; one beside a clean lease is a
//! leftover and worth nothing. Each step may be repeated. Snapshots of other names are never touched.
//!
//! [`Driver::whole`]: crate::cache::Driver::whole

use std::ops::ControlFlow;

use super::open::OpenImage;
use super::walk::Walk;
use crate::ceph::{self, Image, SnapNamespace};
use crate::host::Host;
use crate::model::{Bytes, ImageSpec, Lease, SnapName, WayBackName};
use crate::{Context, Error, Kind, Result, cache};

/// Takes the snapshot, for a lease that is about to be marked dirty.
///
/// Errors: [`Kind::Busy`] if a leftover cannot be removed.
pub(super) fn take(walk: &mut Walk<'_>) -> Result<()> {
    let generation = walk.disk.record.generation;
    let (spec, image) = opened(walk)?;
    let writable = writable(image, &spec)?;
    for snap in ours(&writable, &spec)? {
        remove(&writable, &spec, &snap)?;
    }
    let snap = WayBackName { generation }.snap()?;
    writable.snap_create(&snap).context(|| {
        format!("cannot take snapshot {spec}@{snap}, the way back of its local copy")
    })?;
    image.reopen(&spec)
}

/// Removes what is left of snapshots beside a lease that says clean. One that cannot be removed is told about.
pub(super) fn sweep(walk: &mut Walk<'_>) -> Result<()> {
    let (spec, image) = opened(walk)?;
    // Not to write at once: a process that is killed with the image open for that leaves a watch, which takes its time to expire.
    image.reopen(&spec)?;
    let left = ours(&image.image, &spec)?;
    if left.is_empty() {
        return Ok(());
    }
    let writable = writable(image, &spec)?;
    let removed = left.iter().map(|snap| remove(&writable, &spec, snap));
    let kept: Vec<String> = removed
        .filter_map(|removed| removed.err().map(|error| error.chain()))
        .collect();
    image.reopen(&spec)?;
    walk.warnings.extend(kept);
    Ok(())
}

/// Whether giving the dirty data of this lease up needs a roll back.
pub(super) fn needed(host: &Host, lease: &Lease) -> bool {
    let holder = lease.holder.as_ref().filter(|holder| holder.dirty);
    holder.is_some_and(|holder| {
        cache::driver(host, &holder.driver).is_ok_and(|driver| driver.whole())
    })
}

/// Rolls the image back, if its lease says that the dirty data were given up, and marks the lease clean.
///
/// Nobody may have the image in use. Without a snapshot, which somebody must have removed, the image stays as it is.
pub(super) fn go_back(walk: &mut Walk<'_>) -> Result<()> {
    if !walk.with_lease(|cell, me, _record| Ok(cell.is_held_by(me) && cell.lease.is_given_up()))? {
        return Ok(());
    }
    let host = walk.host;
    let (spec, image) = opened(walk)?;
    let writable = writable(image, &spec)?;
    let told = match ours(&writable, &spec)?.pop() {
        Some(snap) => {
            roll_back(host, &writable, &spec, &snap)?;
            format!(
                "{spec} was rolled back to {snap}: it is what it was at the attach or at the last flush"
            )
        }
        None => format!(
            "{spec} has no snapshot wb-local-… to go back to; it stays as Ceph has it, and may be a mixture of old and new"
        ),
    };
    drop(writable);
    walk.warnings.push(told);
    walk.with_lease(|cell, me, record| cell.mark_clean(me, &record.driver, record.mode))?;
    sweep(walk)
}

fn roll_back(host: &Host, image: &Image, spec: &ImageSpec, snap: &SnapName) -> Result<()> {
    let size = image
        .size()
        .context(|| format!("cannot read the size of {spec}"))?;
    let task = host.progress.start("rollback", size);
    let mut told = |at: ceph::Progress| {
        let done = Bytes(
            u64::try_from(u128::from(size.0) * u128::from(at.done) / u128::from(at.total.max(1)))
                .unwrap_or(0),
        );
        task.advance(done.saturating_sub(task.done()));
        match host.cancel.is_cancelled() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    image
        .snap_rollback(snap, &mut told)
        .context(|| format!("cannot roll {spec} back to {snap}; run it again to go on"))?;
    task.finish();
    Ok(())
}

/// The image and its name.
///
/// Errors: it is gone, or Ceph cannot be asked.
fn opened<'a>(walk: &'a mut Walk<'_>) -> Result<(ImageSpec, &'a mut OpenImage)> {
    walk.disk.record_and_image()?;
    let spec = walk.disk.record.image.clone();
    let gone = || Error::new(Kind::NotFound, format!("image {spec} is gone"));
    let image = walk.disk.image.as_mut().ok_or_else(gone)?;
    Ok((spec, image))
}

fn writable(image: &OpenImage, spec: &ImageSpec) -> Result<Image> {
    let opened = image.pool.open_by_id(&image.id);
    opened.context(|| format!("cannot open image {spec}"))
}

/// Snapshots of ours, the oldest first.
fn ours(image: &Image, spec: &ImageSpec) -> Result<Vec<SnapName>> {
    let all = image
        .snapshots()
        .context(|| format!("cannot list the snapshots of {spec}"))?;
    let ours = all.into_iter().filter(|snap| {
        snap.namespace == SnapNamespace::User && WayBackName::of(&snap.name).is_some()
    });
    Ok(ours.map(|snap| snap.name).collect())
}

fn remove(image: &Image, spec: &ImageSpec, snap: &SnapName) -> Result<()> {
    match image.snap_remove(snap).map_err(Error::from) {
        Err(error) if error.kind() == Kind::Busy => {
            let message =
                format!("cannot remove snapshot {spec}@{snap}, which is worth nothing any more");
            Err(Error::new(Kind::Busy, message).because(error).remedy(format!(
                "somebody protected it: `warmblock image snap unprotect {spec}@{snap}`, then run it again"
            )))
        }
        done => done.context(|| format!("cannot remove snapshot {spec}@{snap}")),
    }
}
