//! Removing an image: all that speaks against it is looked for first, and nothing of anybody else's goes with it.

use std::time::Duration;

use super::made_for;
use super::pending;
use super::reach::{self, Found, not_found};
use super::replace;
use super::report::ImageReport;
use super::untake;
use super::{OneImage, RemoveImage};
use crate::ceph::{Child, Pool, Snap, SnapNamespace, ignore};
use crate::disk::replacement::there;
use crate::host::Host;
use crate::model::{Beside, Change, CopySnap, ImageSpec, Lease, SnapName};
use crate::sys::wait;
use crate::{Context, Error, Kind, Result};

/// Removes an image, and what an import of it left that was killed.
///
/// # Errors
/// [`Kind::NotFound`] unless that is allowed, or something was left of it; [`Kind::LeaseHeld`] or [`Kind::Dirty`] while it is attached, unless it was left
/// by a dead host; [`Kind::Busy`] while somebody has it open, it has clones, or it has snapshots that were not to be removed.
pub(super) fn remove(host: &Host, ask: &RemoveImage, dry_run: bool) -> Result<ImageReport> {
    let spec = &ask.image;
    let mut report = ImageReport::new(Some(spec), dry_run);
    let cluster = host.connect()?;
    let pool = reach::pool(&cluster, spec)?;
    if is_somebodys(&pool, ask, &mut report)? {
        return Ok(report);
    }
    put_right(host, &pool, ask, &mut report)?;
    // One that had its name given back only now was not asked yet.
    if is_somebodys(&pool, ask, &mut report)? {
        return Ok(report);
    }
    let found = match Found::in_pool(pool.clone(), spec) {
        // A removal that was stopped halfway leaves a name without an image; librbd finishes it.
        Err(error) if error.kind() == Kind::NotFound && there(&pool, spec)? => None,
        Err(error) if error.kind() == Kind::NotFound => {
            clear(host, &pool, spec, &mut report)?;
            if !ask.missing_ok && report.steps.is_empty() {
                return Err(error);
            }
            report.change = Some(Change::Absent);
            return Ok(report);
        }
        found => Some(found?),
    };
    let mut origin = None;
    if let Some(found) = found {
        for snap in may_go(host, &found, ask, &mut report)? {
            untake::remove(&found, &snap, &mut report)?;
        }
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
        untake::forget(&pool, &origin.image, &origin.snap, &mut report)?;
    }
    clear(host, &pool, spec, &mut report)?;
    Ok(report)
}

/// Whether the image does not say that it was made for what it was to be; it stays then, and is told. What says nothing of itself is
/// somebody's as well, as it is for those who make images: another driver's, whose VMs have the same numbers, or another OpenNebula's.
fn is_somebodys(pool: &Pool, ask: &RemoveImage, report: &mut ImageReport) -> Result<bool> {
    let RemoveImage { image, of, .. } = ask;
    if of.is_empty() {
        return Ok(false);
    }
    let says = match Found::in_pool(pool.clone(), image) {
        // Of a name without an image nobody needs anything.
        Err(error) if error.kind() == Kind::NotFound => return Ok(false),
        found => made_for::read(&found?)?,
    };
    if let Some(says) = &says
        && of.iter().any(|of| says.starts_with(of))
    {
        return Ok(false);
    }
    report.change = Some(Change::Kept);
    report.warnings.push(match says {
        Some(says) => format!(
            "{image} was made for {says}, and stays; if nobody needs it, remove it: `warmblock image rm {image}`"
        ),
        None => format!(
            "{image} does not say what it was made for, and stays: it may be another driver's, or another OpenNebula's. See `rbd \
             status {image}` and `rbd info {image}`; if nobody needs it, remove it: `warmblock image rm --snapshots {image}`"
        ),
    });
    Ok(true)
}

/// Nobody has the image, or only a host that left it behind; the snapshots that go with it.
fn may_go(
    host: &Host,
    found: &Found<'_>,
    ask: &RemoveImage,
    report: &mut ImageReport,
) -> Result<Vec<Snap>> {
    let lease = found.lease()?;
    if is_left(&lease, ask) {
        report.warnings.extend(lost(&lease));
        let patience = match report.dry_run {
            true => Duration::ZERO,
            false => host.config.deadline.map,
        };
        until_forgotten(found, patience)?;
    } else {
        found.must_be_detached("remove")?;
        if !report.dry_run {
            found.must_be_left_alone(host, "remove")?;
        }
    }
    removable(found, ask.snapshots)
}

/// Finishes or undoes what the image is half way in; not if it may not go, for then that may still go on.
fn put_right(host: &Host, pool: &Pool, ask: &RemoveImage, report: &mut ImageReport) -> Result<()> {
    let spec = &ask.image;
    if !replace::is_half_way(pool, spec)? {
        return Ok(());
    }
    match Found::in_pool(pool.clone(), spec) {
        Err(error) if error.kind() == Kind::NotFound => {}
        found => drop(may_go(
            host,
            &found?,
            ask,
            &mut ImageReport::new(Some(spec), true),
        )?),
    }
    replace::finish(host, pool, spec, report)
}

/// What was to become the image, or was it before, and is left of something that was killed.
pub(super) fn clear(
    host: &Host,
    pool: &Pool,
    spec: &ImageSpec,
    report: &mut ImageReport,
) -> Result<()> {
    pending::clear(host, pool, spec, report)?;
    replace::clear(host, pool, spec, report)
}

/// Whether a snapshot was taken for this one copy.
fn is_for(snap: &SnapName, copy: &ImageSpec) -> bool {
    // One that was exchanged has another name by now.
    let was = Beside::stem(&copy.image);
    // And so has one that was not finished.
    let will_be = reach::named(&copy.image).ok();
    let copies = was.iter().chain(&will_be).chain([&copy.image]);
    let mut names = copies.flat_map(|copy| CopySnap::ALL.map(|kind| kind.of(copy)));
    names.any(|name| name.as_ref() == Ok(snap))
}

/// Puts an image into the trash, with its snapshots; one that is not there is there already. What an import of it left that was
/// killed is removed: it is nobody's.
///
/// # Errors
/// Those of [`remove`], but for the snapshots.
pub(super) fn discard(host: &Host, ask: &OneImage, dry_run: bool) -> Result<ImageReport> {
    let spec = &ask.image;
    let mut report = ImageReport::new(Some(spec), dry_run);
    let pool = reach::pool(&host.connect()?, spec)?;
    let as_removed = RemoveImage::whole(spec.clone());
    put_right(host, &pool, &as_removed, &mut report)?;
    match Found::in_pool(pool.clone(), spec) {
        Err(error) if error.kind() == Kind::NotFound => {
            report.change = Some(Change::Absent);
            clear(host, &pool, spec, &mut report)?;
            return Ok(report);
        }
        found => {
            let found = found?;
            found.must_be_detached("remove")?;
            if !dry_run {
                found.must_be_left_alone(host, "remove")?;
            }
            removable(&found, true)?
        }
    };
    report.main_step(
        Change::Removed,
        format!("put {spec} into the trash"),
        || {
            let moved = pool.trash_move(&spec.image, Duration::ZERO);
            moved.context(|| format!("cannot put {spec} into the trash"))
        },
    )?;
    clear(host, &pool, spec, &mut report)?;
    Ok(report)
}

/// Whether the lease is of a host that left the image behind, so that nobody will ever give it back.
fn is_left(lease: &Lease, ask: &RemoveImage) -> bool {
    lease.holder.as_ref().is_some_and(|holder| {
        let left = ask.left_by.iter().any(|host| host.may_be(&holder.host));
        left && (ask.discard_dirty || !holder.dirty)
    })
}

/// What goes with an image that its host left behind.
fn lost(lease: &Lease) -> Option<String> {
    let host = lease.dirty_on()?;
    Some(format!(
        "an unknown amount of acknowledged writes, which only the cache on host {host} held, is given up"
    ))
}

/// Waits until Ceph has forgotten the client of a host that died. One that it does not forget is alive, whoever says
/// otherwise, and is not barred: a kernel has one client for all its images, so all its disks would fail with this one.
fn until_forgotten(found: &Found<'_>, patience: Duration) -> Result<()> {
    let mut failed = None;
    wait::poll(patience, || match found.watchers() {
        Ok(watchers) => watchers.is_empty().then_some(()),
        Err(error) => {
            failed = Some(error);
            Some(())
        }
    });
    // Whoever is left is told of by those who look at watchers next.
    failed.map_or(Ok(()), Err)
}

/// That nobody else needs what is in the image: no clones, and no snapshots of a group or of mirroring.
///
/// # Errors
/// [`Kind::Busy`]
pub(super) fn in_the_way(found: &Found<'_>) -> Result<()> {
    let spec = found.spec;
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
    Ok(())
}

/// The snapshots that have to go first.
fn removable(found: &Found<'_>, with_snapshots: bool) -> Result<Vec<Snap>> {
    let spec = found.spec;
    found.must_be_unwatched("remove")?;
    in_the_way(found)?;
    let own: Vec<Snap> = found
        .snapshots()?
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

/// Says who is in the way if somebody came between the look and the removal.
fn explain(host: &Host, spec: &ImageSpec, error: Error) -> Error {
    match error.kind() {
        Kind::NotFound => not_found(spec).because(error),
        Kind::Busy => {
            let now = Found::by_name(host, spec).and_then(|found| {
                found.must_be_detached("remove")?;
                removable(&found, false)
            });
            now.err()
                .filter(|now| now.kind() != Kind::NotFound)
                .unwrap_or(error)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CacheMode, HostName, LeaseHolder};

    fn lease(dirty: bool) -> Lease {
        let holder = LeaseHolder {
            host: "kvm1".parse().unwrap(),
            boot_id: "b".into(),
            since: 0,
            driver: "dm-cache".parse().unwrap(),
            mode: CacheMode::Writeback,
            dirty,
            cache_id: dirty.then(|| "lv".into()),
            moving: None,
            client: None,
        };
        Lease {
            holder: Some(holder),
            ..Lease::default()
        }
    }

    #[test]
    fn only_what_a_named_host_left_is_free_to_go() {
        let left = |lease: &Lease, by: &[&str], discard_dirty| {
            let left_by: Vec<HostName> = by.iter().map(|host| host.parse().unwrap()).collect();
            let ask = RemoveImage {
                image: "one/one-42-12-0".parse().unwrap(),
                snapshots: true,
                missing_ok: true,
                left_by,
                discard_dirty,
                of: Vec::new(),
            };
            is_left(lease, &ask)
        };
        assert!(left(&lease(false), &["kvm2", "kvm1.example.org"], false));
        assert!(!left(&lease(false), &["kvm2"], true) && !left(&lease(false), &[], true));
        assert!(!left(&lease(true), &["kvm1"], false) && left(&lease(true), &["kvm1"], true));
        assert!(!left(&Lease::default(), &["kvm1"], true), "free");
        assert!(lost(&lease(true)).unwrap().contains("kvm1") && lost(&lease(false)).is_none());
    }
}
