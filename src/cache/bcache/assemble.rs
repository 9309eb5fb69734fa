//! Making a bcache of its parts, and taking it apart.

use std::path::Path;

use super::look::{bearer, broken};
use super::set::{self, Set};
use super::tool;
use super::volumes::bucket;
use crate::cache::drain::cannot_tell;
use crate::cache::{Device, Site};
use crate::exec::ExecError;
use crate::host::Host;
use crate::model::{Bytes, Change, DiskKey, Role, Sectors};
use crate::sys::holders::{Holder, describe, holders};
use crate::sys::{DevNum, block, wait};
use crate::tools::bcache::{Backing, LEAST_OFFSET};
use crate::tools::blk;
use crate::tools::dmsetup::{Access, Table, Target};
use crate::tools::udev;
use crate::{Context, Error, Kind, Result};

/// So much of the data volume's start is zeroed: its superblock, the journal behind it, and what blkid looks at first.
pub(super) const HEAD: Bytes = Bytes::mib(1);

/// Zeroes what makes the volumes a bcache: the whole prefix, and the superblock of a cache of its own.
pub(super) fn wipe(site: &Site<'_>, set: Set) -> Result<()> {
    let prefix = site.part(Role::Meta)?;
    zero(site.host, &prefix.path, prefix.size.bytes())?;
    match set {
        Set::Disk => zero(site.host, &site.part(Role::Data)?.path, HEAD),
        Set::Host => Ok(()),
    }
}

/// Zeroes the start of a volume. The kernel may hold it a moment longer than it shows it.
pub(super) fn zero(host: &Host, path: &Path, size: Bytes) -> Result<()> {
    let zeroed = wait::poll(host.config.deadline.tool, || {
        match blk::zero_head(&host.exec, path, size) {
            Err(error) if error.kind() == Kind::Busy => None,
            other => Some(other),
        }
    });
    zeroed.unwrap_or_else(|| blk::zero_head(&host.exec, path, size))
}

/// Writes the superblocks onto wiped volumes: of the backing device, with a UUID that no set has seen, so that no set holds
/// anything of it; and of a cache of its own.
pub(super) fn format(site: &Site<'_>, set: Set) -> Result<()> {
    let (host, prefix) = (site.host, site.part(Role::Meta)?);
    if prefix.size < LEAST_OFFSET {
        let message = format!("{} is too small for a superblock", prefix.path.display());
        return Err(Error::new(Kind::Internal, message));
    }
    let uuid = set.uuid(site.key);
    tool(host)
        .make_backing(&prefix.path, &uuid, prefix.size)
        .context(|| format!("cannot make {} a bcache", prefix.path.display()))?;
    match set {
        Set::Disk => make_cache(host, site.part(Role::Data)?, &uuid),
        Set::Host => Ok(()),
    }
}

/// Makes a wiped volume the cache of a set. Signatures behind the start are removed too: a block of a guest's disk may look
/// like one where it came to lie.
pub(super) fn make_cache(host: &Host, data: &Device, uuid: &str) -> Result<()> {
    let (bcache, path) = (tool(host), &data.path);
    bcache
        .wipe_signatures(path)
        .and_then(|()| bcache.make_cache(path, uuid, bucket(data.size.bytes())))
        .context(|| format!("cannot make {} a bcache", path.display()))
}

/// Puts the parts together, whichever of them udev has taken up already, and waits for the device. The set comes first, so
/// that the kernel finds it when it takes up the backing device, and attaches it by what its superblock says.
///
/// Never asks for an attachment: a backing device that does not belong to the set any more would be given a new place in it,
/// and the dirty data of the old one dropped.
pub(super) fn open(site: &Site<'_>, set: Set) -> Result<Backing> {
    let (host, uuid) = (site.host, set.uuid(site.key));
    let dir = tool(host).set_dir(&uuid);
    let data = site.part(Role::Data)?;
    taken_up(host, &data.path, || Ok(dir.exists().then_some(())))?;
    refuse_elsewhere(host, &uuid, data)?;
    if set == Set::Host {
        set::tune(host)?;
    }
    bear(site)?;
    let origin = host.roots.mapper(site.key.dm(Role::Origin));
    let num = bearer(host, site.key)?;
    let backing = taken_up(host, &origin, || {
        let backing = num.and_then(|num| tool(host).backing(num));
        backing.map_or(Ok(None), |backing| served(site, set, &uuid, backing))
    })?;
    if let Some(served) = &backing.device {
        block::wait_for_node(&served.path, host.config.deadline.tool)?;
    }
    Ok(backing)
}

/// Refuses a set that stands on another device than this host's volume: its UUID is no secret, and a guest may have written it to
/// its own disk, which udev then takes up where the rules of ours are not installed.
pub(super) fn refuse_elsewhere(host: &Host, uuid: &str, data: &Device) -> Result<()> {
    match tool(host).stands_on(uuid) {
        Some(other) if other != data.number => {
            let message = format!(
                "the cache set {uuid} stands on device {other}, not on {}",
                data.path.display()
            );
            Err(Error::new(Kind::Mismatch, message).remedy(
                "find what took that device up (`warmblock doctor` looks at udev's rules) and stop the set by its \
                 `/sys/fs/bcache/UUID/stop`",
            ))
        }
        _ => Ok(()),
    }
}

/// The backing device once it is served with its cache; `None` as long as it is not served.
fn served(site: &Site<'_>, set: Set, uuid: &str, backing: Backing) -> Result<Option<Backing>> {
    let Some(served) = &backing.device else {
        return Ok(None);
    };
    if let Some(why) = broken(uuid, &backing) {
        return Err(match set {
            Set::Disk => cannot_tell(why),
            Set::Host => set::took_none(site.host, &backing, &why),
        });
    }
    if served.size != site.origin.size {
        let message = format!(
            "bcache serves {} sectors of disk {} instead of {}",
            served.size, site.key, site.origin.size
        );
        return Err(Error::new(Kind::Internal, message));
    }
    Ok(Some(backing))
}

/// Asks the kernel to take up a device until `there` finds what that brings.
fn taken_up<T>(
    host: &Host,
    device: &Path,
    mut there: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = host.config.deadline.tool;
    let mut last = None;
    let what = format!("bcache to take up {}", device.display());
    let found = wait::until(&what, deadline, || {
        // What udev has the kernel take up at this moment looks as if it had failed: the kernel shows the device before its
        // cache (`bch_cached_dev_attach`). Asking for it again waits until that is done, and what is seen then counts.
        if let Ok(Some(found)) = there() {
            return Ok(Some(found));
        }
        last = tool(host).register(device, deadline).err();
        there()
    });
    found.map_err(|error| {
        if error.kind() != Kind::Timeout {
            return error;
        }
        let error = error.remedy("see what the kernel says of bcache in `dmesg`");
        match last {
            Some(refused) => error.because(Error::from(refused)),
            None => error,
        }
    })
}

/// The prefix and the RBD behind it as one device. udev may look at the prefix at the moment, and hold it for that.
fn bear(site: &Site<'_>) -> Result<()> {
    let (host, name) = (site.host, site.key.dm(Role::Origin));
    if bearer(host, site.key)?.is_some() {
        return Ok(());
    }
    let prefix = site.part(Role::Meta)?;
    let linear = |num: DevNum| Target::Linear {
        dev: num.into(),
        offset: Sectors(0),
    };
    let table = Table::one(prefix.size, linear(prefix.number))
        .then(site.origin.size, linear(site.origin.number));
    let deadline = host.config.deadline.tool;
    udev::settle(&host.exec, &host.roots, deadline)?;
    let create = || host.dm().create(&name, &table, Access::ReadWrite);
    let created = wait::poll(deadline, || match create() {
        Err(error) if error.is_busy_below() => None,
        other => Some(other),
    });
    created
        .unwrap_or_else(create)
        .context(|| format!("cannot put {} in front of the RBD", prefix.path.display()))
}

/// Stops the device, then a set of its own, then takes away what they stood on; each may be absent. Dirty data stay on the SSD.
///
/// Errors: [`Kind::Busy`] before anything is stopped, if somebody uses the device.
pub(super) fn close(host: &Host, key: &DiskKey, set: Set) -> Result<Change> {
    let deadline = host.config.deadline.tool;
    let mut change = Change::Absent;
    let bearer = bearer(host, key)?;
    if let Some(backing) = bearer.and_then(|num| tool(host).backing(num)) {
        refuse_used(host, key, &backing)?;
        change = Change::Removed;
        stop(host, &backing.dir)?;
    }
    let dir = tool(host).set_dir(&set.uuid(key));
    if set == Set::Disk && dir.exists() {
        change = Change::Removed;
        stop(host, &dir)?;
    }
    let name = key.dm(Role::Origin);
    let removed = host
        .dm()
        .remove(&name, deadline)
        .context(|| format!("cannot remove {name}"))?;
    Ok(if removed.is_change() { removed } else { change })
}

/// Asks one to stop, and waits until it has.
pub(super) fn stop(host: &Host, dir: &Path) -> Result<()> {
    let deadline = host.config.deadline.tool;
    match tool(host).set(&dir.join("stop"), "1", deadline) {
        // It went by itself.
        Err(ExecError::Failed { .. }) if !dir.exists() => return Ok(()),
        other => other.context(|| format!("cannot stop {}", dir.display()))?,
    }
    let what = format!("bcache to stop {}", dir.display());
    wait::until(&what, deadline, || Ok((!dir.exists()).then_some(())))
        .map_err(|error| error.remedy("somebody has it open: stop that, then run it again"))
}

/// Refuses a device that another one stands on, or that is mounted; a process that looks at it goes by.
fn refuse_used(host: &Host, key: &DiskKey, backing: &Backing) -> Result<()> {
    let Some(served) = &backing.device else {
        return Ok(());
    };
    let mut users = holders(&host.roots, served.num);
    users.retain(|user| !matches!(user, Holder::Process { .. }));
    if users.is_empty() {
        return Ok(());
    }
    let message = format!("the bcache of disk {key} is {}", describe(&users));
    Err(Error::new(Kind::Busy, message).remedy("stop what uses it, then run it again"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::Cancel;
    use crate::config::Config;
    use crate::progress::ProgressMode;
    use crate::sys::Roots;

    /// udev has had it taken up, and the kernel has not shown its cache yet.
    #[test]
    fn what_is_being_put_together_is_looked_at_again() {
        let root = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.deadline.tool = std::time::Duration::from_secs(20);
        let roots = Roots::at(root.path());
        let host = Host::new(config, roots, ProgressMode::Quiet, Cancel::new());
        let lasting = |looks: usize| {
            let mut seen = 0;
            let there = || {
                seen += 1;
                match seen > looks {
                    true => Ok(Some(seen)),
                    false => Err(cannot_tell("bcache has no cache".into())),
                }
            };
            taken_up(&host, Path::new("/dev/none"), there)
        };
        assert_eq!(lasting(1).unwrap(), 2);
        assert_eq!(lasting(9).unwrap_err().kind(), Kind::Dirty);
    }
}
