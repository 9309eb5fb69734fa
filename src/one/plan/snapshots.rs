//! Snapshots of disks, and their size.

use super::{Known, Plan, disk_at, if_there, image_of, step};
use crate::Result;
use crate::image::{ImageJob, OneSnap, ResizeImage};
use crate::job::{DiskJob, Request};
use crate::one::call::{DiskPlace, Node};
use crate::one::{Megabytes, SnapshotId, names};

/// Everything dirty is written back first, so that the snapshot has it.
pub(super) fn create(
    known: &Known<'_>,
    host: &Node,
    place: &DiskPlace,
    id: SnapshotId,
) -> Result<Plan> {
    let image = image_of(known, disk_at(known, place)?)?;
    let flush = if_there(Request::Flush(DiskJob {
        image: image.clone(),
    }));
    let snap = names::snapshot(id)?;
    let take = step(Request::Image(ImageJob::SnapCreate(OneSnap {
        image,
        snap,
    })));
    Ok(Plan::nothing().then(known, host, vec![flush, take]))
}

/// The snapshot goes; librbd refuses if something was cloned from it.
pub(super) fn delete(
    known: &Known<'_>,
    host: &Node,
    place: &DiskPlace,
    id: SnapshotId,
) -> Result<Plan> {
    let image = image_of(known, disk_at(known, place)?)?;
    let snap = names::snapshot(id)?;
    let remove = if_there(Request::Image(ImageJob::SnapRemove(OneSnap {
        image,
        snap,
    })));
    Ok(Plan::nothing().then(known, host, vec![remove]))
}

/// Grows the image; a host that has it attached takes the new size over.
pub(super) fn resize(
    known: &Known<'_>,
    host: &Node,
    place: &DiskPlace,
    size: Megabytes,
) -> Result<Plan> {
    let image = image_of(known, disk_at(known, place)?)?;
    let grow = step(Request::Image(ImageJob::Resize(ResizeImage {
        image: image.clone(),
        size: size.bytes(),
        shrink: false,
    })));
    let bypass = if_there(Request::Bypass(DiskJob {
        image: image.clone(),
    }));
    let insert = if_there(Request::Insert(crate::job::Insert {
        image,
        seed: None,
        rate: None,
    }));
    Ok(Plan::nothing().then(known, host, vec![grow, bypass, insert]))
}
