//! What the kernel has of a disk's bcache.

use super::{tool, tune};
use crate::Result;
use crate::cache::drain::cannot_tell;
use crate::cache::{Cache, Stats};
use crate::host::Host;
use crate::model::{Bytes, DiskKey, Role};
use crate::sys::DevNum;
use crate::tools::bcache::{Backing, Look, State};

/// The device that bears the superblock and the RBD behind it.
pub(super) fn bearer(host: &Host, key: &DiskKey) -> Result<Option<DevNum>> {
    let info = host.dm().info(&key.dm(Role::Origin))?;
    Ok(info.map(|info| info.num))
}

/// The backing device that a device bears, if the kernel has taken it up.
pub(super) fn backing(host: &Host, bearer: DevNum) -> Result<Option<Backing>> {
    tool(host).backing(bearer, host.config.deadline.tool)
}

/// The same, with its set.
pub(super) fn look(host: &Host, bearer: DevNum) -> Result<Look> {
    tool(host).look(&[bearer], host.config.deadline.tool)
}

/// The backing device, which must work with the set of a UUID.
pub(super) fn attached(host: &Host, key: &DiskKey, set: &str) -> Result<Backing> {
    let gone = || cannot_tell(format!("the cache of disk {key} is not in the kernel"));
    let num = bearer(host, key)?.ok_or_else(gone)?;
    let backing = backing(host, num)?.ok_or_else(gone)?;
    match broken(set, &backing) {
        Some(why) => Err(cannot_tell(why)),
        None => Ok(backing),
    }
}

/// Why a backing device that runs does not work as a cache.
pub(super) fn broken(set: &str, backing: &Backing) -> Option<String> {
    if backing.failed {
        return Some(
            "the kernel has stopped bcache, for too many errors of the image or of its SSD".into(),
        );
    }
    match &backing.set {
        Some(attached) if attached == set => None,
        Some(other) => Some(format!(
            "bcache is attached to set {other}, which is not this disk's"
        )),
        None => Some(
            "bcache has no cache: the kernel gave its SSD up, or its making was interrupted".into(),
        ),
    }
}

/// What the kernel has. A backing device that waits for its set serves nobody, so there is no cache.
pub(super) fn judge(set: &str, bearer: DevNum, look: &Look) -> Cache {
    let Some(backing) = look.backing(bearer) else {
        return Cache::Absent;
    };
    let served = match &backing.device {
        Some(served) => served,
        None if backing.failed => {
            let why = broken(set, backing).unwrap_or_default();
            return Cache::Broken { why };
        }
        None => return Cache::Absent,
    };
    if let Some(why) = broken(set, backing) {
        return Cache::Broken { why };
    }
    let filling = look.filling(set).unwrap_or_default();
    Cache::Up {
        running: tune::running(backing),
        stats: Stats {
            capacity: filling.capacity,
            resident: filling.resident,
            dirty: dirty(backing),
            read_hits: backing.counters.hits,
            read_misses: backing.counters.misses,
            errors_ssd: filling.errors,
            errors_origin: backing.errors,
            ..Stats::default()
        },
        size: served.size,
        stuck: false,
        num: served.num,
    }
}

/// What is dirty: the state is exact, the figure is rounded and may lag.
pub(super) fn dirty(backing: &Backing) -> Bytes {
    match backing.state {
        State::Clean | State::NoCache => Bytes(0),
        State::Dirty | State::Inconsistent => backing.dirty.max(Bytes(512)),
    }
}
