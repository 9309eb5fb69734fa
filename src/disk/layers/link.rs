//! The link: a path of the caller's choice that leads to the front, as OpenNebula's `disk.N` does.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Found, Layer, others_link};
use crate::disk::record::Intent;
use crate::disk::walk::Walk;
use crate::job::LayerName;
use crate::model::Role;
use crate::sys::atomic;
use crate::{Error, Kind, Result};

/// See the module.
#[derive(Debug)]
pub(in crate::disk) struct Link;

impl Layer for Link {
    const NAME: LayerName = LayerName::Link;

    fn probe(walk: &mut Walk<'_>) -> Result<Found> {
        let Some(link) = &walk.disk.record.link else {
            let leaving = walk.disk.record.intent == Intent::Detached;
            let none = "none asked for".to_owned();
            return Ok(if leaving {
                Found::Absent { wanted: none }
            } else {
                Found::Right(none)
            });
        };
        let front = target(walk);
        match fs::read_link(link) {
            Ok(there) if there == front => Ok(Found::Right(arrow(link, &front))),
            Ok(there) => Ok(Found::Wrong {
                why: format!("it led to {}", there.display()),
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Found::Absent {
                wanted: arrow(link, &front),
            }),
            Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(Found::Wrong {
                why: in_the_way(link),
            }),
            Err(error) => Err(
                Error::new(Kind::Failed, format!("cannot read {}", link.display())).because(error),
            ),
        }
    }

    fn up(walk: &mut Walk<'_>, _found: &Found) -> Result<()> {
        let front = target(walk);
        match &walk.disk.record.link {
            Some(link) => {
                refuse_file(link)?;
                atomic::symlink(&front, link)
            }
            None => Ok(()),
        }
    }

    /// A link that leads elsewhere is not ours and stays; so does one that another host needs.
    fn down(walk: &mut Walk<'_>, found: &Found) -> Result<()> {
        match (&walk.disk.record.link, found) {
            (Some(link), Found::Right(_)) if !others_link::is_needed(walk, link)? => {
                atomic::remove(link).map(drop)
            }
            _ => Ok(()),
        }
    }
}

/// Refuses a path at which there is something else than a link: it is somebody's, and a rename would destroy it.
pub(in crate::disk) fn refuse_file(link: &Path) -> Result<()> {
    match fs::symlink_metadata(link) {
        Ok(there) if !there.is_symlink() => Err(Error::new(Kind::Exists, in_the_way(link))
            .remedy("move it away, or choose another --link")),
        _ => Ok(()),
    }
}

fn in_the_way(link: &Path) -> String {
    format!("{} is there and is no symbolic link", link.display())
}

fn target(walk: &Walk<'_>) -> PathBuf {
    walk.host.roots.mapper(walk.disk.record.key.dm(Role::Front))
}

fn arrow(link: &Path, front: &Path) -> String {
    format!("{} -> {}", link.display(), front.display())
}
