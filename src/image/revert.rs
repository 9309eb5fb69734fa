//! Back to a snapshot, with a way back: what the image is now stays as a snapshot of ours until the other stands.
//!
//! librbd rolls an image back in place, object by object; killed half way it is neither. So the present is kept first, and
//! only forgotten once the rollback is complete: a rollback that fails is itself rolled back. While it is kept the image is
//! neither attached nor copied (`disk::refuse_half_reverted`), so it is what the image was when it is gone back to: by the next
//! revert, which begins with that, or by a revert to it.

use super::OneSnap;
use super::change::stoppable;
use super::reach::Found;
use super::report::ImageReport;
use super::rolled_back;
use crate::ceph::{Image, OnProgress, ignore};
use crate::host::Host;
use crate::model::{BeforeRevert, Change, ImageSpec, SnapName};
use crate::{Context, Error, Kind, Result};

/// Makes an image what it was at a snapshot; or, at [`BeforeRevert`], what it was before a revert that was killed.
///
/// # Errors
/// [`Kind::NotFound`] for a snapshot that is not there, before anything is changed; [`Kind::LeaseHeld`], [`Kind::Dirty`] or
/// [`Kind::Busy`] while anybody uses the image.
pub(super) fn revert(host: &Host, ask: &OneSnap, dry_run: bool) -> Result<ImageReport> {
    let (spec, present) = (&ask.image, BeforeRevert.snap()?);
    let mut found = Found::by_name(host, spec)?;
    let snapshots = found.snapshots()?;
    let has = |name: &SnapName| snapshots.iter().any(|known| known.name == *name);
    if !has(&ask.snap) {
        let message = format!("image {spec} has no snapshot {}", ask.snap);
        return Err(Error::new(Kind::NotFound, message).remedy(format!(
            "`warmblock image snap ls {spec}` lists those that it has"
        )));
    }
    found.must_be_detached("roll back")?;
    found.must_be_left_alone(host, "roll back")?;
    let mut report = ImageReport::new(Some(spec), dry_run);
    let what = format!("roll {spec} back to {spec}@{}", ask.snap);
    if dry_run {
        report.main_step(Change::Altered, what, || Ok(()))?;
        return Ok(report);
    }
    let image = found.open_detached("roll back")?;
    rolled_back::note(&found, &image)?;
    if has(&present) {
        undo(&image, spec, &present, &mut report)?;
    }
    if ask.snap == present {
        report.change = Some(Change::Altered);
        return Ok(report);
    }
    let kept = format!("{spec}@{present}");
    report.step(Change::Made, format!("keep the present as {kept}"), || {
        let taken = image.snap_create(&present);
        taken.context(|| format!("cannot take snapshot {kept}"))
    })?;
    let rolled = report.main_step(Change::Altered, what, || {
        roll(&image, spec, &ask.snap, &mut stoppable(host))
    });
    if let Err(error) = rolled {
        let undone = undo(&image, spec, &present, &mut report);
        return Err(error.and_then_cleanup(undone));
    }
    forget(&image, spec, &present, &mut report)?;
    Ok(report)
}

/// Rolls the image back to one of its snapshots.
fn roll(image: &Image, spec: &ImageSpec, snap: &SnapName, told: OnProgress<'_>) -> Result<()> {
    let rolled = image.snap_rollback(snap, told);
    rolled.context(|| format!("cannot roll back to {spec}@{snap}"))
}

/// Makes the image what it was before.
fn undo(
    image: &Image,
    spec: &ImageSpec,
    present: &SnapName,
    report: &mut ImageReport,
) -> Result<()> {
    let what = format!("put {spec} back to {spec}@{present}, which has everything");
    report.step(Change::Altered, what, || {
        roll(image, spec, present, &mut ignore)
    })?;
    forget(image, spec, present, report)
}

fn forget(
    image: &Image,
    spec: &ImageSpec,
    present: &SnapName,
    report: &mut ImageReport,
) -> Result<()> {
    let kept = format!("{spec}@{present}");
    report.step(Change::Removed, format!("forget {kept}"), || {
        let removed = image.snap_remove(present);
        removed.context(|| format!("cannot remove snapshot {kept}"))
    })
}
