//! Removing snapshots that are not asked for by name: those that the program took for something, and those that go with an image.

use super::reach::Found;
use super::report::ImageReport;
use crate::ceph::{Pool, Snap};
use crate::model::{Change, ImageSpec, SnapName};
use crate::{Context, Error, Kind, Result};

/// The snapshot of that name, if the image has it.
pub(super) fn find(parent: &Found<'_>, snap: &SnapName) -> Result<Option<Snap>> {
    let all = parent.snapshots()?;
    Ok(all.into_iter().find(|known| known.name == *snap))
}

/// Removes the snapshot of a clone that is there, unless the clone needs it by its name.
pub(super) fn forget(
    pool: &Pool,
    of: &ImageSpec,
    snap: &SnapName,
    report: &mut ImageReport,
) -> Result<()> {
    let parent = match Found::in_pool(pool.clone(), of) {
        Err(error) if error.kind() == Kind::NotFound => return Ok(()),
        found => found?,
    };
    let Some(old) = find(&parent, snap)? else {
        return Ok(());
    };
    let children = parent.image.children(Some(snap));
    let children = children.context(|| format!("cannot list the clones of {of}@{snap}"))?;
    if old.protected && !children.is_empty() {
        return Ok(());
    }
    remove(&parent, &old, report)
}

/// Removes a snapshot, protected or not; in a dry run says so.
pub(super) fn remove(parent: &Found<'_>, snap: &Snap, report: &mut ImageReport) -> Result<()> {
    let name = format!("{}@{}", parent.spec, snap.name);
    let what = format!("remove snapshot {name}");
    if report.dry_run {
        report.planned(Change::Removed, what);
        return Ok(());
    }
    report.step(Change::Removed, what, || {
        let image = parent.open()?;
        if snap.protected {
            image
                .snap_unprotect(&snap.name)
                .context(|| format!("cannot unprotect {name}"))?;
        }
        match image.snap_remove(&snap.name).map_err(Error::from) {
            Err(error) if error.kind() == Kind::NotFound => Ok(()),
            removed => removed.context(|| format!("cannot remove {name}")),
        }
    })
}
