//! The volumes of ours on this host: listed once, and again after each change.
//!
//! A disk's own volumes change only under the disk's lock, which the walk has, so what was listed holds until the walk itself
//! is about to change one. The shared volume changes under a lock of its own: who decides by what is in it lists again once it
//! has that (see [`super::shared`]).

use crate::disk::walk::Walk;
use crate::exec::ExecError;
use crate::tools::lvm::{Lv, LvmError, Volumes};
use crate::{Context, Result};

/// All of them, as they were when they were listed last.
pub(super) fn listed<'w>(walk: &'w mut Walk<'_>) -> Result<&'w Volumes> {
    let volumes = match walk.volumes.take() {
        Some(volumes) => volumes,
        None => match walk.host.lvm().list() {
            // A host without LVM has no slices; a driver without a slice must work there.
            Err(LvmError::Exec(ExecError::Missing { .. })) if walk.disk.record.vg.is_none() => {
                Volumes::default()
            }
            other => other.context(|| "cannot list the slices of this host".into())?,
        },
    };
    Ok(walk.volumes.insert(volumes))
}

/// This disk's volumes, whatever the record says of their volume group.
pub(super) fn of_disk(walk: &mut Walk<'_>) -> Result<Vec<Lv>> {
    let key = walk.disk.record.key.clone();
    Ok(listed(walk)?.of(&key))
}

/// To be said before a volume is made, activated or removed: what was listed is not trusted after that.
pub(super) fn outdate(walk: &mut Walk<'_>) {
    walk.volumes = None;
}
