//! A clone of what an image holds now, whatever snapshots it has.
//!
//! A clone that names none leaves the snapshot `snap` (or a follower) in its parent, for the next clones. This one is a copy that
//! stands by itself, of an image that may never be cloned again: so a snapshot of its own is taken for it, and removed again
//! where the cluster keeps it for the clone by itself (clone format 2).
//! Where it cannot, it stays as long as the clone: whoever removes the clone removes it.

use super::super::reach::{self, Found};
use super::super::report::ImageReport;
use super::super::untake::{find, forget, remove};
use super::CloneImage;
use crate::ceph::Pool;
use crate::host::Host;
use crate::model::{Change, CopySnap, ImageSpec, SnapName, SnapSpec};
use crate::{Context, Kind, Result};

/// Makes the clone, or finds it made.
pub(super) fn clone(host: &Host, ask: &CloneImage, dry_run: bool) -> Result<ImageReport> {
    let of = &ask.parent.image;
    let cluster = host.connect()?;
    let pool = reach::pool(&cluster, of)?;
    let children = reach::pool_to_create(&cluster, &ask.child)?;
    let snap = CopySnap::Clone.of(&reach::named(&ask.child.image)?)?;
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
