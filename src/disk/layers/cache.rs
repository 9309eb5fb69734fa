//! The cache: the composite device, and the moments at which the lease must know of dirty data.

use std::time::Instant;

use super::front::point;
use super::{Found, Layer};
use crate::cache::{Cache, Cleanliness, Filled, Running};
use crate::disk::fill;
use crate::disk::walk::Walk;
use crate::job::{FlushProof, LayerName};
use crate::model::{Bytes, Role};
use crate::{Error, Kind, Result};

/// See the module.
#[derive(Debug)]
pub(in crate::disk) struct CacheLayer;

impl Layer for CacheLayer {
    const NAME: LayerName = LayerName::Cache;

    fn probe(walk: &mut Walk<'_>) -> Result<Found> {
        let record = &walk.disk.record;
        let serving = Running::Serving(record.mode);
        Ok(match walk.driver()?.probe(walk.host, &record.key)? {
            Cache::Absent if record.driver.as_str() == "none" => Found::Right("none".into()),
            Cache::Absent => Found::Absent {
                wanted: format!("{} {}, {} blocks, seed {}", record.driver, record.mode, record.block, record.seed),
            },
            Cache::Broken { why } => Found::Wrong { why },
            Cache::Up { stuck: true, .. } => Found::Wrong { why: "resumed: an exchange of its table was interrupted".into() },
            Cache::Up { running, size, .. } => {
                let grown = walk.mapping.as_ref().is_some_and(|mapping| mapping.size.sectors() != size);
                match running {
                    _ if grown => Found::Wrong { why: "made anew for the image's new size".into() },
                    running if running == serving => Found::Right(format!("{} {}", record.driver, record.mode)),
                    Running::Filling => Found::Wrong { why: "its seeding was interrupted; seeded anew".into() },
                    Running::Draining => Found::Wrong { why: format!("its flush was interrupted; {}", record.mode) },
                    Running::Serving(mode) => Found::Wrong { why: format!("{mode} changed to {}", record.mode) },
                }
            }
        })
    }

    fn up(walk: &mut Walk<'_>, _found: &Found) -> Result<()> {
        let serving = Running::Serving(walk.disk.record.mode);
        match walk.driver()?.probe(walk.host, &walk.disk.record.key)? {
            Cache::Absent => {
                if lease_is_dirty(walk)? {
                    reopen(walk)?;
                }
                prepare(walk)
            }
            Cache::Broken { why } => Err(broken(walk, &why)),
            Cache::Up { running, size, .. } if running == Running::Filling || size != walk.origin()?.size => {
                retreat(walk)?;
                prepare(walk)
            }
            Cache::Up { running, stuck: false, .. } if running == serving => Ok(()),
            Cache::Up { .. } => {
                clean(walk)?;
                serve(walk)
            }
        }
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

/// Writes the cache's metadata for what is to be seeded, and opens it: filling, or at once serving if there is nothing
/// to fill.
fn prepare(walk: &mut Walk<'_>) -> Result<()> {
    walk.plan = fill::plan(walk)?;
    let driver = walk.driver()?;
    driver.format(&walk.site()?, walk.plan.as_ref())?;
    match walk.plan {
        Some(_) => driver.open(&walk.site()?, Running::Filling).map(drop),
        None => serve(walk),
    }
}

/// Makes the cache serve in the record's mode.
pub(in crate::disk) fn serve(walk: &mut Walk<'_>) -> Result<()> {
    announce(walk)?;
    let (driver, mode) = (walk.driver()?, walk.disk.record.mode);
    match driver.probe(walk.host, &walk.disk.record.key)? {
        Cache::Absent => driver.open(&walk.site()?, Running::Serving(mode)).map(drop),
        _ => driver.switch(&walk.site()?, Running::Serving(mode)),
    }
}

/// Makes a cache that was filled serve in the record's mode.
pub(in crate::disk) fn settle(walk: &mut Walk<'_>) -> Result<Filled> {
    announce(walk)?;
    walk.driver()?.settle(&walk.site()?, walk.disk.record.mode)
}

/// Lets the lease say that there may be dirty data, before there can be any.
fn announce(walk: &mut Walk<'_>) -> Result<()> {
    if !walk.disk.record.mode.can_be_dirty() {
        return Ok(());
    }
    let cache_id = walk.cache_id.clone();
    let cache_id = cache_id.ok_or_else(|| Error::new(Kind::Internal, "a write-back cache without a slice"))?;
    let (record, image) = walk.disk.record_and_image()?;
    image.lease(record)?.mark_dirty(&cache_id)
}

/// Makes the image complete: writes dirty blocks back, checks that none is left, and lets the lease say so.
///
/// A cache that cannot be asked is clean only if the lease says that it never was dirty.
pub(in crate::disk) fn clean(walk: &mut Walk<'_>) -> Result<()> {
    let driver = walk.driver()?;
    let key = walk.disk.record.key.clone();
    let may_be_dirty = lease_is_dirty(walk)?;
    let began = Instant::now();
    refuse_if_lost(walk)?;
    let before = match driver.probe(walk.host, &key)? {
        Cache::Up { stats, .. } if may_be_dirty || stats.dirty > Bytes(0) => {
            driver.drain(&walk.site()?, walk.host.config.deadline.flush)?
        }
        _ => Bytes(0),
    };
    let evidence = match driver.cleanliness(walk.host, &key)? {
        Cleanliness::Clean { evidence } => evidence,
        Cleanliness::Unknown { why } if !may_be_dirty => format!("{why}, but it was write-through all the time"),
        Cleanliness::Unknown { why } => return Err(not_clean(walk, &format!("nobody can tell whether it is clean: {why}"))),
        Cleanliness::Dirty(left) => return Err(not_clean(walk, &format!("{left} are dirty"))),
    };
    if may_be_dirty {
        let (record, image) = walk.disk.record_and_image()?;
        image.lease(record)?.mark_clean(&record.driver, record.mode)?;
        let blocks = before.0.div_ceil(record.block.0);
        walk.flush = Some(FlushProof { dirty_before: blocks, evidence, seconds: began.elapsed().as_secs_f64() });
    }
    Ok(())
}

/// Opens a cache that went down with dirty data, writes all of it to the image, and closes it in order.
///
/// Allowed only for the very cache that the lease names; every block counts as dirty then (the kernel cannot know
/// better), which is safe because the lease kept everybody else from writing.
pub(in crate::disk) fn reopen(walk: &mut Walk<'_>) -> Result<()> {
    let (record, image) = walk.disk.record_and_image()?;
    let lease = image.lease(record)?.lease;
    let named = lease.holder.and_then(|holder| holder.cache_id);
    if named.is_none() || named != walk.cache_id || lease.generation != walk.disk.record.generation {
        let have = walk.cache_id.as_deref().unwrap_or("none");
        let message = format!(
            "the dirty data of {} are on slice {}, and this host has {have}",
            walk.disk.record.image,
            named.as_deref().unwrap_or("unknown"),
        );
        return Err(Error::new(Kind::Dirty, message).remedy(
            "bring the SSD with that slice back; only if it is lost for good, give the data up with \
             `warmblock detach --discard-dirty`",
        ));
    }
    let driver = walk.driver()?;
    driver.open(&walk.site()?, Running::Draining)?;
    clean(walk)?;
    driver.close(walk.host, &walk.disk.record.key)?;
    Ok(())
}

/// Takes a cache that is not (yet) worth keeping out of the path and out of the kernel.
pub(in crate::disk) fn retreat(walk: &mut Walk<'_>) -> Result<()> {
    clean(walk)?;
    let front = walk.disk.record.key.dm(Role::Front);
    if walk.host.dm().info(&front)?.is_some() {
        point(walk, &walk.origin()?)?;
    }
    close(walk)
}

/// Takes the cache out of the kernel and makes its slice worthless.
pub(in crate::disk) fn close(walk: &mut Walk<'_>) -> Result<()> {
    let driver = walk.driver()?;
    driver.close(walk.host, &walk.disk.record.key)?;
    // Only metadata that are there can be wiped; a slice that is gone or inactive is formatted before its next use.
    if walk.parts.iter().any(|(role, _)| *role == Role::Meta) && walk.mapping.is_some() {
        driver.wipe(&walk.site()?)?;
    }
    Ok(())
}

/// `--discard-dirty`: says how much goes.
fn give_up(walk: &mut Walk<'_>) -> Result<()> {
    let lost = match walk.driver()?.cleanliness(walk.host, &walk.disk.record.key)? {
        Cleanliness::Clean { .. } => "nothing was dirty".to_owned(),
        Cleanliness::Dirty(bytes) => format!("{bytes} of acknowledged writes are given up"),
        Cleanliness::Unknown { why } => format!("an unknown amount of acknowledged writes is given up ({why})"),
    };
    walk.warnings.push(lost);
    if lease_is_dirty(walk)? {
        let (record, image) = walk.disk.record_and_image()?;
        image.lease(record)?.mark_clean(&record.driver, record.mode)?;
    }
    Ok(())
}

/// Whether the image may lack data. The lease says so; where it cannot be read, the record's mode does.
pub(in crate::disk) fn lease_is_dirty(walk: &Walk<'_>) -> Result<bool> {
    match &walk.disk.image {
        Some(image) => Ok(image.lease(&walk.disk.record)?.lease.dirty_on().is_some()),
        None => Ok(walk.disk.record.mode.can_be_dirty()),
    }
}

/// Refuses to write anything back under a lease that somebody else took over: their data are newer.
fn refuse_if_lost(walk: &Walk<'_>) -> Result<()> {
    let Some(image) = &walk.disk.image else { return Ok(()) };
    let (me, record) = (walk.host.me()?, &walk.disk.record);
    let holder = image.lease(record)?.lease.holder;
    let Some(other) = holder.filter(|holder| holder.host != me.host) else { return Ok(()) };
    let dirty = matches!(walk.driver()?.cleanliness(walk.host, &record.key)?, Cleanliness::Dirty(_));
    if !dirty {
        return Ok(());
    }
    let message = format!("host {} took {} over while this host's cache was dirty", other.host, record.image);
    Err(Error::new(Kind::Dirty, message).remedy(
        "writing the old data back would overwrite newer ones; give them up with `warmblock detach --discard-dirty`",
    ))
}

fn not_clean(walk: &Walk<'_>, why: &str) -> Error {
    Error::new(Kind::Dirty, format!("the cache of {} is not clean: {why}", walk.disk.record.image))
        .remedy("run it again to go on flushing; --discard-dirty gives the data up, for good")
}

fn broken(walk: &Walk<'_>, why: &str) -> Error {
    let image = &walk.disk.record.image;
    Error::new(Kind::Failed, format!("the cache of {image} does not work: {why}"))
        .remedy(format!("`warmblock bypass {image}` takes it out of the path, under load"))
}
