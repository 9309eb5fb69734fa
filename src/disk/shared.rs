//! An image that several VMs of a host have at once: who is still in, and when the last one has gone.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use super::detach::disk_of;
use super::layers::unlink;
use super::lease::Me;
use super::open::OpenDisk;
use super::record::Intent;
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

/// Whether an image that several VMs have was taken from this host while it was down: its VMs went on elsewhere.
///
/// Errors: Ceph cannot be asked.
pub(super) fn is_given_up(me: &Me, disk: &OpenDisk) -> Result<bool> {
    if disk.record.shared.is_none() || disk.record.boot_id == me.boot_id || disk.image.is_none() {
        return Ok(false);
    }
    let (record, image) = disk.record_and_image()?;
    // A generation says that it had come in before.
    Ok(record.generation > 0 && image.lease(record)?.sharer(me).is_none())
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
