//! That an image was rolled back, and past which snapshots.
//!
//! A rollback writes the snapshot's object map over the image's. An object that was written after that snapshot and before a
//! later one is then clean in both the image and that later one, and a quick diff between the two does not tell it, though
//! the rollback has changed it (librbd, `operation/SnapshotRollbackRequest` and `object_map/DiffRequest`; `tests/image`
//! shows it). So the quick diff is asked only from snapshots that are newer than the last rollback.

use serde::{Deserialize, Serialize};

use super::reach::Found;
use crate::ceph::{Image, Snap};
use crate::disk::mark::{self, Note};
use crate::{Context, Result};

/// The newest snapshot that there was at the last rollback.
#[derive(Debug, Serialize, Deserialize)]
struct RolledBack {
    past: u64,
}

impl Note for RolledBack {
    const KEY: &'static str = "warmblock.rolled-back";
}

/// Notes that an image, which is `open` for it, is about to be rolled back.
pub(super) fn note(found: &Found<'_>, open: &Image) -> Result<()> {
    let snapshots = open
        .snapshots()
        .context(|| format!("cannot list the snapshots of {}", found.spec))?;
    let newest = snapshots.iter().map(|snap| snap.id).max();
    let past = newest.unwrap_or(0);
    mark::write(
        &found.pool,
        found.image.id(),
        found.spec,
        RolledBack { past },
    )
}

/// Whether an image was rolled back since a snapshot of it was taken.
pub(super) fn since(found: &Found<'_>, snap: &Snap) -> Result<bool> {
    let last = mark::read::<RolledBack>(&found.pool, found.image.id(), found.spec)?;
    Ok(last.is_some_and(|last| snap.id <= last.past))
}
