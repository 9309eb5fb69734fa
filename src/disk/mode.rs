//! Flush, and changing the mode of a cache under load.

use std::time::Instant;

use super::attach::climb;
use super::clean::{clean, lease_is_dirty};
use super::layers::serve;
use super::record::Intent;
use super::swap::{self, start};
use super::want::knows;
use crate::cache::Cache;
use crate::host::Host;
use crate::job::{DiskJob, FlushProof, LayerName, Report, SetMode};
use crate::model::{CacheMode, Change};
use crate::{Error, Kind, Result};

/// Writes dirty blocks back and proves it; a write-back cache then goes on in write-back.
pub fn flush(host: &Host, ask: &DiskJob, dry_run: bool) -> Result<Report> {
    let mut walk = start(host, &ask.image, "flush", dry_run)?;
    let began = Instant::now();
    let there = !matches!(
        walk.driver()?.probe(host, &walk.disk.record.key)?,
        Cache::Absent
    );
    if !there && !dry_run && lease_is_dirty(&mut walk)? {
        let message = format!(
            "the cache of {} is not in the kernel, and it holds data that the image lacks",
            ask.image
        );
        return Err(Error::new(Kind::Dirty, message)
            .remedy("run `warmblock recover`, which opens it again and writes them back"));
    }
    if there && !dry_run {
        clean(&mut walk)?;
        if walk.disk.record.mode.can_be_dirty() {
            serve(&mut walk)?;
        }
    }
    if walk.flush.is_none() {
        let evidence = if there {
            "a write-through cache has nothing to flush"
        } else {
            "there is no cache"
        };
        walk.flush = Some(FlushProof {
            dirty_before: 0,
            evidence: evidence.into(),
            seconds: 0.0,
        });
    }
    let what = walk
        .flush
        .as_ref()
        .map_or_else(String::new, |proof| proof.evidence.clone());
    walk.did(LayerName::Cache, Change::Kept, what, began);
    Ok(walk.report(true))
}

/// Changes the mode: live where the driver can, else by taking the cache out of the path and putting it in again. Leaving
/// write-back writes everything back and proves it; `none` is bypass.
pub fn set_mode(host: &Host, ask: &SetMode, dry_run: bool) -> Result<Report> {
    if ask.mode == CacheMode::None {
        return swap::bypass(
            host,
            &DiskJob {
                image: ask.image.clone(),
            },
            dry_run,
        );
    }
    let mut walk = start(host, &ask.image, "mode", dry_run)?;
    let driver = walk.driver()?;
    knows(driver, ask.mode)?;
    let began = Instant::now();
    let around = !driver.capabilities().live
        && walk.disk.record.intent == Intent::Attached
        && walk.disk.record.mode != ask.mode;
    if around {
        swap::take_out(&mut walk)?;
    }
    let change = if walk.disk.record.mode == ask.mode {
        Change::Kept
    } else {
        Change::Altered
    };
    if walk.disk.record.mode.can_be_dirty() && !ask.mode.can_be_dirty() && !dry_run {
        // Before the record says so: where Ceph cannot be asked, it is the record that tells whether anything may be dirty.
        clean(&mut walk)?;
    }
    // In a dry run too, so that the cache layer says what it would become; but saved only for real.
    walk.disk.record.mode = ask.mode;
    if !dry_run {
        walk.disk.record.save(&host.roots)?;
    }
    walk.did(LayerName::Record, change, ask.mode.to_string(), began);
    if around {
        swap::put_in(&mut walk)?;
    } else {
        climb(&mut walk)?;
    }
    Ok(walk.report(true))
}
