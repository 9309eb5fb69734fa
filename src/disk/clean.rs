//! Making an image complete: writing dirty data back, proving that none is left, and the few ways in which that may fail.

use std::time::Instant;

use super::fill;
use super::layers::load_modules;
use super::lease::given_up;
use super::revive::way_home;
use super::walk::Walk;
use super::way_back;
use crate::cache::{Cache, Cleanliness, Running, drained};
use crate::job::FlushProof;
use crate::model::{Bytes, Role};
use crate::seed::{self, BlockSize};
use crate::{Context, Error, Kind, Result};

/// Makes the image complete: writes dirty blocks back, checks that none is left, and lets the lease say so.
///
/// A cache that cannot be asked is clean only if it is known that it never was dirty, see [`never_dirty`].
pub(super) fn clean(walk: &mut Walk<'_>) -> Result<()> {
    let driver = walk.driver()?;
    let key = walk.disk.record.key.clone();
    let may_be_dirty = lease_is_dirty(walk)?;
    let began = Instant::now();
    let seen = driver.probe(walk.host, &key)?;
    let before = match &seen {
        Cache::Up { running, stats, .. }
            if may_be_dirty || takes_dirty(*running) || stats.dirty > Bytes(0) =>
        {
            refuse_if_lost(walk)?;
            drained(driver, &walk.site()?, walk.host.config.deadline.flush)?
        }
        _ => Bytes(0),
    };
    let evidence = match driver.cleanliness(walk.host, &key)? {
        Cleanliness::Clean { evidence } => evidence,
        Cleanliness::Unknown { why } if !may_be_dirty && never_dirty(walk)? => {
            format!("{why}, but it was write-through all the time")
        }
        Cleanliness::Unknown { why } => {
            if walk.disk.image.is_some() {
                // What somebody took over does not come home any more, whatever is done here.
                refuse_if_lost(walk)?;
            }
            let image = &walk.disk.record.image;
            let message = format!("nobody can tell whether the cache of {image} is clean: {why}");
            return Err(Error::new(Kind::Dirty, message).remedy(way_home(image)));
        }
        Cleanliness::Dirty(left) => return Err(not_clean(walk, &format!("{left} are dirty"))),
    };
    if may_be_dirty {
        let blocks = before.0.div_ceil(walk.disk.record.block.0);
        complete(walk, blocks, evidence, began)?;
    }
    if driver.whole() && walk.disk.image.is_some() {
        way_back::sweep(walk)?;
    }
    Ok(())
}

/// Lets the lease say that the image is complete, after the proof, and notes it.
fn complete(
    walk: &mut Walk<'_>,
    dirty_before: u64,
    evidence: String,
    began: Instant,
) -> Result<()> {
    // An image that is gone has no lease either.
    if walk.disk.image.is_some() || walk.disk.unreachable.is_some() {
        walk.with_lease(|cell, me, record| cell.mark_clean(me, &record.driver, record.mode))?;
    }
    walk.flush = Some(FlushProof {
        dirty_before,
        evidence,
        seconds: began.elapsed().as_secs_f64(),
    });
    Ok(())
}

/// Writes back the whole image that went down with the host: what differs from Ceph, block by block.
///
/// The kernel takes every block for dirty then, and would write all of them, the zeroes of holes included. The metadata are
/// only read, so this may be killed and repeated.
fn bring_home(walk: &mut Walk<'_>) -> Result<()> {
    refuse_if_lost(walk)?;
    let began = Instant::now();
    let (site, size) = (walk.site()?, walk.origin()?.size.bytes());
    let pairs = walk.driver()?.mapped(&site)?;
    let (places, blocks): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let plan = seed::of_blocks(blocks, size, BlockSize::new(site.block)?);
    let data = &site.part(Role::Data)?.path;
    let mut task = fill::apart(walk, &plan, &site.origin.path, data);
    // A seed may be slow, so that it disturbs nobody; this a VM waits for, and nothing else has its data.
    task.options.rate = None;
    let done = seed::bring_home_apart(&task, &places).context(|| {
        format!(
            "cannot write back the local copy of {}",
            walk.disk.record.image
        )
    })?;
    let evidence = format!(
        "all {} blocks were compared with Ceph, the {} that differed were written",
        done.compared, done.written
    );
    complete(walk, done.written, evidence, began)?;
    way_back::sweep(walk)
}

/// Opens a cache that went down with dirty data, writes all of it to the image, and closes it in order.
///
/// Allowed only for the very cache that the lease names; every block counts as dirty then (the kernel cannot know
/// better), which is safe because the lease kept everybody else from writing.
pub(super) fn reopen(walk: &mut Walk<'_>) -> Result<()> {
    load_modules(walk)?;
    refuse_another(walk)?;
    let driver = walk.driver()?;
    if driver.whole() {
        return bring_home(walk);
    }
    let opened = driver.open(&walk.site()?, Running::Draining);
    opened.map_err(|error| not_opened(walk, error))?;
    clean(walk)?;
    driver.close(walk.host, &walk.disk.record.key)?;
    Ok(())
}

/// Refuses to open a cache that is not the very one with the lease's dirty data, or whose data were given up. Changes nothing.
pub(super) fn refuse_another(walk: &mut Walk<'_>) -> Result<()> {
    let lease = walk.with_lease(|cell, _me, _record| Ok(cell.lease.clone()))?;
    if lease.is_given_up() {
        return Err(given_up(&walk.disk.record.image));
    }
    let named = lease.holder.and_then(|holder| holder.cache_id);
    let ours = walk
        .cache_id
        .as_ref()
        .is_some_and(|id| named.as_ref() == Some(id));
    if !ours || lease.generation != walk.disk.record.generation {
        let message = format!(
            "the dirty data of {} are on slice {}, and this host has {}",
            walk.disk.record.image,
            named.as_deref().unwrap_or("unknown"),
            walk.cache_id.as_deref().unwrap_or("none"),
        );
        return Err(Error::new(Kind::Dirty, message).remedy(
            "bring the SSD with that slice back; only if it is lost for good, give the data up with \
             `warmblock detach --discard-dirty`",
        ));
    }
    Ok(())
}

/// `--discard-dirty`: says how much goes. From then on nothing is written back; an image that has a way back is rolled back
/// once the cache and the map are gone.
pub(super) fn give_up(walk: &mut Walk<'_>) -> Result<()> {
    let lost = match walk
        .driver()?
        .cleanliness(walk.host, &walk.disk.record.key)?
    {
        Cleanliness::Clean { .. } => None,
        Cleanliness::Dirty(bytes) => Some(format!("{bytes} of acknowledged writes are given up")),
        Cleanliness::Unknown { why } => Some(format!(
            "an unknown amount of acknowledged writes is given up ({why})"
        )),
    };
    walk.warnings.extend(lost);
    // What may be half written back is not left like that: without Ceph it is not given up.
    let half = walk.driver()?.whole() && walk.disk.unreachable.is_some();
    if (walk.disk.image.is_some() || half) && lease_is_dirty(walk)? {
        let host = walk.host;
        walk.with_lease(
            |cell, me, record| match way_back::needed(host, &cell.lease) {
                true => cell.give_up(me),
                false => cell.mark_clean(me, &record.driver, record.mode),
            },
        )?;
    }
    Ok(())
}

/// Whether this host's cache may hold data that the image lacks. The lease says so; where it cannot be read, the record's
/// mode does.
pub(super) fn lease_is_dirty(walk: &mut Walk<'_>) -> Result<bool> {
    match &walk.disk.image {
        Some(_) => walk.with_lease(|cell, me, _record| Ok(cell.is_dirty_by(me))),
        None => Ok(walk.disk.record.mode.can_be_dirty()),
    }
}

/// Whether it is known that this host's cache holds nothing that the image lacks: the record wants no mode in which it could,
/// or the lease is this host's, at its generation, and clean. A lease that another host holds, or this one under another
/// name, tells nothing of it, and a record that was made up knows nothing.
fn never_dirty(walk: &mut Walk<'_>) -> Result<bool> {
    if !walk.disk.made_up && !walk.disk.record.mode.can_be_dirty() {
        return Ok(true);
    }
    if walk.disk.image.is_none() {
        return Ok(false);
    }
    walk.with_lease(|cell, me, record| {
        let ours = cell.is_held_by(me) && cell.lease.generation == record.generation;
        Ok(ours && !cell.is_dirty_by(me))
    })
}

/// Whether a cache in this state takes writes that the image does not get at once.
fn takes_dirty(running: Running) -> bool {
    match running {
        Running::Serving(mode) => mode.can_be_dirty(),
        Running::Draining => true,
        Running::Filling => false,
    }
}

/// Refuses to write anything back unless the lease still is ours, at our generation: otherwise somebody else has, or had,
/// the image, and their data are newer.
fn refuse_if_lost(walk: &mut Walk<'_>) -> Result<()> {
    if walk.disk.image.is_none() && walk.disk.unreachable.is_none() {
        return Ok(());
    }
    let cache_id = walk.cache_id.clone();
    walk.with_lease(|cell, me, record| {
        let (lease, image) = (&cell.lease, &record.image);
        if cell.is_held_by(me) && lease.generation == record.generation {
            return Ok(());
        }
        let now = lease.holder.as_ref().map_or("nobody", |holder| holder.host.as_str());
        let named = lease.holder.as_ref().and_then(|holder| holder.cache_id.as_ref());
        if named.is_some() && named == cache_id.as_ref() {
            let message = format!("the cache of {image} is here, and its lease names this host {now}, not {}", me.host);
            return Err(Error::new(Kind::Dirty, message)
                .remedy(format!("this host had another name: set host = \"{now}\" in the configuration")));
        }
        let message = format!(
            "the lease of {image} is held by {now} at generation {}, not by {} at {}: writing this host's cache back would \
             overwrite newer data",
            lease.generation, me.host, record.generation
        );
        Err(Error::new(Kind::Dirty, message)
            .remedy("somebody took the disk over; give this cache up with `warmblock detach --discard-dirty`"))
    })
}

/// A cache that holds what the image lacks, and cannot be opened: what it holds stays on the SSD.
pub(super) fn not_opened(walk: &Walk<'_>, error: Error) -> Error {
    if matches!(error.kind(), Kind::Timeout | Kind::Cancelled) {
        return error;
    }
    let image = &walk.disk.record.image;
    let message = format!("the cache of {image} holds what the image lacks, and cannot be opened");
    Error::new(Kind::Dirty, message)
        .because(error)
        .remedy(way_home(image))
}

fn not_clean(walk: &Walk<'_>, why: &str) -> Error {
    let image = &walk.disk.record.image;
    Error::new(
        Kind::Dirty,
        format!("the cache of {image} is not clean: {why}"),
    )
    .remedy(format!(
        "run it again to go on flushing; only if its SSD is lost for good, stop the VM and give the data up: `warmblock detach \
         --discard-dirty {image}`"
    ))
}
