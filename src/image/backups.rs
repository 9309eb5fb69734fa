//! The snapshots that backups of OpenNebula leave: each increment is what changed since the one before it, so that stays.

use super::ForgetBackups;
use super::reach::Found;
use super::report::ImageReport;
use super::untake;
use crate::Result;
use crate::host::Host;
use crate::model::{BackupSnap, Change, SnapName};

/// Removes those of all backups but one: of a chain that has gone on, or was begun anew, or of another VM's that had the image. All stay
/// if that one is gone, for the increment that needs it cannot be made, and what is left is all that there is of the chain.
///
/// # Errors
/// [`crate::Kind::NotFound`] for an image that is not there.
pub(super) fn forget(host: &Host, ask: &ForgetBackups, dry_run: bool) -> Result<ImageReport> {
    let found = Found::by_name(host, &ask.image)?;
    let mut report = ImageReport::new(Some(&ask.image), dry_run);
    report.change = Some(Change::Kept);
    let keep = ask.keep.map(|increment| BackupSnap {
        increment: Some(increment),
    });
    let keep = keep.map(BackupSnap::snap).transpose()?;
    let stale = |name: &SnapName| BackupSnap::is(name) && keep.as_ref() != Some(name);
    let taken = found.snapshots()?;
    let is_kept = |keep: &SnapName| taken.iter().any(|snap| snap.name == *keep);
    if keep.as_ref().is_some_and(|keep| !is_kept(keep)) {
        return Ok(report);
    }
    for snap in taken {
        if stale(&snap.name) {
            untake::remove(&found, &snap, &mut report)?;
            report.change = Some(Change::Removed);
        }
    }
    Ok(report)
}
