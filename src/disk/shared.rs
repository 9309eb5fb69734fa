//! An image that several VMs of a host have at once: who is still in, and when the last one has gone.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use super::detach::disk_of;
use super::layers::unlink;
use super::record::{Intent, Shared};
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

/// Takes back what an attach that failed noted of its own: the disk is of those who had it before.
pub(super) fn as_before(walk: &mut Walk<'_>, before: &Shared) -> Result<()> {
    let Some(shared) = &mut walk.disk.record.shared else {
        return Ok(());
    };
    let joined: Vec<PathBuf> = shared.links.difference(&before.links).cloned().collect();
    shared.links.clone_from(&before.links);
    walk.disk.record.save(&walk.host.roots)?;
    joined.iter().try_for_each(|link| unlink(walk, link))
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
