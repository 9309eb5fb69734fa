//! Taking the cache out of the path and putting it in again, under a running VM; and seeding anew, which is both.

use std::time::Instant;

use super::attach::{climb, note_client};
use super::clean::{clean, lease_is_dirty, reopen};
use super::fill::refuse_beneath_a_guest;
use super::fits::refuse_what_does_not_fit;
use super::later;
use super::layers::{Found, Front, Layer as _, LeaseLayer, Link, Map, Slice, close, leave};
use super::open::OpenDisk;
use super::record::Intent;
use super::revive::revive;
use super::walk::Walk;
use super::want::{Exchange, seedable};
use crate::cache::{self, Cache};
use crate::host::Host;
use crate::job::{DiskJob, Insert, LayerName, Report, SeedJob};
use crate::model::{Change, ImageSpec, SeedSpec};
use crate::{Error, Kind, Result};

/// Takes the cache out of the path: flush, prove clean, exchange the front's table, remove the cache. The slice stays.
pub fn bypass(host: &Host, ask: &DiskJob, dry_run: bool) -> Result<Report> {
    let mut walk = start_taking_out(host, &ask.image, "bypass", dry_run)?;
    walk.disk.record.kept_out = true;
    take_out(&mut walk, Stay::Out)?;
    Ok(walk.report(true))
}

/// Puts a cache into the path, cold but for what is seeded: what it held before the bypass may be stale. One that was taken out to stay
/// out does, if it is only to come `back`; a hand-over is called off then as well.
///
/// Where nobody waits for the seed, it goes on after the answer: see [`later`].
pub fn insert(host: &Host, ask: &Insert, dry_run: bool) -> Result<Report> {
    if ask.seed_later
        && let Some(report) = later::is_filled(host, &ask.image, dry_run)?
    {
        return Ok(report);
    }
    let mut walk = start(host, &ask.image, "insert", dry_run)?;
    walk.disk.force.patient = ask.patient;
    if ask.back && walk.disk.record.kept_out {
        walk.calls_off = true;
        walk.up::<LeaseLayer>()?;
        return Ok(walk.report(true));
    }
    walk.rate = ask.rate.or(walk.rate);
    if let Some(seed) = ask.seed {
        seedable(walk.driver()?, seed)?;
        walk.disk.record.seed = seed;
    }
    if !ask.seed_later {
        put_in(&mut walk)?;
        return Ok(walk.report(true));
    }
    walk.disk.record.rate = ask.rate.or(walk.disk.record.rate);
    let left = put_in_by(&mut walk, later::climb)?;
    Ok(later::report(walk, left == Some(true)))
}

/// Takes over the size that the image has now: the cache leaves the path, the front takes the size, and the cache comes in again.
/// A disk that was bypassed stays so. Its guest can grow whether it is cached or not, so a cache that does not come in again for its
/// own sake is warned of, once the front is seen to lead to the RBD.
///
/// Errors: [`Kind::NotFound`] only if this host has no such disk mapped, with which a caller may be content; those of `bypass`.
pub fn take_size(host: &Host, ask: &DiskJob, dry_run: bool) -> Result<Report> {
    let filled_later = later::is_stopped_by(host, &ask.image, dry_run)?;
    let mut walk = start_taking_out(host, &ask.image, "resize", dry_run)?;
    if walk.disk.record.intent == Intent::Bypassed {
        take_out(&mut walk, Stay::Out).map_err(not_of_the_disk)?;
        return Ok(walk.report(true));
    }
    take_out(&mut walk, Stay::Moment).map_err(not_of_the_disk)?;
    if filled_later {
        return Ok(later::report(walk, filled_later));
    }
    match put_in(&mut walk) {
        Err(error) if is_the_caches(&error) && is_served_by_origin(&mut walk) => {
            let message = format!(
                "it has its new size, and no cache: {}; `warmblock insert {}` tries again",
                error.chain(),
                ask.image
            );
            walk.warnings.push(message);
        }
        done => done.map_err(not_of_the_disk)?,
    }
    Ok(walk.report(true))
}

/// Whether a failure is about the cache alone, so that a disk without it is as good: no room for it, or a tool or the kernel that does
/// not make it. Whatever is about the image, its lease or its data is not, and nor is a stop.
fn is_the_caches(error: &Error) -> bool {
    let kind = error.kind();
    let caches = matches!(
        kind,
        Kind::NoSpace | Kind::Missing | Kind::Failed | Kind::Timeout
    );
    caches && error.cleanup_errors().is_empty()
}

/// Whether the front leads to the RBD, as large as that is, and the record wants it so.
fn is_served_by_origin(walk: &mut Walk<'_>) -> bool {
    walk.disk.record.intent == Intent::Bypassed && matches!(Front::probe(walk), Ok(Found::Right(_)))
}

/// That something is not there is no word about the disk, which is.
fn not_of_the_disk(error: Error) -> Error {
    if error.kind() != Kind::NotFound {
        return error;
    }
    let message = "the disk is here, and did not take the new size over";
    Error::new(Kind::Failed, message).because(error)
}

/// Seeds the cache of an attached disk anew, under load.
pub fn seed(host: &Host, ask: &SeedJob, dry_run: bool) -> Result<Report> {
    let mut walk = start_taking_out(host, &ask.image, "seed", dry_run)?;
    walk.rate = ask.rate.or(walk.rate);
    if walk.disk.record.driver.as_str() == "none" {
        return Err(Error::new(
            Kind::Usage,
            format!("image {} has no cache to seed", ask.image),
        )
        .remedy("detach it, then attach it with a cache driver"));
    }
    let what = ask.what.unwrap_or(SeedSpec::Allocated);
    seedable(cache::driver(host, &walk.disk.record.driver)?, what)?;
    if let Some(what) = ask.what {
        walk.disk.record.seed = what;
    }
    take_out(&mut walk, Stay::Moment)?;
    put_in(&mut walk)?;
    Ok(walk.report(true))
}

/// Exchanges the cache of a disk for one of another driver, under load: the old one is flushed, proven clean, taken out of
/// the path and removed with its slice; then the record says what is wanted instead, and that is put in. A disk that was
/// left between the two is served from Ceph, and asking again goes on.
pub(super) fn exchange(walk: &mut Walk<'_>, new: Exchange) -> Result<()> {
    refuse_beneath_a_guest(walk, &new.driver)?;
    walk.up::<LeaseLayer>()?;
    walk.up::<Map>()?;
    note_client(walk)?;
    if lease_is_dirty(walk)? {
        // It may have to be opened again, to be written back.
        walk.up::<Slice>()?;
    } else if let Err(error) = Slice::probe(walk) {
        walk.warnings.push(error.chain());
    }
    refuse_what_does_not_fit(walk, &new)?;
    take_out(walk, Stay::Out)?;
    walk.down::<Slice>()?;
    leave(walk)?;
    let began = Instant::now();
    let record = &mut walk.disk.record;
    let what = format!("{} {} instead of {}", new.driver, new.mode, record.driver);
    record.driver = new.driver;
    record.mode = new.mode;
    record.size = new.size;
    record.seed = new.seed;
    walk.warnings.extend(new.warning);
    if !walk.dry_run {
        walk.with_lease(|cell, me, record| cell.mark_clean(me, &record.driver, record.mode))?;
        walk.disk.record.save(&walk.host.roots)?;
    }
    walk.did(LayerName::Record, Change::Altered, what, began);
    put_in(walk)
}

/// Opens a disk that is up on this host. A cache that failed is left as it is: only a verb that brings the front up again may
/// [`revive`] it, once it is known that the verb may do what it was asked for.
///
/// Errors: [`Kind::NotFound`] if it is not mapped, [`Kind::Busy`] if a detach of it was interrupted.
pub(super) fn start<'h>(
    host: &'h Host,
    image: &ImageSpec,
    what: &str,
    dry_run: bool,
) -> Result<Walk<'h>> {
    started(host, OpenDisk::existing(host, image, what)?, dry_run)
}

/// The same, to take its cache out of the path: a seed in the background is stopped for it.
pub(super) fn start_taking_out<'h>(
    host: &'h Host,
    image: &ImageSpec,
    what: &str,
    dry_run: bool,
) -> Result<Walk<'h>> {
    if dry_run {
        return start(host, image, what, dry_run);
    }
    started(
        host,
        OpenDisk::without_its_cache(host, image, what)?,
        dry_run,
    )
}

fn started(host: &Host, disk: OpenDisk, dry_run: bool) -> Result<Walk<'_>> {
    let image = disk.record.image.clone();
    if disk.record.intent == Intent::Detached {
        return Err(
            Error::new(Kind::Busy, format!("a detach of {image} was interrupted")).remedy(format!(
                "finish it with `warmblock detach {image}`, or attach it again"
            )),
        );
    }
    let mut walk = Walk::new(host, disk, dry_run);
    Map::probe(&mut walk)?;
    if walk.mapping.is_none() {
        return Err(Error::new(
            Kind::NotFound,
            format!("image {image} has a record here, and is not mapped"),
        )
        .remedy(
            "the host went down since it was attached: run `warmblock recover`, or attach it again",
        ));
    }
    if let Err(error) = Slice::probe(&mut walk) {
        // A disk whose SSD does not answer can be taken off it, unless it needs the SSD for its data.
        if lease_is_dirty(&mut walk)? {
            return Err(error);
        }
        walk.warnings.push(error.chain());
    }
    Ok(walk)
}

/// For how long a cache is taken out of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stay {
    /// Until somebody inserts it: the record says so.
    Out,
    /// Until the same verb puts it in again. The record wants it in all the time, so that whoever comes after a kill puts it in.
    Moment,
}

/// Leaves the front on the RBD, and no cache in the kernel.
pub(super) fn take_out(walk: &mut Walk<'_>, stay: Stay) -> Result<()> {
    revive(walk)?;
    let began = Instant::now();
    let cached = walk.driver()?.probe(walk.host, &walk.disk.record.key)?;
    let there = cached != Cache::Absent;
    if !walk.dry_run {
        if let Cache::Up {
            stuck: true,
            running,
            ..
        } = cached
        {
            // Its I/O is held back, and the front could not be exchanged before that ends.
            walk.driver()?.switch(&walk.site()?, running)?;
        }
        if there {
            clean(walk)?;
        } else if lease_is_dirty(walk)? {
            reopen(walk)?;
        }
    }
    walk.disk.record.intent = Intent::Bypassed;
    if !walk.dry_run && stay == Stay::Out {
        walk.disk.record.save(&walk.host.roots)?;
    }
    walk.up::<Front>()?;
    let change = if there {
        Change::Removed
    } else {
        Change::Absent
    };
    if there && !walk.dry_run {
        close(walk)?;
    }
    walk.did(LayerName::Cache, change, "not in the path", began);
    walk.up::<Link>()
}

/// Brings the stack up with the cache in the path. If that fails on a disk that was bypassed, it is bypassed again.
pub(super) fn put_in(walk: &mut Walk<'_>) -> Result<()> {
    put_in_by(walk, climb).map(|_| ())
}

/// The same, brought up like this; what that gives, unless nothing is to be changed.
fn put_in_by<T>(
    walk: &mut Walk<'_>,
    climb: impl FnOnce(&mut Walk<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let bypassed = walk.disk.record.intent == Intent::Bypassed;
    walk.disk.record.intent = Intent::Attached;
    walk.disk.record.kept_out = false;
    if walk.dry_run {
        return plan(walk).map(|()| None);
    }
    revive(walk)?;
    if walk.disk.record.uncached {
        // It has no slice, and gets one where the configuration has it now.
        let configured = walk.host.config.slice.vg.clone();
        walk.disk.record.vg = configured.or(walk.disk.record.vg.take());
        walk.disk.record.uncached = false;
    }
    walk.disk.record.save(&walk.host.roots)?;
    match climb(walk) {
        Err(error) if bypassed => Err(error.and_then_cleanup(take_out(walk, Stay::Out))),
        done => done.map(Some),
    }
}

/// What putting a cache in would do. The layers cannot tell as long as the old cache is there.
fn plan(walk: &mut Walk<'_>) -> Result<()> {
    let record = &walk.disk.record;
    let what = format!("{} {}, seed {}", record.driver, record.mode, record.seed);
    walk.did(LayerName::Cache, Change::Made, what, Instant::now());
    walk.did(
        LayerName::Front,
        Change::Altered,
        "leads to the cache",
        Instant::now(),
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cache_may_be_missing_after_a_resize() {
        let failed = |kind| is_the_caches(&Error::new(kind, "it"));
        let warned: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| failed(*kind)).collect();
        assert_eq!(
            warned,
            [Kind::NoSpace, Kind::Missing, Kind::Timeout, Kind::Failed]
        );
        let unclean = Error::new(Kind::NoSpace, "no room");
        let unclean = unclean.and_then_cleanup(Err(Error::new(Kind::Failed, "stuck")));
        assert!(!is_the_caches(&unclean));
    }

    /// With which the driver of OpenNebula is content.
    #[test]
    fn what_a_disk_lacks_is_not_a_disk_that_is_not_here() {
        let lacks = |kind| not_of_the_disk(Error::new(kind, "no pool"));
        assert_eq!(lacks(Kind::NotFound).kind(), Kind::Failed);
        assert!(lacks(Kind::NotFound).chain().contains("no pool"));
        assert_eq!(lacks(Kind::LeaseHeld).kind(), Kind::LeaseHeld);
    }
}
