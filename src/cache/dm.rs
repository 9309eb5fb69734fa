//! What the drivers whose cache is one device-mapper device have in common.

use super::{Cache, Device, Seen, Site};
use crate::host::Host;
use crate::model::{Change, DiskKey, Role};
use crate::tools::dmsetup::{self, Access, Table};
use crate::{Context, Error, Kind, Result};

/// The disk's cache device among those that were seen, if it has a table; else what that comes to.
pub(super) fn live<'a>(key: &DiskKey, seen: &'a Seen) -> Result<&'a dmsetup::Device, Cache> {
    let name = key.dm(Role::Cache);
    let device = seen.named(&name).ok_or(Cache::Absent)?;
    if device.info.live {
        return Ok(device);
    }
    let why = format!("{name} has no table: its making was interrupted");
    Err(Cache::Broken { why })
}

/// Makes the cache device.
pub(super) fn create(site: &Site<'_>, table: &Table) -> Result<Change> {
    let name = site.key.dm(Role::Cache);
    site.host
        .dm()
        .create(&name, table, Access::ReadWrite)
        .context(|| format!("cannot create the cache device {name}"))?;
    Ok(Change::Made)
}

/// Takes the cache device away.
pub(super) fn remove(host: &Host, key: &DiskKey) -> Result<Change> {
    let name = key.dm(Role::Cache);
    host.dm()
        .remove(&name, host.config.deadline.tool)
        .context(|| format!("cannot remove the cache device {name}"))
}

/// The cache device, to stand the front on.
pub(super) fn top(site: &Site<'_>) -> Result<Device> {
    let name = site.key.dm(Role::Cache);
    let info = site.host.dm().info(&name)?.ok_or_else(|| absent(&name))?;
    Ok(Device {
        path: site.host.roots.mapper(&name),
        number: info.num,
        size: site.origin.size,
    })
}

/// The error for a cache device that must be there.
pub(super) fn absent(name: &crate::model::DmName) -> Error {
    let message = format!("the cache device {name} is not there");
    Error::new(Kind::Internal, message)
}
