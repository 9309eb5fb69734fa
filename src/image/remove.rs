//! Removing an image: all that speaks against it is looked for first, and nothing of anybody else's goes with it.

use std::time::Duration;

use super::clone::fresh;
use super::import;
use super::reach::{self, Found, not_found};
use super::report::ImageReport;
use super::{OneImage, RemoveImage};
use crate::ceph::{Child, Snap, SnapNamespace, ignore};
use crate::host::Host;
use crate::model::{Change, CopySnap, ImageSpec, SnapName};
use crate::{Context, Error, Kind, Result};

/// Removes an image, and what an import of it left that was killed.
///
/// # Errors
/// [`Kind::NotFound`] unless that is allowed; [`Kind::LeaseHeld`] or [`Kind::Dirty`] while it is attached; [`Kind::Busy`]
/// while somebody has it open, it has clones, or it has snapshots that were not to be removed.
pub(super) fn remove(host: &Host, ask: &RemoveImage, dry_run: bool) -> Result<ImageReport> {
    let spec = &ask.image;
    let mut report = ImageReport::new(Some(spec), dry_run);
    let cluster = host.connect()?;
    let pool = reach::pool(&cluster, spec)?;
    let found = match Found::in_pool(pool.clone(), spec) {
        // A removal that was stopped halfway leaves a name without an image; librbd finishes it.
        Err(error) if error.kind() == Kind::NotFound && pool.image_exists(&spec.image)? => None,
        Err(error) if error.kind() == Kind::NotFound && ask.missing_ok => {
            report.change = Some(Change::Absent);
            import::clear(host, &pool, spec, &mut report)?;
            return Ok(report);
        }
        found => Some(found?),
    };
    let mut origin = None;
    if let Some(found) = found {
        let snapshots = removable(&found, ask.snapshots)?;
        remove_snapshots(&found, &snapshots, &mut report)?;
        origin = found.info()?.parent;
        // The image is closed here: an open handle would be in the removal's way.
    }
    report.main_step(Change::Removed, format!("remove image {spec}"), || {
        let removed = pool.remove(&spec.image, &mut ignore).map_err(Error::from);
        removed
            .map_err(|error| explain(host, spec, error))
            .context(|| format!("cannot remove image {spec}"))
    })?;
    if let Some(origin) = origin.filter(|origin| !dry_run && is_for(&origin.snap, spec)) {
        let pool = reach::pool(&cluster, &origin.image)?;
        fresh::forget(&pool, &origin.image, &origin.snap, &mut report)?;
    }
    import::clear(host, &pool, spec, &mut report)?;
    Ok(report)
}

/// Whether a snapshot was taken for this one copy.
fn is_for(snap: &SnapName, copy: &ImageSpec) -> bool {
    let mut names = CopySnap::ALL.into_iter().map(|kind| kind.of(&copy.image));
    names.any(|name| name.as_ref() == Ok(snap))
}

/// Puts an image into the trash, with its snapshots; one that is not there is there already.
///
/// # Errors
/// Those of [`remove`], but for the snapshots.
pub(super) fn discard(host: &Host, ask: &OneImage, dry_run: bool) -> Result<ImageReport> {
    let spec = &ask.image;
    let mut report = ImageReport::new(Some(spec), dry_run);
    let pool = reach::pool(&host.connect()?, spec)?;
    match Found::in_pool(pool.clone(), spec) {
        Err(error) if error.kind() == Kind::NotFound => {
            report.change = Some(Change::Absent);
            return Ok(report);
        }
        found => removable(&found?, true)?,
    };
    report.main_step(
        Change::Removed,
        format!("put {spec} into the trash"),
        || {
            let moved = pool.trash_move(&spec.image, Duration::ZERO);
            moved.context(|| format!("cannot put {spec} into the trash"))
        },
    )?;
    Ok(report)
}

/// The snapshots that have to go first.
fn removable(found: &Found<'_>, with_snapshots: bool) -> Result<Vec<Snap>> {
    let spec = found.spec;
    found.must_be_detached("remove")?;
    found.must_be_unwatched("remove")?;
    let children = found.children()?;
    if !children.is_empty() {
        return Err(has_children(&format!("remove {spec}"), &children));
    }
    let snapshots = found.snapshots()?;
    if let Some(other) = snapshots
        .iter()
        .find(|snap| matches!(snap.namespace, SnapNamespace::Group | SnapNamespace::Mirror))
    {
        return Err(Error::new(
            Kind::Busy,
            format!(
                "cannot remove {spec}: its snapshot {} belongs to a group or to mirroring",
                other.name
            ),
        )
        .remedy("remove it there: `rbd group snap rm`, `rbd mirror image disable`"));
    }
    let own: Vec<Snap> = snapshots
        .into_iter()
        .filter(|snap| snap.namespace == SnapNamespace::User)
        .collect();
    if !own.is_empty() && !with_snapshots {
        let names: Vec<&str> = own.iter().map(|snap| snap.name.as_str()).collect();
        return Err(Error::new(
            Kind::Busy,
            format!(
                "cannot remove {spec}: it has snapshots ({})",
                names.join(", ")
            ),
        )
        .remedy("remove them as well with --snapshots"));
    }
    Ok(own)
}

/// That an image or a snapshot has clones, which are never removed with it.
pub(super) fn has_children(what: &str, children: &[Child]) -> Error {
    /// How many are named.
    const SHOWN: usize = 10;
    let name = |child: &Child| {
        let spec = ImageSpec {
            pool: child.pool.clone(),
            namespace: child.namespace.clone(),
            image: child.image.clone(),
        };
        if child.trash {
            format!("{spec} (in the trash)")
        } else {
            spec.to_string()
        }
    };
    let mut names: Vec<String> = children.iter().take(SHOWN).map(name).collect();
    if children.len() > SHOWN {
        names.push(format!("{} more", children.len() - SHOWN));
    }
    Error::new(Kind::Busy, format!("cannot {what}: it has clones, {}", names.join(", "))).remedy(
        "remove the clones, or part them with `warmblock image flatten`; `rbd trash mv` puts an image with clones away",
    )
}

fn remove_snapshots(found: &Found<'_>, snapshots: &[Snap], report: &mut ImageReport) -> Result<()> {
    if snapshots.is_empty() {
        return Ok(());
    }
    if report.dry_run {
        for snap in snapshots {
            report.planned(
                Change::Removed,
                format!("remove snapshot {}@{}", found.spec, snap.name),
            );
        }
        return Ok(());
    }
    let image = found.open()?;
    for snap in snapshots {
        let name = format!("{}@{}", found.spec, snap.name);
        report.step(Change::Removed, format!("remove snapshot {name}"), || {
            if snap.protected {
                image
                    .snap_unprotect(&snap.name)
                    .context(|| format!("cannot unprotect {name}"))?;
            }
            image
                .snap_remove(&snap.name)
                .context(|| format!("cannot remove {name}"))
        })?;
    }
    image
        .close()
        .context(|| format!("cannot close {}", found.spec))
}

/// Says who is in the way if somebody came between the look and the removal.
fn explain(host: &Host, spec: &ImageSpec, error: Error) -> Error {
    match error.kind() {
        Kind::NotFound => not_found(spec).because(error),
        Kind::Busy => {
            let now = Found::by_name(host, spec).and_then(|found| removable(&found, false));
            now.err()
                .filter(|now| now.kind() != Kind::NotFound)
                .unwrap_or(error)
        }
        _ => error,
    }
}
