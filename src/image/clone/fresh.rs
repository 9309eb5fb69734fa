//! A clone of what an image holds now, whatever snapshots it has.
//!
//! A clone that names none leaves the snapshot `snap` (or a follower) in its parent, for the next clones. This one is a copy that
//! stands by itself, of an image that may never be cloned again: so a snapshot of its own is taken for it, and removed again
//! where the cluster keeps it for the clone by itself (clone format 2).
//! Where it cannot, it stays as long as the clone: whoever removes the clone removes it.

use super::super::reach::{self, Found};
use super::super::report::ImageReport;
use super::CloneImage;
use crate::ceph::{Pool, Snap};
use crate::host::Host;
use crate::model::{Change, CopySnap, ImageSpec, SnapName, SnapSpec};
use crate::{Context, Error, Kind, Result};

/// Makes the clone, or finds it made.
pub(super) fn clone(host: &Host, ask: &CloneImage, dry_run: bool) -> Result<ImageReport> {
    let of = &ask.parent.image;
    let cluster = host.connect()?;
    let pool = reach::pool(&cluster, of)?;
    let children = reach::pool_to_create(&cluster, &ask.child)?;
    let snap = CopySnap::Clone.of(&ask.child.image)?;
    let mut report = ImageReport::new(Some(&ask.child), dry_run);
    if is_there(&pool, of, &children, &ask.child)? {
        report.change = Some(Change::Kept);
        if !dry_run {
            forget(&pool, of, &snap, &mut report)?;
        }
        return Ok(report);
    }
    let parent = Found::in_pool(pool.clone(), of)?;
    parent.must_be_whole(host, "clone")?;
    if dry_run {
        report.main_step(
            Change::Made,
            format!("clone {of} as it is to {}", ask.child),
            || Ok(()),
        )?;
        return Ok(report);
    }
    take(&parent, &snap, &mut report)?;
    let named = CloneImage {
        parent: SnapSpec {
            image: of.clone(),
            snap: Some(snap.clone()),
        },
        fresh: false,
        ..ask.clone()
    };
    let made = super::clone(host, &named, false)?;
    report.steps.extend(made.steps);
    report.warnings.extend(made.warnings);
    report.change = made.change;
    report.facts = made.facts;
    forget(&pool, of, &snap, &mut report)?;
    Ok(report)
}

/// Whether the clone is there and its parent knows it.
fn is_there(pool: &Pool, of: &ImageSpec, children: &Pool, child: &ImageSpec) -> Result<bool> {
    let found = match Found::in_pool(children.clone(), child) {
        Err(error) if error.kind() == Kind::NotFound => return Ok(false),
        found => found?,
    };
    let parent = found.info()?.parent;
    if parent.is_none_or(|parent| parent.image != *of) {
        return Ok(false);
    }
    let known = Found::in_pool(pool.clone(), of)?.children()?;
    Ok(known.iter().any(|known| known.id == *found.image.id()))
}

fn find(parent: &Found<'_>, snap: &SnapName) -> Result<Option<Snap>> {
    let all = parent.snapshots()?;
    Ok(all.into_iter().find(|known| known.name == *snap))
}

/// Takes the snapshot. One that a killed run left is older than this call, so it is taken anew.
fn take(parent: &Found<'_>, snap: &SnapName, report: &mut ImageReport) -> Result<()> {
    let name = format!("{}@{snap}", parent.spec);
    if let Some(old) = find(parent, snap)? {
        remove(parent, &old, report)?;
    }
    report.step(Change::Made, format!("take snapshot {name}"), || {
        let taken = parent.open()?.snap_create(snap);
        taken.context(|| format!("cannot take snapshot {name}"))
    })
}

/// Removes the snapshot of a clone that is there, unless the clone needs it by its name.
pub(in crate::image) fn forget(
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
pub(in crate::image) fn remove(
    parent: &Found<'_>,
    snap: &Snap,
    report: &mut ImageReport,
) -> Result<()> {
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
