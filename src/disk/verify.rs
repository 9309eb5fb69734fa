//! `seed --verify`: whether what the cache serves is what the image has.

use std::time::Instant;

use super::clean::lease_is_dirty;
use super::fill::{allocated, apart};
use super::revive::way_home;
use super::swap::start;
use super::walk::Walk;
use crate::cache::{Cache, Stats};
use crate::host::Host;
use crate::job::{LayerName, Report, SeedJob};
use crate::model::{Bytes, Change, SeedSpec};
use crate::seed::{self, BlockSize};
use crate::{Error, Kind, Result};

/// Reads every allocated block both through the cache and from the RBD, and compares them.
///
/// What is resident comes from the SSD, the rest from Ceph on both ways, so the whole image is compared as the guest
/// would read it; the cache's own counters say how much of it came from the SSD. A guest that writes meanwhile can make a
/// block differ for a moment: verify a disk at rest.
pub fn verify(host: &Host, ask: &SeedJob) -> Result<Report> {
    let mut walk = start(host, &ask.image, "verify", false)?;
    walk.rate = ask.rate.or(walk.rate);
    let began = Instant::now();
    let before = counters(&mut walk)?;
    if before.dirty > Bytes(0) {
        let message = format!(
            "{} of {} are dirty: the image lacks them",
            before.dirty, ask.image
        );
        return Err(Error::new(Kind::Dirty, message).remedy("`warmblock flush` first, then verify"));
    }
    let origin = walk.origin()?;
    let top = walk.driver()?.top(&walk.site()?)?;
    let size = origin.size.bytes();
    let block = BlockSize::new(walk.disk.record.block)?;
    let extents = allocated(&mut walk, SeedSpec::Allocated, size)?;
    let plan = seed::plan(SeedSpec::Allocated, extents, size, block, u64::MAX);
    let found = seed::verify_apart(&apart(&walk, &plan, &origin.path, &top.path))?;
    let after = counters(&mut walk)?;
    let hits = after.read_hits.saturating_sub(before.read_hits);
    let what = format!(
        "{} blocks compared, {} different; {hits} reads came from the SSD, {} resident",
        found.compared, found.different, after.resident
    );
    walk.did(LayerName::Cache, Change::Kept, what, began);
    found.check()?;
    walk.verify = Some(found);
    Ok(walk.report(true))
}

fn counters(walk: &mut Walk<'_>) -> Result<Stats> {
    let image = walk.disk.record.image.clone();
    match walk.driver()?.probe(walk.host, &walk.disk.record.key)? {
        Cache::Up { stats, .. } => Ok(stats),
        Cache::Absent => Err(Error::new(
            Kind::NotFound,
            format!("image {image} has no cache in its path"),
        )
        .remedy("`warmblock insert` puts one in")),
        Cache::Broken { why } if lease_is_dirty(walk)? => {
            let message = format!("the cache of {image} failed with what the image lacks: {why}");
            Err(Error::new(Kind::Dirty, message).remedy(way_home(&image)))
        }
        Cache::Broken { why } => Err(Error::new(
            Kind::Failed,
            format!("the cache of {image} does not work: {why}"),
        )
        .remedy(format!(
            "`warmblock bypass {image}` takes it out of the path"
        ))),
    }
}
