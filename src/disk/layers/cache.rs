//! The cache: the composite device, and the moments at which the lease must know of dirty data.

use super::front::point;
use super::{Found, Layer};
use crate::cache::{Cache, Filled, Running};
use crate::disk::clean::{clean, give_up, lease_is_dirty, reopen};
use crate::disk::fill;
use crate::disk::walk::Walk;
use crate::job::LayerName;
use crate::model::Role;
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
                wanted: format!(
                    "{} {}, {} blocks, seed {}",
                    record.driver, record.mode, record.block, record.seed
                ),
            },
            Cache::Broken { why } => Found::Wrong { why },
            Cache::Up { stuck: true, .. } => Found::Wrong {
                why: "resumed: an exchange of its table was interrupted".into(),
            },
            Cache::Up { running, size, .. } => {
                let grown = walk
                    .mapping
                    .as_ref()
                    .is_some_and(|mapping| mapping.size.sectors() != size);
                match running {
                    _ if grown => Found::Wrong {
                        why: "made anew for the image's new size".into(),
                    },
                    running if running == serving => {
                        Found::Right(format!("{} {}", record.driver, record.mode))
                    }
                    Running::Filling => Found::Wrong {
                        why: "its seeding was interrupted; seeded anew".into(),
                    },
                    Running::Draining => Found::Wrong {
                        why: format!("its flush was interrupted; {}", record.mode),
                    },
                    Running::Serving(mode) => Found::Wrong {
                        why: format!("{mode} changed to {}", record.mode),
                    },
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
            Cache::Broken { why } if lease_is_dirty(walk)? => Err(broken(walk, &why)),
            Cache::Broken { .. } => {
                retreat(walk)?;
                prepare(walk)
            }
            Cache::Up { running, size, .. }
                if running == Running::Filling || size != walk.origin()?.size =>
            {
                retreat(walk)?;
                prepare(walk)
            }
            Cache::Up {
                running,
                stuck: false,
                ..
            } if running == serving => Ok(()),
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
    let cache_id = walk
        .cache_id
        .clone()
        .ok_or_else(|| Error::new(Kind::Internal, "a write-back cache without a slice"))?;
    walk.with_lease(|cell, me, _record| cell.mark_dirty(me, &cache_id))
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
        if let Err(error) = driver.wipe(&walk.site()?) {
            // Not wiped is not dangerous, for a slice is formatted before its next use; an SSD that fails must not keep its
            // disk here.
            walk.warnings.push(error.chain());
        }
    }
    Ok(())
}

fn broken(walk: &Walk<'_>, why: &str) -> Error {
    let image = &walk.disk.record.image;
    Error::new(
        Kind::Failed,
        format!("the cache of {image} does not work: {why}"),
    )
    .remedy(format!(
        "`warmblock bypass {image}` takes it out of the path, under load"
    ))
}
