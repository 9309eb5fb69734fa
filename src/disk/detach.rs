//! Detach: take down from the top, and leave a plain image behind.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Instant;

use super::attach::note_client;
use super::clean::{give_up, lease_is_dirty, reopen};
use super::layers::{
    CacheLayer, Front, Layer, LeaseLayer, Link, Map, Slice, leave, let_it_look, refuse_in_use,
};
use super::lease::Force;
use super::open::OpenDisk;
use super::record::{Intent, Record};
use super::revive::revive;
use super::shared::{self, Still};
use super::walk::Walk;
use crate::cache::Cache;
use crate::host::Host;
use crate::job::{Detach, LayerName, Report};
use crate::model::Change;
use crate::sys::atomic;
use crate::{Error, Kind, Result};

/// Takes a disk down. Dirty data are written back and proven clean first; a disk that is in use is refused, and one that is
/// there behind somebody else's link is left alone. An attach of it that still runs, or a seed, is stopped.
///
/// Errors: [`crate::Kind::Busy`] while somebody has the front open, [`crate::Kind::Dirty`] if it cannot be made clean;
/// [`crate::Kind::LeaseHeld`] if nobody is to have it afterwards, and another host does.
pub fn detach(host: &Host, ask: &Detach, dry_run: bool) -> Result<Report> {
    let mut disk = OpenDisk::to_detach(host, ask, dry_run)?;
    disk.force = Force {
        discard_dirty: ask.discard_dirty,
        ..Force::default()
    };
    let mut walk = Walk::new(host, disk, dry_run);
    let users = walk.disk.record.shared.as_ref();
    let users = users.map(|shared| shared.links.clone());
    if let Some(users) = users
        && shared::let_go(&mut walk, &users, ask)? == Still::InUse
    {
        return Ok(walk.report(true));
    }
    if let Some(theirs) = theirs(&walk.disk, ask) {
        walk.warnings.push(format!(
            "image {} stays attached: it is somebody else's disk, {theirs}",
            ask.image
        ));
        walk.did(LayerName::Link, Change::Kept, theirs, Instant::now());
        return Ok(walk.report(true));
    }
    descend(&mut walk)?;
    refuse_elsewhere(&mut walk, ask)?;
    Ok(walk.report(false))
}

/// Says that another host has the image, where nobody is to have it.
fn refuse_elsewhere(walk: &mut Walk<'_>, ask: &Detach) -> Result<()> {
    if !ask.free || walk.dry_run || walk.disk.image.is_none() {
        return Ok(());
    }
    let elsewhere = walk.with_lease(|cell, me, _| Ok(cell.lease.elsewhere(&me.host).cloned()))?;
    let Some(other) = elsewhere else {
        return Ok(());
    };
    let image = &ask.image;
    let message = format!("image {image} is let go here, and host {other} has it");
    Err(Error::new(Kind::LeaseHeld, message)
        .remedy(format!("detach it there: `warmblock detach {image}`")))
}

/// Whose disk it is, if not the caller's. What has no record is nobody's.
fn theirs(disk: &OpenDisk, ask: &Detach) -> Option<String> {
    let record = &disk.record;
    let link = record.link.as_deref();
    let by_hand = ask.linked && !disk.made_up && record.links().next().is_none();
    let others = others_link(link, ask.link.as_deref()).map(|link| link.display().to_string());
    others.or_else(|| by_hand.then(|| "attached by hand".to_owned()))
}

/// The link that there is, if it is not of the disk that the caller means.
pub(super) fn others_link<'r>(there: Option<&'r Path>, meant: Option<&Path>) -> Option<&'r Path> {
    let meant = meant?;
    there.filter(|there| disk_of(there) != disk_of(meant))
}

/// How OpenNebula knows a disk: its VM's directory may have moved.
pub(super) fn disk_of(link: &Path) -> (Option<&OsStr>, Option<&OsStr>) {
    (link.parent().and_then(Path::file_name), link.file_name())
}

/// Takes every layer down. The record goes last: as long as it is there, the job is not done.
pub(super) fn descend(walk: &mut Walk<'_>) -> Result<()> {
    refuse_in_use(walk)?;
    let_it_look(walk)?;
    reopen_if_dirty(walk)?;
    if walk.disk.record.intent != Intent::Detached {
        walk.disk.record.intent = Intent::Detached;
        if !walk.dry_run {
            walk.disk.record.save(&walk.host.roots)?;
        }
    }
    // What the upper layers need to know of the lower ones.
    probe::<Map>(walk)?;
    if let Err(error) = probe::<Slice>(walk) {
        // Told again, and for good, when it is the slice's turn.
        walk.warnings.push(error.chain());
    }
    walk.down::<Link>()?;
    walk.down::<Front>()?;
    walk.down::<CacheLayer>()?;
    if !walk.dry_run {
        let key = &walk.disk.record.key;
        walk.driver()?.release(walk.host, key)?;
    }
    walk.down::<Map>()?;
    walk.down::<LeaseLayer>()?;
    walk.down::<Slice>()?;
    leave(walk)?;
    forget(walk)
}

fn forget(walk: &mut Walk<'_>) -> Result<()> {
    let began = Instant::now();
    let mut change = Change::Removed;
    if !walk.dry_run {
        let record = &walk.disk.record;
        change = record.remove(&walk.host.roots)?;
        // What a killed job was about to put in place.
        Record::sweep(&walk.host.roots)?;
        for dir in record.links().filter_map(Path::parent) {
            walk.as_asker(|| atomic::sweep(dir))?;
        }
    }
    walk.did(LayerName::Record, change, String::new(), began);
    Ok(())
}

/// A cache that went down dirty, or failed, is opened again, so that it can be written back; or given up, if that is what was asked for.
fn reopen_if_dirty(walk: &mut Walk<'_>) -> Result<()> {
    if revive(walk)? {
        return Ok(());
    }
    let cached = walk.driver()?.probe(walk.host, &walk.disk.record.key)?;
    if cached != Cache::Absent || walk.disk.image.is_none() || !lease_is_dirty(walk)? {
        return Ok(());
    }
    if walk.dry_run {
        let verb = if walk.disk.force.discard_dirty {
            "given up"
        } else {
            "opened again and written back"
        };
        walk.did(LayerName::Cache, Change::Altered, verb, Instant::now());
        return Ok(());
    }
    if walk.disk.force.discard_dirty {
        return give_up(walk);
    }
    walk.up::<LeaseLayer>()?;
    walk.up::<Map>()?;
    note_client(walk)?;
    walk.up::<Slice>()?;
    reopen(walk)
}

fn probe<L: Layer>(walk: &mut Walk<'_>) -> Result<()> {
    L::probe(walk).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_known_by_its_vm_and_number() {
        let others = |there: Option<&'static str>, meant: Option<&str>| {
            others_link(there.map(Path::new), meant.map(Path::new)).is_some()
        };
        let ours = "/var/lib/one/datastores/100/12/disk.1";
        assert!(!others(Some(ours), Some(ours)));
        assert!(!others(
            Some(ours),
            Some("/var/lib/one/datastores/110/12/disk.1")
        ));
        for other in ["100/13/disk.1", "100/12/disk.2"] {
            let other = format!("/var/lib/one/datastores/{other}");
            assert!(others(Some(ours), Some(&other)), "{other}");
        }
        // By hand, or without a link: nobody says whose it is.
        assert!(!others(None, Some(ours)) && !others(Some(ours), None));
    }
}
