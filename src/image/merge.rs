//! An image becomes what it was at a snapshot, and its snapshots go. None goes before the image is that.

use super::reach::Found;
use super::report::ImageReport;
use super::revert::revert;
use super::{OneSnap, SnapFlatten, snap};
use crate::host::Host;
use crate::model::{Change, SnapName};
use crate::{Kind, Result};

/// Reverts, and removes the snapshots that are named, protected or not; that which is reverted to last. An image that has none
/// of them any more was treated so by a run that did not live to tell.
///
/// # Errors
/// [`Kind::NotFound`] for a snapshot that is not there while others are; [`Kind::Busy`] for one that has clones of clone format
/// 1; those of the revert.
pub(super) fn flatten(host: &Host, ask: &SnapFlatten, dry_run: bool) -> Result<ImageReport> {
    let others = || ask.others.iter().filter(|name| **name != ask.snap);
    let all = || others().chain([&ask.snap]);
    let there = Found::by_name(host, &ask.image)?.snapshots()?;
    let mut report = ImageReport::new(Some(&ask.image), dry_run);
    if !all().any(|name| there.iter().any(|known| known.name == *name)) {
        report.change = Some(Change::Kept);
        return Ok(report);
    }
    let one = |snap: &SnapName| OneSnap {
        image: ask.image.clone(),
        snap: snap.clone(),
    };
    report.take_in(revert(host, &one(&ask.snap), dry_run)?);
    for name in all() {
        for verb in [snap::unprotect, snap::remove] {
            match verb(host, &one(name), dry_run) {
                Err(error) if error.kind() == Kind::NotFound => {}
                done => report.take_in(done?),
            }
        }
    }
    report.change = Some(Change::Altered);
    Ok(report)
}
