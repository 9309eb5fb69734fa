//! An image that several VMs of a host have at once: who is still in, and when the last one has gone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::detach::disk_of;
use super::layers::{make_way, unlink};
use super::record::{Intent, Record};
use super::walk::Walk;
use crate::job::{Detach, LayerName};
use crate::model::Change;
use crate::{Error, Kind, Result};

/// Whether the disk is to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Still {
    /// Another VM has it, or all of them but the one that was meant.
    InUse,
    /// Its last user goes: it is to be taken down.
    Last,
}

/// Lets one user go: its link is removed. The disk itself goes with the last of them.
///
/// Errors: [`Kind::Busy`] if nobody is named and there are several.
pub(super) fn let_go(
    walk: &mut Walk<'_>,
    users: &BTreeSet<PathBuf>,
    ask: &Detach,
) -> Result<Still> {
    if users.is_empty() || walk.disk.record.intent == Intent::Detached {
        return Ok(Still::Last);
    }
    let Some(meant) = &ask.link else {
        return match users.len() {
            1 => Ok(Still::Last),
            _ => Err(several(ask, users)),
        };
    };
    let (going, staying): (BTreeSet<PathBuf>, BTreeSet<PathBuf>) = users
        .iter()
        .cloned()
        .partition(|link| disk_of(link) == disk_of(meant));
    if staying.is_empty() {
        return Ok(Still::Last);
    }
    let began = Instant::now();
    if going.is_empty() {
        walk.did(LayerName::Link, Change::Absent, "", began);
        return Ok(Still::InUse);
    }
    if !walk.dry_run {
        going.iter().try_for_each(|link| unlink(walk, link))?;
        if let Some(shared) = &mut walk.disk.record.shared {
            shared.links = staying;
        }
        walk.disk.record.save(&walk.host.roots)?;
    }
    walk.did(LayerName::Link, Change::Removed, list(&going), began);
    Ok(Still::InUse)
}

/// Removes the links of those who are in no more, and whatever is in the way of the link of one who comes.
pub(super) fn make_place(
    walk: &Walk<'_>,
    before: Option<&Record>,
    comes: Option<&Path>,
) -> Result<()> {
    let shared = walk.disk.record.shared.as_ref();
    let Some(shared) = shared.filter(|_| !walk.dry_run) else {
        return Ok(());
    };
    let had = before.and_then(|before| before.shared.as_ref());
    let mut gone = had
        .into_iter()
        .flat_map(|had| had.links.difference(&shared.links));
    gone.try_for_each(|link| unlink(walk, link))?;
    comes.map_or(Ok(()), |link| make_way(walk, link))
}

/// Takes back what an attach that failed noted of its own: the disk is of those who had it before, and are in still. Whoever was
/// found to be in no more does not come back.
pub(super) fn as_before(walk: &mut Walk<'_>, before: &Record) -> Result<Still> {
    let (Some(now), Some(had)) = (&mut walk.disk.record.shared, &before.shared) else {
        return Ok(Still::InUse);
    };
    let joined: Vec<PathBuf> = now.links.difference(&had.links).cloned().collect();
    now.links.retain(|link| had.links.contains(link));
    let nobody = now.links.is_empty();
    walk.disk.record.intent = before.intent;
    // First: a user without a link would be one for ever, and a link without a user is in nobody's way.
    walk.disk.record.save(&walk.host.roots)?;
    joined.iter().try_for_each(|link| unlink(walk, link))?;
    Ok(match nobody {
        true => Still::Last,
        false => Still::InUse,
    })
}

fn several(ask: &Detach, users: &BTreeSet<PathBuf>) -> Error {
    let message = format!("several have image {} at once: {}", ask.image, list(users));
    Error::new(Kind::Busy, message).remedy(format!(
        "let them go one by one, with `warmblock detach {} --link LINK`; with the last one the disk goes",
        ask.image
    ))
}

fn list(links: &BTreeSet<PathBuf>) -> String {
    let links: Vec<String> = links
        .iter()
        .map(|link| link.display().to_string())
        .collect();
    links.join(", ")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;
    use crate::cancel::Cancel;
    use crate::config::Config;
    use crate::disk::lease::Force;
    use crate::disk::open::OpenDisk;
    use crate::disk::record::Shared;
    use crate::host::Host;
    use crate::model::{OnFull, Role, Sharing};
    use crate::progress::ProgressMode;
    use crate::sys::Roots;
    use crate::sys::lock::DiskLock;

    /// A host whose disk VMs 1 and 2 have, each behind its link.
    fn host(dir: &Path) -> (Host, OpenDisk) {
        let (config, roots) = (Config::default(), Roots::at(dir));
        let host = Host::new(config, roots, ProgressMode::Quiet, Cancel::new());
        let mut record = Record::sample();
        record.intent = Intent::Attached;
        let front = host.roots.mapper(record.key.dm(Role::Front));
        let links: BTreeSet<PathBuf> = ["1", "2"].map(|vm| link(dir, vm)).into();
        for link in &links {
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(&front, link).unwrap();
        }
        let access = Sharing::ReadOnly;
        record.shared = Some(Shared { access, links });
        record.save(&host.roots).unwrap();
        let boot_id = host.roots.proc.join("sys/kernel/random/boot_id");
        fs::create_dir_all(boot_id.parent().unwrap()).unwrap();
        crate::sys::atomic::write(&boot_id, b"b\n").unwrap();
        let patience = host.config.deadline.lock;
        let lock = DiskLock::acquire(&host.roots.run, &record.key, "detach", patience).unwrap();
        let disk = OpenDisk {
            record,
            made_up: false,
            image: None,
            unreachable: None,
            force: Force::default(),
            on_full: OnFull::Bypass,
            exchange: None,
            lock,
        };
        (host, disk)
    }

    fn link(dir: &Path, vm: &str) -> PathBuf {
        dir.join(format!("100/{vm}/disk.0"))
    }

    fn ask(link: Option<PathBuf>) -> Detach {
        Detach {
            image: "one/a".parse().unwrap(),
            discard_dirty: false,
            link,
            free: false,
            linked: false,
        }
    }

    fn users(walk: &Walk<'_>) -> BTreeSet<PathBuf> {
        let record = Record::load(&walk.host.roots, &walk.disk.record.key);
        record.unwrap().unwrap().shared.unwrap().links
    }

    #[test]
    fn who_goes_takes_its_own_link_and_the_last_one_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let (host, disk) = host(dir.path());
        let mut walk = Walk::new(&host, disk, false);
        let (first, second) = (link(dir.path(), "1"), link(dir.path(), "2"));
        let go = |walk: &mut Walk<'_>, link: Option<PathBuf>| {
            let users = users(walk);
            let_go(walk, &users, &ask(link)).map_err(|error| (error.kind(), error.chain()))
        };
        let (kind, said) = go(&mut walk, None).unwrap_err();
        assert_eq!(kind, Kind::Busy);
        assert!(
            [&first, &second]
                .iter()
                .all(|link| said.contains(link.to_str().unwrap()))
        );
        // Whoever is not among them changes nothing.
        let other = Some(link(dir.path(), "3"));
        assert_eq!(go(&mut walk, other), Ok(Still::InUse));
        assert_eq!(users(&walk).len(), 2);
        // The VM's directory may have moved.
        let moved = Some(dir.path().join("110/1/disk.0"));
        assert_eq!(go(&mut walk, moved.clone()), Ok(Still::InUse));
        assert!(!first.is_symlink() && second.is_symlink());
        assert_eq!(users(&walk), [second.clone()].into());
        assert_eq!(go(&mut walk, moved), Ok(Still::InUse), "once more");
        for link in [Some(second.clone()), None] {
            assert_eq!(go(&mut walk, link), Ok(Still::Last));
        }
        assert!(second.is_symlink(), "it goes with the disk");
    }

    #[test]
    fn who_could_not_join_leaves_no_trace() {
        let dir = tempfile::tempdir().unwrap();
        let (host, disk) = host(dir.path());
        let mut walk = Walk::new(&host, disk, false);
        let (first, second) = (link(dir.path(), "1"), link(dir.path(), "2"));
        let mut before = walk.disk.record.clone();
        before.intent = Intent::Detached;
        before.shared.as_mut().unwrap().links.remove(&second);
        assert_eq!(as_before(&mut walk, &before).unwrap(), Still::InUse);
        assert_eq!(users(&walk), [first.clone()].into());
        assert_eq!(walk.disk.record.intent, Intent::Detached);
        assert!(first.is_symlink() && !second.is_symlink());
        // Also if there is no way to where its link was to be; and nobody is left if the other was of an earlier boot.
        let nowhere = dir.path().join("file/disk.0");
        crate::sys::atomic::write(&dir.path().join("file"), b"").unwrap();
        let before = walk.disk.record.clone();
        walk.disk.record.shared.as_mut().unwrap().links = [nowhere.clone()].into();
        assert!(make_place(&walk, Some(&before), Some(&nowhere)).is_err());
        assert!(!first.is_symlink(), "it is in no more");
        assert!(as_before(&mut walk, &before).is_err());
        assert_eq!(users(&walk), BTreeSet::new());
    }
}
