//! A disk whose image is complete for a while, so that snapshots of it hold together.

use std::time::Instant;

use super::attach::climb;
use super::clean::{clean, lease_is_dirty};
use super::later;
use super::layers::{has_front, serve};
use super::meant::meant;
use super::revive::revive;
use super::swap::start_taking_out;
use super::walk::Walk;
use crate::cache::Cache;
use crate::host::Host;
use crate::job::{FlushProof, LayerName, Report};
use crate::model::{Change, ImageSpec};
use crate::{Context as _, Error, Kind, Result};

/// Whether this host has an image attached and mapped.
pub fn is_mapped(host: &Host, image: &ImageSpec) -> Result<bool> {
    let record = meant(host, image)?;
    Ok(record.is_some_and(|record| {
        let (pool, id) = (record.key.pool(), record.key.image());
        !host.krbd().find(&record.fsid, pool, id).is_empty()
    }))
}

/// Does `work` while the image has everything: dirty blocks are written back, and new writes go through to Ceph until it is
/// done. A write-back cache then goes on in write-back. One that is being filled in the background is filled anew after it.
///
/// Errors: those of `work`; [`Kind::Dirty`] if the image cannot be completed.
pub fn while_complete<T>(
    host: &Host,
    image: &ImageSpec,
    dry_run: bool,
    work: impl FnOnce() -> Result<T>,
) -> Result<(Report, T)> {
    let filled_later = later::is_stopped_by(host, image, dry_run)?;
    let mut walk = start_taking_out(host, image, "flush", dry_run)?;
    revive(&mut walk)?;
    let began = Instant::now();
    if !dry_run && !has_front(&walk)? {
        // Its cache had failed, and was or is being written back: the disk is to be opened again.
        climb(&mut walk)?;
    }
    let cached = complete(&mut walk)?;
    let (done, mut on) = (work(), Ok(()));
    if cached && walk.disk.record.mode.can_be_dirty() && !dry_run {
        on = serve(&mut walk).context(|| "the cache stays in write-through".into());
    }
    let done = match done {
        Err(error) => return Err(error.and_then_cleanup(on)),
        Ok(done) => done,
    };
    walk.warnings.extend(on.err().map(|error| error.chain()));
    let proof = walk.flush.get_or_insert_with(|| FlushProof {
        dirty_before: 0,
        evidence: match cached {
            true => "a write-through cache has nothing to flush".into(),
            false => "there is no cache".into(),
        },
        seconds: 0.0,
    });
    let what = proof.evidence.clone();
    walk.did(LayerName::Cache, Change::Kept, what, began);
    Ok((later::report(walk, filled_later), done))
}

/// Whether there is a cache; it is clean and passes writes through then.
fn complete(walk: &mut Walk<'_>) -> Result<bool> {
    let (host, key) = (walk.host, walk.disk.record.key.clone());
    let cached = !matches!(walk.driver()?.probe(host, &key)?, Cache::Absent);
    if walk.dry_run {
        return Ok(cached);
    }
    if cached {
        clean(walk)?;
    } else if lease_is_dirty(walk)? {
        let image = &walk.disk.record.image;
        let message = format!(
            "the cache of {image} is not in the kernel, and it holds data that the image lacks"
        );
        return Err(Error::new(Kind::Dirty, message)
            .remedy("run `warmblock recover`, which opens it again and writes them back"));
    }
    Ok(cached)
}
