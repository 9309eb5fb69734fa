//! The front: the device that the VM opens, and the only one. Its table leads to the cache or to the RBD, and is
//! changed under a running VM.

use std::time::Duration;

use super::{Found, Layer};
use crate::cache::Device;
use crate::disk::record::Intent;
use crate::disk::walk::Walk;
use crate::job::LayerName;
use crate::model::Role;
use crate::sys::DevNum;
use crate::sys::holders::{describe, holders, staying};
use crate::tools::dmsetup::{Access, Table};
use crate::{Context, Error, Kind, Result};

/// See the module.
#[derive(Debug)]
pub(in crate::disk) struct Front;

impl Layer for Front {
    const NAME: LayerName = LayerName::Front;

    fn probe(walk: &mut Walk<'_>) -> Result<Found> {
        let name = walk.disk.record.key.dm(Role::Front);
        let Some(device) = walk.host.dm().device(&name)? else {
            return Ok(Found::Absent {
                wanted: format!("{name} onto the {}", below(walk)),
            });
        };
        let (table, info) = (device.table, device.info);
        // A table in the inactive slot is what a killed exchange left: it holds the device that it leads to.
        let interrupted = info.suspended || info.inactive || !info.live;
        Ok(match wanted(walk) {
            // Nothing below is there (yet): only detach asks then.
            None => Found::Right(format!("{name}: {table}")),
            Some(target)
                if table == linear(&target) && !interrupted && info.access() == access(walk) =>
            {
                Found::Right(format!("{name} leads to the {}", below(walk)))
            }
            Some(_) => Found::Wrong {
                why: format!("{name} now leads to the {}", below(walk)),
            },
        })
    }

    fn up(walk: &mut Walk<'_>, found: &Found) -> Result<()> {
        let target = wanted(walk).ok_or_else(|| {
            Error::new(
                Kind::Internal,
                format!("nothing to put the front of {} on", walk.disk.record.image),
            )
        })?;
        match found {
            Found::Absent { .. } => create(walk, &target),
            _ => point(walk, &target),
        }
    }

    /// Refused while somebody has it open: the stack below must not go away under a running VM.
    fn down(walk: &mut Walk<'_>, _found: &Found) -> Result<()> {
        refuse_in_use(walk)?;
        let (host, name) = (walk.host, walk.disk.record.key.dm(Role::Front));
        host.dm()
            .remove(&name, host.config.deadline.tool)
            .context(|| format!("cannot remove the front {name}"))?;
        Ok(())
    }
}

/// How long one is waited for who only looks at a front.
const LOOK: Duration = Duration::from_secs(3);

/// Refuses a disk whose front somebody has open, by name. What closes it after writing is followed by udev, which looks at it.
pub(in crate::disk) fn refuse_in_use(walk: &Walk<'_>) -> Result<()> {
    let (host, name) = (walk.host, walk.disk.record.key.dm(Role::Front));
    let by = || {
        let front = host.dm().info(&name)?.filter(|front| front.open_count > 0);
        Ok(front.map(|front| holders(&host.roots, front.num)))
    };
    let Some(by) = staying(LOOK, by)? else {
        return Ok(());
    };
    let who = describe(&by);
    let message = format!(
        "image {} is in use: {name} is {who}",
        walk.disk.record.image
    );
    Err(Error::new(Kind::Busy, message)
        .remedy("stop the VM or whoever has it open, then run it again"))
}

/// Whether the disk has a front in the kernel.
pub(in crate::disk) fn has_front(walk: &Walk<'_>) -> Result<bool> {
    let front = walk.host.dm().info(&walk.disk.record.key.dm(Role::Front))?;
    Ok(front.is_some())
}

/// Whether somebody has the disk's front open.
pub(in crate::disk) fn in_use(walk: &Walk<'_>) -> Result<bool> {
    let front = walk.host.dm().info(&walk.disk.record.key.dm(Role::Front))?;
    Ok(front.is_some_and(|front| front.open_count > 0))
}

/// Whether the front is there and leads to the device `cache`: nothing was written past the cache then.
pub(super) fn leads_to(walk: &Walk<'_>, cache: DevNum) -> Result<bool> {
    let front = walk
        .host
        .dm()
        .table(&walk.disk.record.key.dm(Role::Front))?;
    Ok(front.is_some_and(|front| front == Table::linear(front.len(), cache)))
}

/// Makes the front lead to `target`: in-flight I/O is finished, new I/O waits, the table is exchanged, I/O goes on.
pub(super) fn point(walk: &Walk<'_>, target: &Device) -> Result<()> {
    let name = walk.disk.record.key.dm(Role::Front);
    walk.host
        .dm()
        .replace(
            &name,
            &linear(target),
            access(walk),
            walk.host.config.deadline.tool,
        )
        .context(|| format!("cannot lead the front {name} to {}", target.path.display()))
}

/// Leads the front past the cache; where it was taken away, it is there again. Not by [`Walk::up`]: this puts right what failed
/// or was cancelled.
pub(in crate::disk) fn lead_to_origin(walk: &Walk<'_>) -> Result<()> {
    let origin = walk.origin()?;
    match has_front(walk)? {
        true => point(walk, &origin),
        false => create(walk, &origin),
    }
}

/// Makes the front, on `target`.
fn create(walk: &Walk<'_>, target: &Device) -> Result<()> {
    let name = walk.disk.record.key.dm(Role::Front);
    let created = (walk.host.dm()).create(&name, &linear(target), access(walk));
    created.context(|| format!("cannot create the front {name}"))
}

/// Whether it is to take writes: as the record says, whatever the device does that a killed job left.
fn access(walk: &Walk<'_>) -> Access {
    match walk.disk.record.is_read_only() {
        true => Access::ReadOnly,
        false => Access::ReadWrite,
    }
}

fn linear(target: &Device) -> Table {
    Table::linear(target.size, target.number)
}

/// The device that the front should lead to, if it is there.
fn wanted(walk: &Walk<'_>) -> Option<Device> {
    let origin = walk.origin().ok()?;
    match walk.disk.record.intent {
        Intent::Bypassed => Some(origin),
        _ => walk.driver().ok()?.top(&walk.site().ok()?).ok(),
    }
}

fn below(walk: &Walk<'_>) -> String {
    match walk.disk.record.intent {
        Intent::Bypassed => "RBD, without a cache".into(),
        _ if walk.disk.record.driver_in_use().as_str() == "none" => "RBD, without a cache".into(),
        _ => format!("{} cache", walk.disk.record.driver),
    }
}
