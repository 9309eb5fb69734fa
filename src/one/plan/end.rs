//! Disks end: the image stays and has everything, or it goes with the VM.

use super::{Known, Plan, as_disk, detach, image, remove_dir, step};
use crate::Result;
use crate::image::{ImageJob, RemoveImage};
use crate::job::Request;
use crate::one::call::{DiskPlace, Node, Place, Source};
use crate::one::document::DiskKind;

/// Flushed, proven clean, unmapped; the image keeps all.
pub(super) fn mvds(
    known: &Known<'_>,
    host: &Node,
    place: &DiskPlace,
    source: &Source,
) -> Result<Plan> {
    let steps = vec![detach(&image(source.as_str())?, place, false)];
    Ok(Plan::nothing().then(known, host, steps))
}

/// A disk, or the VM's directory. A disk that is an image's own is only taken down, and what is dirty of it is written
/// back: `recover --delete` calls this for persistent disks as well (contract, 5.4).
pub(super) fn delete(known: &Known<'_>, host: &Node, place: &Place) -> Result<Plan> {
    if let Place::Directory(dir) = place {
        return Ok(Plan::nothing().at(known.at(host), vec![remove_dir(dir, false)]));
    }
    let place = as_disk(place)?;
    let (disk, image) = known.disk(place)?;
    if matches!(disk.kind, DiskKind::Linked { .. }) {
        return Ok(Plan::nothing().then(known, host, vec![detach(&image, place, false)]));
    }
    let steps = vec![
        detach(&image, place, true),
        // Its own snapshots go with it; clones that others made of it never do.
        step(Request::Image(ImageJob::Remove(RemoveImage {
            image,
            snapshots: true,
            missing_ok: true,
        }))),
    ];
    Ok(Plan::nothing().on(known.acting(host)?, steps))
}
