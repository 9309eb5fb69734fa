//! The lock of a disk that goes: who brings it up meanwhile is stopped, if it is for whom it goes.

use std::path::PathBuf;

use crate::Result;
use crate::disk::detach::others_link;
use crate::disk::later;
use crate::disk::record::{Record, Shared};
use crate::host::Host;
use crate::job::Detach;
use crate::model::{DiskKey, Role};
use crate::sys::lock::{DiskLock, Holder};

/// What brings a disk up, and may take long: it is stopped for a detach, and undoes what it began.
const UPWARDS: [&str; 4] = ["attach", "insert", "seed", later::WHAT];

/// Takes the lock of a disk that goes. What brings it up is waited for as long as a cache may take to write back what it has;
/// and so is one of several VMs that have it, which is not stopped for another.
pub(super) fn lock_to_detach(
    host: &Host,
    key: &DiskKey,
    ask: &Detach,
    dry_run: bool,
) -> Result<DiskLock> {
    let deadline = &host.config.deadline;
    let longer = deadline.flush.max(deadline.lock);
    let patience = match Record::load(&host.roots, key) {
        Ok(Some(record)) if record.shared.is_some() => longer,
        _ => deadline.lock,
    };
    let may_stop = |holder: &Holder| {
        let upwards = UPWARDS.contains(&holder.what.as_str());
        upwards && !dry_run && is_meant(host, key, ask) && is_idle(host, key)
    };
    let times = (patience, longer);
    DiskLock::acquire_stopping(&host.roots.run, key, "detach", times, may_stop)
}

/// Whether nobody has the disk's front open: one in use is not taken down, so nothing is stopped for it. Unknown is in use.
fn is_idle(host: &Host, key: &DiskKey) -> bool {
    let front = host.dm().info(&key.dm(Role::Front));
    front.is_ok_and(|front| front.is_none_or(|front| front.open_count == 0))
}

/// Whether it is the caller's disk that is being brought up. As long as no record says whose it is, nobody knows.
fn is_meant(host: &Host, key: &DiskKey, ask: &Detach) -> bool {
    match (Record::load(&host.roots, key), &ask.link) {
        (Ok(Some(record)), _) => is_theirs(&record, ask),
        (_, None) => true,
        (Ok(None) | Err(_), Some(_)) => false,
    }
}

/// Whether a disk is of the one who wants it gone, and of nobody else.
fn is_theirs(record: &Record, ask: &Detach) -> bool {
    let meant = ask.link.as_deref();
    match &record.shared {
        None if ask.linked && record.link.is_none() => false,
        None => others_link(record.link.as_deref(), meant).is_none(),
        Some(Shared { links, .. }) => {
            let is_meant = |link: &PathBuf| others_link(Some(link), meant).is_none();
            links.iter().all(is_meant) && (meant.is_some() || links.len() <= 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Sharing;

    #[test]
    fn a_vm_that_joins_others_is_stopped_for_none_of_them() {
        let mut record = Record::sample();
        let ask = |link: Option<&str>| Detach {
            image: "one/a".parse().unwrap(),
            discard_dirty: false,
            link: link.map(PathBuf::from),
            free: false,
            linked: false,
        };
        record.link = Some("/d/1/disk.0".into());
        assert!(is_theirs(&record, &ask(Some("/d/1/disk.0"))) && is_theirs(&record, &ask(None)));
        assert!(!is_theirs(&record, &ask(Some("/d/2/disk.0"))));
        record.link = None;
        let linked = Detach {
            linked: true,
            ..ask(Some("/d/1/disk.0"))
        };
        assert!(is_theirs(&record, &ask(Some("/d/1/disk.0"))) && !is_theirs(&record, &linked));
        let mut shared = |links: &[&str], meant| {
            record.shared = Some(Shared {
                access: Sharing::ReadOnly,
                links: links.iter().map(PathBuf::from).collect(),
            });
            is_theirs(&record, &ask(meant))
        };
        assert!(shared(&["/d/1/disk.0"], Some("/d/1/disk.0")) && shared(&["/d/1/disk.0"], None));
        for meant in [None, Some("/d/1/disk.0"), Some("/d/2/disk.0")] {
            assert!(!shared(&["/d/1/disk.0", "/d/2/disk.0"], meant), "{meant:?}");
        }
    }
}
