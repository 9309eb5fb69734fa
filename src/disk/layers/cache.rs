//! The cache: the composite device, and the moments at which the lease must know of dirty data.

use std::time::Instant;

use super::front::{has_front, lead_to_origin, leads_to};
use super::modules::load_modules;
use super::slice::{do_without, uncached};
use super::{Found, Layer, Slice, shared};
use crate::cache::{Cache, Driver, Filled, Running};
use crate::disk::clean::{clean, give_up, lease_is_dirty, reopen};
use crate::disk::fill;
use crate::disk::record::Intent;
use crate::disk::revive::revive;
use crate::disk::walk::Walk;
use crate::disk::way_back;
use crate::host::Host;
use crate::job::LayerName;
use crate::model::{Bytes, Change, OnFull, Role};
use crate::sys::{Block, memory};
use crate::{Error, Kind, Result};

/// A cache may take so large a part of the memory that is left.
const MEMORY_SHARE: u64 = 4;

/// See the module.
#[derive(Debug)]
pub(in crate::disk) struct CacheLayer;

impl Layer for CacheLayer {
    const NAME: LayerName = LayerName::Cache;

    fn probe(walk: &mut Walk<'_>) -> Result<Found> {
        let record = &walk.disk.record;
        let seen = walk.driver()?.probe(walk.host, &record.key)?;
        if seen == Cache::Absent && !walk.driver()?.caches() {
            return Ok(Found::Right("none".into()));
        }
        let (driver, mode) = (&record.driver, record.mode);
        if seen != Cache::Absent && record.intent == Intent::Detached {
            return Ok(Found::Right(format!("{driver} {mode}")));
        }
        Ok(match judge(walk, &seen)? {
            Verdict::Absent => Found::Absent {
                wanted: format!(
                    "{driver} {mode}, {} blocks, seed {}",
                    record.block, record.seed
                ),
            },
            Verdict::Good => Found::Right(format!("{driver} {mode}")),
            Verdict::Switch(why) | Verdict::Anew(why) => Found::Wrong { why },
        })
    }

    fn up(walk: &mut Walk<'_>, _found: &Found) -> Result<()> {
        revive(walk)?;
        let seen = walk.driver()?.probe(walk.host, &walk.disk.record.key)?;
        match judge(walk, &seen)? {
            Verdict::Good => Ok(()),
            Verdict::Absent => {
                if lease_is_dirty(walk)? {
                    reopen(walk)?;
                }
                prepare_or_do_without(walk)
            }
            Verdict::Switch(_) => {
                clean(walk)?;
                serve(walk)
            }
            Verdict::Anew(_) => {
                retreat(walk)?;
                prepare_or_do_without(walk)
            }
        }
    }

    fn instead(walk: &Walk<'_>) -> Option<String> {
        uncached(walk)
    }

    /// Proves it clean, or refuses.
    fn down(walk: &mut Walk<'_>, _found: &Found) -> Result<()> {
        if walk.disk.force.discard_dirty {
            give_up(walk)?;
        } else {
            clean(walk)?;
        }
        close(walk)
    }
}

/// What is to be done with what is in the kernel.
enum Verdict {
    /// Nothing is there.
    Absent,
    /// It is as the record wants it.
    Good,
    /// It is coherent, and does something else.
    Switch(String),
    /// What it holds is worth nothing.
    Anew(String),
}

/// Judges a cache. One is coherent only while the front leads to it: what was written past it, it has missed.
fn judge(walk: &Walk<'_>, seen: &Cache) -> Result<Verdict> {
    let (running, size, stuck, num) = match seen {
        Cache::Absent => return Ok(Verdict::Absent),
        Cache::Broken { why } => return Ok(Verdict::Anew(why.clone())),
        Cache::Up {
            running,
            size,
            stuck,
            num,
            ..
        } => (*running, *size, *stuck, *num),
    };
    let mode = walk.disk.record.mode;
    let mapping = walk.mapping.as_ref();
    if mapping.is_none_or(|mapping| mapping.size.sectors() != size) {
        return Ok(Verdict::Anew("made anew for the image's new size".into()));
    }
    if !leads_to(walk, num)? {
        return Ok(Verdict::Anew("it was out of the path; made anew".into()));
    }
    let interrupted = "an exchange of its table was interrupted";
    Ok(match running {
        Running::Filling => Verdict::Anew("its seeding was interrupted; seeded anew".into()),
        running if running == Running::Serving(mode) && !stuck => Verdict::Good,
        _ if stuck => Verdict::Switch(format!("{interrupted}; {mode}")),
        Running::Draining if walk.flush.is_some() => {
            Verdict::Switch(format!("written back; now {mode}"))
        }
        Running::Draining => Verdict::Switch(format!("it was draining; now {mode}")),
        Running::Serving(other) => Verdict::Switch(format!("{other} changed to {mode}")),
    })
}

/// A cache that has no place for one more disk, of a driver whose disks share one, is a lack of room like any other.
fn prepare_or_do_without(walk: &mut Walk<'_>) -> Result<()> {
    let began = Instant::now();
    match prepare(walk) {
        Err(error) if error.kind() == Kind::NoSpace && walk.disk.on_full == OnFull::Bypass => {
            if lease_is_dirty(walk)? {
                return Err(error);
            }
            close(walk)?;
            walk.plan = None;
            do_without(walk, &error)?;
            walk.did(LayerName::Slice, Change::Removed, "not needed", began);
            Ok(())
        }
        other => other,
    }
}

/// Writes the cache's metadata for what is to be seeded, and opens it: filling, or at once serving if there is nothing
/// to fill.
fn prepare(walk: &mut Walk<'_>) -> Result<()> {
    if walk.driver()?.whole() {
        follow_size(walk)?;
        if !walk.driver()?.caches() {
            return Ok(());
        }
    }
    refuse_larger_sectors(walk)?;
    let data = walk.parts.iter().find(|(role, _)| *role == Role::Data);
    let data = data.map_or(Bytes(0), |(_, data)| data.size.bytes());
    refuse_without_memory(walk.host, walk.driver()?, data)?;
    walk.plan = fill::plan(walk)?;
    load_modules(walk)?;
    fill::spare_a_guest(walk)?;
    let driver = walk.driver()?;
    shared::format(walk)?;
    driver.format(&walk.site()?, walk.plan.as_ref())?;
    if !driver.capabilities().live {
        // It is filled in the mode in which it will serve.
        announce(walk)?;
    }
    match walk.plan {
        Some(_) => driver.open(&walk.site()?, Running::Filling).map(drop),
        // A cache that is shared may have no place for this disk, and says so before the lease speaks of dirty data.
        None if driver.shares() => {
            driver.open(&walk.site()?, Running::Filling)?;
            settle(walk).map(drop)
        }
        None => serve(walk),
    }
}

/// A slice that holds the whole image is as large as the image is now.
fn follow_size(walk: &mut Walk<'_>) -> Result<()> {
    let size = walk.origin()?.size.bytes();
    if walk.disk.record.size == size {
        return Ok(());
    }
    walk.disk.record.size = size;
    walk.disk.record.save(&walk.host.roots)?;
    walk.up::<Slice>()
}

/// Refuses an SSD whose sectors are larger than the image's: the disk would take them over, and a guest's partition table
/// and its smaller I/O would not fit any more.
fn refuse_larger_sectors(walk: &Walk<'_>) -> Result<()> {
    let sector = |num| -> Result<Bytes> {
        let block = Block::read(&walk.host.roots, num)?;
        Ok(block.map_or(Bytes(512), |block| block.logical_block))
    };
    let image = sector(walk.origin()?.number)?;
    for (_, part) in &walk.parts {
        let ssd = sector(part.number)?;
        if ssd > image {
            let message = format!("the SSD has sectors of {ssd}, and the image of {image}");
            return Err(Error::new(Kind::Mismatch, message).remedy(
                "format the SSD with 512-byte sectors (`nvme format --lbaf`), or attach with --driver none",
            ));
        }
    }
    Ok(())
}

/// Refuses a cache with so large a data volume that takes more of the host's memory than it should: what guests need would be killed for it.
pub(in crate::disk) fn refuse_without_memory(
    host: &Host,
    driver: &dyn Driver,
    data: Bytes,
) -> Result<()> {
    let needed = driver.memory(data);
    if needed == Bytes(0) {
        return Ok(());
    }
    let available = memory::available(&host.roots)?;
    match needed <= Bytes(available.0 / MEMORY_SHARE) {
        true => Ok(()),
        false => Err(too_large(driver.name().as_str(), needed, available)),
    }
}

fn too_large(driver: &str, needed: Bytes, available: Bytes) -> Error {
    let message = format!(
        "a slice of this size takes {needed} of memory with driver {driver}, and the host has {available} left, of which a cache \
         may take one part in {MEMORY_SHARE}"
    );
    Error::new(Kind::NoSpace, message)
        .remedy("choose a smaller slice with --size, or [slice] size; or the driver dm-cache, which takes next to none")
}

/// Makes the cache serve in the record's mode.
pub(in crate::disk) fn serve(walk: &mut Walk<'_>) -> Result<()> {
    announce(walk)?;
    let (driver, mode) = (walk.driver()?, walk.disk.record.mode);
    match driver.probe(walk.host, &walk.disk.record.key)? {
        Cache::Absent => driver.open(&walk.site()?, Running::Serving(mode)).map(drop),
        // What it maps was not copied yet.
        Cache::Up {
            running: Running::Filling,
            ..
        } => Err(filling(walk)),
        _ => driver.switch(&walk.site()?, Running::Serving(mode)),
    }
}

/// The error for a cache that was left while it was being filled.
fn filling(walk: &Walk<'_>) -> Error {
    let image = &walk.disk.record.image;
    let message = format!("the cache of {image} is not filled: its seeding was interrupted");
    let remedy = format!("run `warmblock attach {image}` again, which seeds it anew");
    Error::new(Kind::Busy, message).remedy(remedy)
}

/// Makes a cache that was filled serve in the record's mode.
pub(in crate::disk) fn settle(walk: &mut Walk<'_>) -> Result<Filled> {
    announce(walk)?;
    walk.driver()?.settle(&walk.site()?, walk.disk.record.mode)
}

/// Lets the lease say that there may be dirty data, before there can be any; and before that, sees to the way back.
fn announce(walk: &mut Walk<'_>) -> Result<()> {
    if !walk.disk.record.mode.can_be_dirty() {
        return Ok(());
    }
    if walk.driver()?.whole() && !lease_is_dirty(walk)? {
        way_back::take(walk)?;
    }
    let cache_id = walk
        .cache_id
        .clone()
        .ok_or_else(|| Error::new(Kind::Internal, "a write-back cache without a slice"))?;
    walk.with_lease(|cell, me, _record| cell.mark_dirty(me, &cache_id))
}

/// Takes a cache that is not (yet) worth keeping out of the path and out of the kernel.
fn retreat(walk: &mut Walk<'_>) -> Result<()> {
    clean(walk)?;
    if has_front(walk)? {
        lead_to_origin(walk)?;
    }
    close(walk)
}

/// Takes the cache out of the kernel and makes its slice worthless.
pub(in crate::disk) fn close(walk: &mut Walk<'_>) -> Result<()> {
    let driver = walk.driver()?;
    driver.close(walk.host, &walk.disk.record.key)?;
    // Only a slice that is there can be wiped; one that is gone or inactive is formatted before its next use.
    let there = !walk.parts.is_empty() && walk.mapping.is_some();
    let wiped = if there {
        driver.wipe(&walk.site()?)
    } else {
        Ok(())
    };
    if let Err(error) = wiped {
        // Not wiped is not dangerous, for a slice is formatted before its next use; an SSD that fails must not keep its
        // disk here.
        walk.warnings.push(error.chain());
    }
    Ok(())
}
