//! Back to a snapshot, with a way back: what the image is now stays as a snapshot of ours until the other stands.
//!
//! librbd rolls an image back in place, object by object; killed half way it is neither. So the present is kept first, and
//! only forgotten once the rollback is complete: a rollback that fails is itself rolled back, and one that was killed is gone
//! on with when it is asked for again.

use super::OneSnap;
use super::change::stoppable;
use super::reach::Found;
use super::report::ImageReport;
use crate::ceph::{Snap, ignore};
use crate::config::fixed;
use crate::host::Host;
use crate::model::{Change, SnapName};
use crate::{Context, Error, Kind, Result};

/// The snapshot that keeps the present.
const PRESENT: &str = "wb-before-revert";

/// Makes an image what it was at a snapshot.
///
/// # Errors
/// [`Kind::NotFound`] for a snapshot that is not there, before anything is changed; [`Kind::LeaseHeld`], [`Kind::Dirty`] or
/// [`Kind::Busy`] while anybody uses the image.
pub(super) fn revert(host: &Host, ask: &OneSnap, dry_run: bool) -> Result<ImageReport> {
    let found = Found::by_name(host, &ask.image)?;
    let (snapshots, name) = (found.snapshots()?, format!("{}@{}", ask.image, ask.snap));
    let has = |snap: &SnapName| snapshots.iter().any(|known: &Snap| known.name == *snap);
    if !has(&ask.snap) {
        return Err(
            Error::new(Kind::NotFound, format!("there is no snapshot {name}")).remedy(format!(
                "`warmblock image snap ls {}` lists those that there are",
                ask.image
            )),
        );
    }
    found.must_be_detached("roll back")?;
    found.must_be_unwatched("roll back")?;
    let mut report = ImageReport::new(Some(&ask.image), dry_run);
    let present: SnapName = fixed(PRESENT);
    let kept = format!("{}@{PRESENT}", ask.image);
    if dry_run {
        report.main_step(
            Change::Altered,
            format!("roll {} back to {name}", ask.image),
            || Ok(()),
        )?;
        return Ok(report);
    }
    let image = found.open()?;
    if !has(&present) {
        report.step(Change::Made, format!("keep the present as {kept}"), || {
            image
                .snap_create(&present)
                .context(|| format!("cannot take snapshot {kept}"))
        })?;
    }
    report.main_step(
        Change::Altered,
        format!("roll {} back to {name}", ask.image),
        || {
            let rolled = image.snap_rollback(&ask.snap, &mut stoppable(host));
            rolled
                .context(|| format!("cannot roll back to {name}"))
                .map_err(|error| {
                    let undone = image.snap_rollback(&present, &mut ignore);
                    error.and_then_cleanup(
                        undone.context(|| {
                            format!("cannot roll back to {kept}, which has everything")
                        }),
                    )
                })
        },
    )?;
    report.step(Change::Removed, format!("forget {kept}"), || {
        image
            .snap_remove(&present)
            .context(|| format!("cannot remove snapshot {kept}"))
    })?;
    Ok(report)
}
