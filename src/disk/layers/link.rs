//! The links: paths of the callers' choice that lead to the front, as OpenNebula's `disk.N` does. A disk has one, and an image
//! that several VMs have at once one for each of them.

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
        let links = links(walk)?;
        if links.is_empty() {
            let leaving = walk.disk.record.intent == Intent::Detached;
            let none = "none asked for".to_owned();
            return Ok(match leaving {
                true => Found::Absent { wanted: none },
                false => Found::Right(none),
            });
        }
        let front = target(walk);
        let look = || links.iter().map(|link| look(link, &front)).collect();
        walk.as_asker(look).map(together)
    }

    fn up(walk: &mut Walk<'_>, _found: &Found) -> Result<()> {
        let (front, links) = (target(walk), links(walk)?);
        walk.as_asker(|| links.iter().try_for_each(|link| set(link, &front)))
    }

    fn down(walk: &mut Walk<'_>, _found: &Found) -> Result<()> {
        let links = links(walk)?;
        links.iter().try_for_each(|link| unlink(walk, link))
    }
}

/// The links that there should be. One VM's directory that is gone does not keep the others from their disk, nor does one in
/// which something else is by now.
fn links(walk: &Walk<'_>) -> Result<Vec<PathBuf>> {
    let (record, front) = (&walk.disk.record, target(walk));
    let ours = |link: &&Path| record.shared.is_none() || is_free(link, &front);
    walk.as_asker(|| Ok(record.links().filter(ours).map(Path::to_path_buf).collect()))
}

/// Leads a link to the front.
fn set(link: &Path, front: &Path) -> Result<()> {
    if matches!(look(link, front)?, Found::Right(_)) {
        return Ok(());
    }
    refuse_file(link)?;
    atomic::symlink(front, link)
}

/// Whether nothing but a link to this front is at a place, which is there.
fn is_free(link: &Path, front: &Path) -> bool {
    let directory = link.parent().is_none_or(Path::is_dir);
    directory
        && matches!(
            look(link, front),
            Ok(Found::Right(_) | Found::Absent { .. })
        )
}

/// Makes way for the link of one of several VMs, whatever it led to before; those of the others are left alone.
pub(in crate::disk) fn make_way(walk: &Walk<'_>, link: &Path) -> Result<()> {
    walk.as_asker(|| match look(link, &target(walk))? {
        Found::Wrong { .. } => refuse_file(link).and_then(|()| atomic::remove(link).map(drop)),
        _ => Ok(()),
    })
}

/// What is at the place of a link.
fn look(link: &Path, front: &Path) -> Result<Found> {
    match fs::read_link(link) {
        Ok(there) if there == front => Ok(Found::Right(arrow(link, front))),
        Ok(there) => Ok(Found::Wrong {
            why: format!("it led to {}", there.display()),
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Found::Absent {
            wanted: arrow(link, front),
        }),
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(Found::Wrong {
            why: in_the_way(link),
        }),
        Err(error) => {
            Err(Error::new(Kind::Failed, format!("cannot read {}", link.display())).because(error))
        }
    }
}

/// Several as one: right if all are, absent if none is there.
fn together(found: Vec<Found>) -> Found {
    let absent = found
        .iter()
        .all(|found| matches!(found, Found::Absent { .. }));
    let right = found.iter().all(|found| matches!(found, Found::Right(_)));
    let words = |found: Found| match found {
        Found::Absent { wanted } if !absent => format!("{wanted} was missing"),
        Found::Right(what) | Found::Absent { wanted: what } | Found::Wrong { why: what } => what,
    };
    let wrong = |found: &Found| absent || right || !matches!(found, Found::Right(_));
    let what: Vec<String> = found.into_iter().filter(wrong).map(words).collect();
    let what = what.join(", ");
    match (right, absent) {
        (true, _) => Found::Right(what),
        (_, true) => Found::Absent { wanted: what },
        _ => Found::Wrong { why: what },
    }
}

/// Removes a link. One that leads elsewhere is not ours and stays; so does one that another host needs.
pub(in crate::disk) fn unlink(walk: &Walk<'_>, link: &Path) -> Result<()> {
    match walk.as_asker(|| look(link, &target(walk)))? {
        Found::Right(_) if !others_link::is_needed(walk, link)? => {
            walk.as_asker(|| atomic::remove(link).map(drop))
        }
        _ => Ok(()),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Also a link is nobody's to exchange but his in whose directory it is.
    #[test]
    fn a_link_of_the_systems_is_not_led_elsewhere_for_others() {
        let Some(nobody) = crate::sys::Caller::nobody() else {
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(dir.path(), open).unwrap();
        let (link, front) = (dir.path().join("bin"), Path::new("/dev/mapper/wb-x"));
        std::os::unix::fs::symlink("usr/bin", &link).unwrap();
        assert!(nobody.act(|| set(&link, front)).is_err());
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("usr/bin"));
        set(&link, front).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), front);
    }

    #[test]
    fn several_links_are_right_only_together() {
        let right = || Found::Right("a -> f".into());
        let absent = || Found::Absent {
            wanted: "b -> f".into(),
        };
        assert_eq!(
            together(vec![right(), right()]),
            Found::Right("a -> f, a -> f".into())
        );
        assert_eq!(together(vec![absent()]), absent());
        let why = "b -> f was missing".to_owned();
        assert_eq!(together(vec![right(), absent()]), Found::Wrong { why });
    }
}
