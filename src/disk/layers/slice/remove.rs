//! Removing a slice: never one that may hold what the image lacks, and discarded before, as far as the SSD can.

use crate::disk::layers::listing::{of_disk, outdate};
use crate::disk::walk::Walk;
use crate::host::Host;
use crate::model::LeaseHolder;
use crate::tools::blk;
use crate::tools::lvm::Lv;
use crate::{Context, Error, Kind, Result};

/// Discards the volumes, those included that a reboot left inactive, and removes them.
pub(super) fn remove(walk: &mut Walk<'_>) -> Result<()> {
    let (host, there) = (walk.host, of_disk(walk)?);
    refuse_needed(walk, &there)?;
    walk.parts.clear();
    walk.cache_id = None;
    let Some(first) = there.first() else {
        return Ok(());
    };
    outdate(walk);
    let awake: Vec<Result<()>> = there.iter().map(|lv| awake(host, lv)).collect();
    walk.driver()?.release(host, &walk.disk.record.key)?;
    for (lv, awake) in there.iter().zip(awake) {
        let discard = || {
            Ok(blk::discard(
                &host.exec,
                &host.lvm().path(&lv.vg, &lv.name),
            )?)
        };
        if let Err(error) = awake.and_then(|()| discard()) {
            // An SSD that fails must not keep its disk here.
            walk.warnings.push(format!(
                "{} was removed without being discarded: {}",
                lv.name,
                error.chain()
            ));
        }
    }
    let names: Vec<_> = there.iter().map(|lv| &lv.name).collect();
    let removed = host
        .lvm()
        .remove(&first.vg, &names, host.config.deadline.tool);
    removed.context(|| {
        format!(
            "cannot remove the slice of {} from volume group {}",
            first.name.key, first.vg
        )
    })?;
    Ok(())
}

/// Activates a volume that is not: only then it can be discarded.
fn awake(host: &Host, lv: &Lv) -> Result<()> {
    match lv.num {
        Some(_) => Ok(()),
        None => Ok(host.lvm().activate(&lv.vg, &lv.name).map(drop)?),
    }
}

/// Refuses to remove a slice that the lease names as dirty, whoever holds the lease; and any slice of a write-back disk
/// whose lease cannot be asked.
fn refuse_needed(walk: &Walk<'_>, there: &[Lv]) -> Result<()> {
    if there.is_empty() {
        return Ok(());
    }
    let record = &walk.disk.record;
    let why = match (&walk.disk.image, &walk.disk.unreachable) {
        _ if walk.disk.force.discard_dirty => return Ok(()),
        (Some(image), _) => {
            let holder = image.lease(record)?.lease.holder;
            match holder.filter(|holder| holder.dirty && names_one(holder, there)) {
                None => return Ok(()),
                Some(holder) => format!(
                    "it holds data that the image lacks, as its lease of host {} says",
                    holder.host
                ),
            }
        }
        (None, _) if !record.mode.can_be_dirty() => return Ok(()),
        (None, Some(error)) => format!(
            "it may hold data that the image lacks, and the lease cannot be asked: {}",
            error.chain()
        ),
        (None, None) => "it may hold data of an image that is gone".to_owned(),
    };
    let message = format!("the slice of {} is not removed: {why}", record.image);
    Err(Error::new(Kind::Dirty, message).remedy(
        "`warmblock recover` on the host that the lease names writes them back (set `host` if this host was renamed); \
         `warmblock detach --discard-dirty` gives them up",
    ))
}

/// Whether the cache that a lease names has one of these volumes in it.
fn names_one(holder: &LeaseHolder, there: &[Lv]) -> bool {
    let named = holder.cache_id.as_deref().unwrap_or_default();
    let mut parts = named.split('+');
    parts.any(|part| there.iter().any(|lv| lv.uuid == part))
}
