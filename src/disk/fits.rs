//! Whether the cache of another driver fits onto this host, asked before the one that a disk has is taken away for it.

use super::layers::{refuse_without_memory, spare};
use super::walk::Walk;
use super::want::Exchange;
use crate::cache;
use crate::model::{Bytes, Role};
use crate::{Context, Error, Kind, Result};

/// Refuses a driver that there is no memory or no room for, whatever `on_full` says: the disk keeps the warm cache that it has.
///
/// Errors: [`Kind::NoSpace`], and [`Kind::Missing`] without a volume group.
pub(super) fn refuse_what_does_not_fit(walk: &mut Walk<'_>, new: &Exchange) -> Result<()> {
    let (host, driver) = (walk.host, cache::driver(walk.host, &new.driver)?);
    let parts = driver.layout(new.size, walk.disk.record.block);
    if parts.is_empty() {
        return Ok(());
    }
    let data = parts.iter().find(|part| part.role == Role::Data);
    refuse_without_memory(host, driver, data.map_or(Bytes(0), |part| part.size))?;
    let Some(vg) = walk.disk.record.vg.clone() else {
        let message = format!(
            "driver {} needs a slice, and no volume group is configured",
            new.driver
        );
        return Err(Error::new(Kind::Missing, message).remedy(
            "create one on the SSD (`vgcreate ssd /dev/nvme0n1`) and set [slice] vg = \"ssd\"",
        ));
    };
    let group = host.lvm().vg(&vg);
    let group = group.context(|| format!("cannot ask for the room in volume group {vg}"))?;
    let (goes, comes) = spare(walk, driver)?;
    let whole = |size: &Bytes| size.round_up(group.extent).0;
    let sizes = parts.iter().map(|part| part.size).chain(comes);
    let wanted = Bytes(sizes.map(|size| whole(&size)).sum());
    let room = Bytes(group.free.0 + goes.0);
    if wanted <= room {
        return Ok(());
    }
    let message = format!(
        "driver {} wants {wanted} of volume group {vg}, and with the slice that goes {room} are free: image {} keeps its driver {}",
        new.driver, walk.disk.record.image, walk.disk.record.driver
    );
    Err(Error::new(Kind::NoSpace, message)
        .remedy("choose a smaller slice with --size, or make room in the volume group"))
}
