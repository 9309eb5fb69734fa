//! Disks end: the image stays and has everything, or it goes with the VM.

use super::{Known, Plan, as_disk, detach, disk_at, image, image_of, step};
use crate::Result;
use crate::image::{ImageJob, RemoveImage};
use crate::job::{Request, VmDirJob};
use crate::one::call::{DiskPlace, Node, Place, Source};
use crate::one::document::DiskKind;

/// Flushed, proven clean, unmapped; the image keeps all.
pub(super) fn mvds(
    known: &Known<'_>,
    host: &Node,
    _place: &DiskPlace,
    source: &Source,
) -> Result<Plan> {
    let steps = vec![detach(&image(source.as_str())?, false)];
    Ok(Plan::nothing().then(known, host, steps))
}

/// A disk, or the VM's directory. A disk that is an image's own is only taken down, and what is dirty of it is written
/// back: `recover --delete` calls this for persistent disks as well (contract, 5.4).
pub(super) fn delete(known: &Known<'_>, host: &Node, place: &Place) -> Result<Plan> {
    if let Place::Directory(dir) = place {
        let steps = vec![step(Request::RemoveDir(VmDirJob { path: dir.path() }))];
        return Ok(Plan::nothing().then(known, host, steps));
    }
    let disk = disk_at(known, as_disk(place)?)?;
    let image = image_of(known, disk)?;
    let ours = !matches!(disk.kind, DiskKind::Linked { .. });
    let mut steps = vec![detach(&image, ours)];
    if ours {
        // Its own snapshots go with it; clones that others made of it never do.
        steps.push(step(Request::Image(ImageJob::Remove(RemoveImage {
            image,
            snapshots: true,
            missing_ok: true,
        }))));
    }
    let node = if host == known.front_end {
        bridge(known)
    } else {
        Some(host)
    };
    Ok(match node {
        Some(node) => Plan::nothing().then(known, node, steps),
        None => Plan::nothing(),
    })
}

/// A host that reaches Ceph, for a disk that is nowhere.
fn bridge<'k>(known: &Known<'k>) -> Option<&'k Node> {
    let last = known.vm.history.last().map(|stay| &stay.host);
    known.datastore.bridges.first().or(last)
}
