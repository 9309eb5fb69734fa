//! Taking the cache out of the path and putting it in again, under a running VM; and seeding anew, which is both.

use std::time::Instant;

use super::attach::climb;
use super::clean::{clean, lease_is_dirty, reopen};
use super::layers::{Front, Layer as _, Link, Map, Slice, close};
use super::open::OpenDisk;
use super::record::Intent;
use super::walk::Walk;
use crate::cache::Cache;
use crate::host::Host;
use crate::job::{DiskJob, Insert, LayerName, Report, SeedJob};
use crate::model::{Change, ImageSpec};
use crate::{Error, Kind, Result};

/// Takes the cache out of the path: flush, prove clean, exchange the front's table, remove the cache. The slice stays.
pub fn bypass(host: &Host, ask: &DiskJob, dry_run: bool) -> Result<Report> {
    let mut walk = start(host, &ask.image, "bypass", dry_run)?;
    take_out(&mut walk)?;
    Ok(walk.report(true))
}

/// Puts a cache into the path, cold but for what is seeded: what it held before the bypass may be stale.
pub fn insert(host: &Host, ask: &Insert, dry_run: bool) -> Result<Report> {
    let mut walk = start(host, &ask.image, "insert", dry_run)?;
    walk.rate = ask.rate.or(walk.rate);
    if let Some(seed) = ask.seed {
        walk.disk.record.seed = seed;
    }
    put_in(&mut walk)?;
    Ok(walk.report(true))
}

/// Seeds the cache of an attached disk anew, under load.
pub fn seed(host: &Host, ask: &SeedJob, dry_run: bool) -> Result<Report> {
    let mut walk = start(host, &ask.image, "seed", dry_run)?;
    walk.rate = ask.rate.or(walk.rate);
    if walk.disk.record.driver.as_str() == "none" {
        return Err(Error::new(
            Kind::Usage,
            format!("image {} has no cache to seed", ask.image),
        )
        .remedy("detach it, then attach it with a cache driver"));
    }
    if let Some(what) = ask.what {
        walk.disk.record.seed = what;
    }
    take_out(&mut walk)?;
    put_in(&mut walk)?;
    Ok(walk.report(true))
}

/// Opens a disk that is up on this host.
///
/// Errors: [`Kind::NotFound`] if it is not mapped, [`Kind::Busy`] if a detach of it was interrupted.
pub(super) fn start<'h>(
    host: &'h Host,
    image: &ImageSpec,
    what: &str,
    dry_run: bool,
) -> Result<Walk<'h>> {
    let disk = OpenDisk::existing(host, image, what)?;
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

/// Leaves the front on the RBD, no cache in the kernel, and the intent recorded.
pub(super) fn take_out(walk: &mut Walk<'_>) -> Result<()> {
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
    if !walk.dry_run {
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
fn put_in(walk: &mut Walk<'_>) -> Result<()> {
    let bypassed = walk.disk.record.intent == Intent::Bypassed;
    walk.disk.record.intent = Intent::Attached;
    if walk.dry_run {
        return plan(walk);
    }
    walk.disk.record.uncached = false;
    walk.disk.record.save(&walk.host.roots)?;
    match climb(walk) {
        Err(error) if bypassed => Err(error.and_then_cleanup(take_out(walk))),
        done => done,
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
