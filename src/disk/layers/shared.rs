//! The volume that all disks of a driver share on a host (`Driver::shares`): it is carved with the slice of the first of them,
//! holds no disk's data that the disk's own lease and slice do not tell of, and goes with the slice of the last one.
//!
//! Whoever makes, formats or removes it, or makes the slice of a disk in it, holds its lock, and looks again once it has that. It
//! is formatted only while no other disk of this host has a slice, so what is dirty in it of a disk that is not in the kernel stays
//! there until that disk writes it back or gives it up.

mod leave;

pub(in crate::disk) use leave::{leave, sweep};

use super::listing::{listed, outdate};
use crate::cache::{Device, Driver, Neighbour};
use crate::disk::record::Record;
use crate::disk::walk::Walk;
use crate::exec::ExecError;
use crate::host::Host;
use crate::model::{Bytes, DiskKey, DriverName, Role, SharedName, VgName};
use crate::sys::Block;
use crate::sys::lock::DiskLock;
use crate::tools::lvm::{Lv, LvmError, Tag, Volumes};
use crate::{Context, Error, Kind, Result};

/// Takes the lock of the shared volume, for a driver that shares one; what was listed before is not trusted any more then.
pub(super) fn lock(walk: &mut Walk<'_>, what: &str) -> Result<Option<DiskLock>> {
    if !walk.driver()?.shares() {
        return Ok(None);
    }
    let lock = locked(walk.host, what)?;
    outdate(walk);
    Ok(Some(lock))
}

fn locked(host: &Host, what: &str) -> Result<DiskLock> {
    DiskLock::of_shared(&host.roots.run, what, host.config.deadline.lock)
}

/// The shared volume, if the disk's driver shares one and it is there.
pub(super) fn find(walk: &mut Walk<'_>) -> Result<Option<Lv<SharedName>>> {
    if !walk.driver()?.shares() {
        return Ok(None);
    }
    let mut found = listed(walk)?.shared.clone();
    if let [one, other, ..] = &found[..] {
        let message = format!(
            "there are two volumes {SharedName}, in volume groups {} and {}",
            one.vg, other.vg
        );
        return Err(Error::new(Kind::Exists, message)
            .remedy("one is of another host: take its SSD away, or remove it with lvremove(8)"));
    }
    Ok(found.pop())
}

/// All volumes of ours; none where there is no LVM.
fn all(host: &Host) -> Result<Volumes> {
    match host.lvm().list() {
        Err(LvmError::Exec(ExecError::Missing { .. })) => Ok(Volumes::default()),
        other => other.context(|| "cannot list the slices of this host".into()),
    }
}

/// Carves it in a disk's volume group, unless it is there. The lock is held.
pub(super) fn make(walk: &mut Walk<'_>, vg: &VgName) -> Result<()> {
    let (host, size) = (walk.host, walk.host.config.slice.shared);
    if !walk.driver()?.shares() {
        return Ok(());
    }
    if let Some(there) = find(walk)? {
        if there.vg == *vg {
            return Ok(());
        }
        let message = format!("{SharedName} is in volume group {}, not in {vg}", there.vg);
        return Err(Error::new(Kind::Exists, message).remedy(format!(
            "set [slice] vg = \"{}\", or detach all disks that share it first",
            there.vg
        )));
    }
    let driver = Tag::pair("driver", walk.disk.record.driver.as_str())?;
    outdate(walk);
    let made = host
        .lvm()
        .create(vg, &SharedName, size, &[Tag::ours(), driver]);
    made.context(|| format!("cannot carve {size} for {SharedName} from volume group {vg}"))?;
    Ok(())
}

/// Whether it is as a slice needs it: `None` if nothing is shared, else whether it is there, and whether it is active.
pub(super) fn state(walk: &mut Walk<'_>) -> Result<Option<(bool, bool)>> {
    let shares = walk.driver()?.shares();
    let found = shares.then(|| find(walk)).transpose()?;
    Ok(found.map(|found| (found.is_some(), found.is_none_or(|lv| lv.num.is_some()))))
}

/// Activates one that a reboot left inactive.
pub(super) fn activate(walk: &Walk<'_>, found: Option<Lv<SharedName>>) -> Result<()> {
    if let Some(lv) = found.filter(|lv| lv.num.is_none()) {
        let done = walk.host.lvm().activate(&lv.vg, &lv.name);
        done.context(|| format!("cannot activate {SharedName}"))?;
    }
    Ok(())
}

/// Remembers it as the data volume of a slice. The cache's identity is that of both, so that neither is taken for another one.
pub(super) fn adopt(walk: &mut Walk<'_>, own: &[Lv]) -> Result<()> {
    let Some(lv) = find(walk)?.filter(|lv| lv.num.is_some()) else {
        return Ok(());
    };
    let path = walk.host.lvm().path(&lv.vg, &lv.name);
    let block = Block::at(&walk.host.roots, &path)?;
    walk.parts.push((Role::Data, Device::from((path, block))));
    let meta = own.iter().find(|own| own.name.role == Role::Meta);
    walk.cache_id = meta.map(|meta| format!("{}+{}", meta.uuid, lv.uuid));
    Ok(())
}

/// Makes it an empty cache, where that takes nothing from any other disk.
pub(super) fn format(walk: &mut Walk<'_>) -> Result<()> {
    let Some(_lock) = lock(walk, "format")? else {
        return Ok(());
    };
    let (driver, own) = (
        walk.disk.record.driver.clone(),
        walk.disk.record.key.clone(),
    );
    let host = walk.host;
    let others: Vec<Neighbour> = of_others(listed(walk)?, &driver, Some(&own))
        .map(|lv| neighbour(host, lv))
        .collect();
    let site = walk.site()?;
    walk.driver()?
        .format_shared(host, site.part(Role::Data)?, &others)
        .map_err(|error| match others.is_empty() || error.kind() == Kind::Dirty {
            true => error,
            false => error.remedy(
                "give the other disks that share it another driver (`warmblock attach --driver`, under load), or detach them: \
                 alone, it is made anew",
            ),
        })
}

/// What is known of a disk with a slice in the shared volume. Where this host has no record of it, it may be anything.
fn neighbour(host: &Host, lv: &Lv) -> Neighbour {
    let record = Record::load(&host.roots, &lv.name.key).ok().flatten();
    Neighbour {
        name: lv.tag("image").unwrap_or_else(|| lv.name.key.to_string()),
        own: lv.num.map(|_| host.lvm().path(&lv.vg, &lv.name)),
        writes_back: record.is_none_or(|record| record.mode.can_be_dirty()),
    }
}

/// What an exchange of a disk's driver for another one gives back of the volume group, and what it takes beside the new slice: the old
/// slice; and the shared volume, which goes with the last disk and comes with the first.
pub(in crate::disk) fn spare(
    walk: &mut Walk<'_>,
    new: &dyn Driver,
) -> Result<(Bytes, Option<Bytes>)> {
    let (old, key) = (walk.driver()?, walk.disk.record.key.clone());
    let all = listed(walk)?;
    let own: u64 = all.of(&key).iter().map(|lv| lv.size.0).sum();
    let last = old.shares() && !new.shares() && !others(all, &old.name(), Some(&key));
    let common = all.shared.first().map(|lv| lv.size);
    let goes = Bytes(own + common.filter(|_| last).map_or(0, |size| size.0));
    let first = new.shares() && common.is_none();
    Ok((goes, first.then_some(walk.host.config.slice.shared)))
}

/// Whether this host has slices in the shared volume of a driver, other than those of one disk.
fn others(all: &Volumes, driver: &DriverName, own: Option<&DiskKey>) -> bool {
    of_others(all, driver, own).next().is_some()
}

/// The slices in the shared volume of a driver, other than those of one disk.
fn of_others<'v>(
    all: &'v Volumes,
    driver: &DriverName,
    own: Option<&DiskKey>,
) -> impl Iterator<Item = &'v Lv> {
    let theirs = move |lv: &&Lv| {
        Some(&lv.name.key) != own && lv.tag("driver").as_deref() == Some(driver.as_str())
    };
    all.slices.iter().filter(theirs)
}
