//! Taking the cache out of the path and putting it in again, under a running VM; and seeding anew, which is both.

use std::time::Instant;

use super::attach::climb;
use super::clean::clean;
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
    if let Some(seed) = ask.seed {
        walk.disk.record.seed = seed;
    }
    put_in(&mut walk)?;
    Ok(walk.report(true))
}

/// Seeds the cache of an attached disk anew, under load.
pub fn seed(host: &Host, ask: &SeedJob, dry_run: bool) -> Result<Report> {
    let mut walk = start(host, &ask.image, "seed", dry_run)?;
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

fn start<'h>(host: &'h Host, image: &ImageSpec, what: &str, dry_run: bool) -> Result<Walk<'h>> {
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
    Slice::probe(&mut walk)?;
    Ok(walk)
}

/// Leaves the front on the RBD, no cache in the kernel, and the intent recorded.
pub(super) fn take_out(walk: &mut Walk<'_>) -> Result<()> {
    let began = Instant::now();
    let cached = walk.driver()?.probe(walk.host, &walk.disk.record.key)?;
    let there = cached != Cache::Absent;
    if there && !walk.dry_run {
        clean(walk)?;
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

/// Brings the stack up with the cache in the path.
fn put_in(walk: &mut Walk<'_>) -> Result<()> {
    if !walk.dry_run {
        walk.disk.record.intent = Intent::Attached;
        walk.disk.record.save(&walk.host.roots)?;
    }
    walk.disk.record.intent = Intent::Attached;
    match climb(walk) {
        Ok(()) => Ok(()),
        Err(error) if walk.dry_run => Err(error),
        Err(error) => {
            walk.disk.record.intent = Intent::Bypassed;
            let noted = walk.disk.record.save(&walk.host.roots);
            let served = noted.and_then(|()| walk.up::<Front>());
            Err(error.and_then_cleanup(served))
        }
    }
}
