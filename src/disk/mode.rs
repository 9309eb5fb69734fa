//! Flush, and changing the mode of a cache under load.

use std::time::Instant;

use super::attach::climb;
use super::clean::clean;
use super::later;
use super::quiet::while_complete;
use super::record::Intent;
use super::revive::revive;
use super::swap::{self, Stay, start_taking_out};
use super::walk::Walk;
use super::want::knows;
use crate::host::Host;
use crate::job::{DiskJob, LayerName, Report, SetMode};
use crate::model::{CacheMode, Change};
use crate::{Error, Kind, Result};

/// Writes dirty blocks back and proves it; a write-back cache then goes on in write-back.
pub fn flush(host: &Host, ask: &DiskJob, dry_run: bool) -> Result<Report> {
    while_complete(host, &ask.image, dry_run, || Ok(())).map(|(report, ())| report)
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
    let filled_later = later::is_stopped_by(host, &ask.image, dry_run)?;
    let mut walk = start_taking_out(host, &ask.image, "mode", dry_run)?;
    let driver = walk.driver()?;
    knows(driver, ask.mode)?;
    refuse_dirty_shared(&walk, ask)?;
    let began = Instant::now();
    let in_path = walk.disk.record.intent == Intent::Attached;
    let anew = !driver.capabilities().live && in_path && walk.disk.record.mode != ask.mode;
    let around = anew || filled_later;
    if around {
        swap::take_out(&mut walk, Stay::Moment)?;
    } else {
        revive(&mut walk)?;
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
    note(&mut walk, ask.mode, around)?;
    walk.did(LayerName::Record, change, ask.mode.to_string(), began);
    if filled_later {
        // As it was asked for: nobody waits for the seed.
        walk.disk.record.intent = Intent::Attached;
        walk.disk.record.save(&host.roots)?;
        return Ok(later::report(walk, filled_later));
    }
    if around {
        swap::put_in(&mut walk)?;
    } else {
        climb(&mut walk)?;
    }
    Ok(walk.report(true))
}

/// Several VMs that have one image at once each read it past the others' caches.
fn refuse_dirty_shared(walk: &Walk<'_>, ask: &SetMode) -> Result<()> {
    if walk.disk.record.shared.is_none() || !ask.mode.can_be_dirty() {
        return Ok(());
    }
    let message = format!("several VMs may have image {} at once", ask.image);
    Err(Error::new(Kind::Usage, message).remedy("its cache never holds what the image lacks"))
}

/// The mode in the record: in a dry run too, so that the cache layer says what it would become; but saved only for real, and
/// not here when the cache goes `around`, in again with the mode.
fn note(walk: &mut Walk<'_>, mode: CacheMode, around: bool) -> Result<()> {
    walk.disk.record.mode = mode;
    if walk.dry_run {
        return Ok(());
    }
    if !around {
        walk.disk.record.save(&walk.host.roots)?;
    }
    if !mode.can_be_dirty() && walk.disk.image.is_some() {
        tell_others(walk)?;
    }
    Ok(())
}

/// What other hosts are told of the mode, in the lease; by a run that was killed after the record was saved they were not.
fn tell_others(walk: &mut Walk<'_>) -> Result<()> {
    walk.with_lease(|cell, me, record| {
        let holder = cell.lease.holder.as_ref();
        let stale = holder.is_some_and(|holder| holder.mode != record.mode);
        match stale && cell.is_held_by(me) && !cell.is_dirty_by(me) {
            true => cell.mark_clean(me, &record.driver, record.mode),
            false => Ok(()),
        }
    })
}
