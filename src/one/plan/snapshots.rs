//! Snapshots of disks, and their size.

use super::steps::Down;
use super::{Known, Plan, attach, detach, if_there, removal, rouse, step};
use crate::Result;
use crate::image::{ImageJob, OneSnap, ResizeImage};
use crate::job::{DiskJob, Quiet, Request, Rest, StepAsk};
use crate::model::{BeforeRevert, ImageSpec};
use crate::one::call::{DiskPlace, Node};
use crate::one::{Megabytes, SnapshotId, names};

/// While the image is complete; and of a VM that runs, while its file systems are frozen, or its processes if it is
/// a container. One that is there was made by an
/// attempt that did not live to tell, of what the disk was then: it is taken anew.
pub(super) fn create(
    known: &Known<'_>,
    host: &Node,
    place: &DiskPlace,
    id: SnapshotId,
    live: bool,
) -> Result<Plan> {
    let (_, image) = known.disk(place)?;
    let take = step(Request::Image(ImageJob::SnapRetake(snap(&image, id)?)));
    let domain = known.vm.deploy_id.clone().filter(|_| live);
    let before = domain.as_deref().map(rouse);
    let quiet = Request::Quiet(Quiet {
        image,
        domain,
        rest: known.vm.at_rest(Rest::Freeze),
        steps: vec![take],
    });
    let quiet = step(quiet).by(known.access(place)?);
    let steps: Vec<StepAsk> = before.into_iter().chain([quiet]).collect();
    Ok(Plan::nothing().on_any(&known.acting(host)?, &steps))
}

/// The disk is taken down, written back, and attached anew once its image is what it was; or as it was, if it cannot be.
pub(super) fn revert(
    known: &Known<'_>,
    host: &Node,
    place: &DiskPlace,
    id: SnapshotId,
) -> Result<Plan> {
    let (disk, image) = known.disk(place)?;
    let access = known.access(place)?;
    let back = step(Request::Image(ImageJob::SnapRevert(snap(&image, id)?))).by(access);
    let again = attach(known, disk, &image, place)?;
    if known.is_nowhere(host) {
        // There is nothing to take down, and nothing to attach.
        return Ok(Plan::nothing().on_any(&known.acting(host)?, &[back]));
    }
    let steps = vec![
        detach(known, &image, place, Down::Kept)?,
        back,
        again.clone(),
    ];
    // One that was killed half way left what the disk was before; one that failed has put that back by itself.
    let before = if_there(Request::Image(ImageJob::SnapRevert(OneSnap {
        image,
        snap: BeforeRevert.snap()?,
    })))
    .by(access);
    Ok(Plan::nothing()
        .on(host, steps)
        .or_else(Plan::nothing().on(host, vec![before, again])))
}

/// The snapshot goes; it is refused if something was cloned from it.
pub(super) fn delete(
    known: &Known<'_>,
    host: &Node,
    place: &DiskPlace,
    id: SnapshotId,
) -> Result<Plan> {
    let (_, image) = known.disk(place)?;
    let steps = removal(snap(&image, id)?, known.access(place)?);
    Ok(Plan::nothing().on_any(&known.acting(host)?, &steps))
}

/// Grows the image; a host that has it attached takes the new size over.
pub(super) fn resize(
    known: &Known<'_>,
    host: &Node,
    place: &DiskPlace,
    size: Megabytes,
) -> Result<Plan> {
    let (disk, image) = known.disk(place)?;
    let grow = step(Request::Image(ImageJob::Resize(ResizeImage {
        image: image.clone(),
        size: size.bytes(),
        shrink: false,
        // By the host that has it; others that have a shared image open keep the size that they know.
        taken_over: disk.sharing().is_none(),
    })));
    let take = if_there(Request::TakeSize(DiskJob { image }));
    let access = known.access(place)?;
    let steps = [grow, take].map(|step| step.by(access));
    Ok(Plan::nothing().on_any(&known.acting(host)?, &steps))
}

fn snap(image: &ImageSpec, id: SnapshotId) -> Result<OneSnap> {
    Ok(OneSnap {
        image: image.clone(),
        snap: names::snapshot(id)?,
    })
}
