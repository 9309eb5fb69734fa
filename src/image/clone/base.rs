//! The snapshot that is cloned if none is named: one of what the image holds now, taken anew only if there is none.
//!
//! An image may be written after a clone was made of it: OpenNebula makes it persistent, a VM writes, and it is made
//! non-persistent again. So the last of these snapshots is compared with the image, whoever wrote and by whatever way: by the
//! object map, which costs two reads; one that was rolled back since differs without a look (`rolled_back`). An image
//! without one is looked at object by object, up to the first that differs.
//!
//! A snapshot that is outdated is never taken anew under its name: somebody who looked before may be about to clone it, and two
//! who replace it would take each other's. It gets a follower, and goes when nothing was cloned from it; but `snap` stays until
//! the image goes, for it may be somebody else's.

use super::super::reach::Found;
use super::super::report::ImageReport;
use super::super::rolled_back;
use super::super::untake;
use crate::ceph::{Snap, SnapNamespace};
use crate::model::{BaseName, SnapName};
use crate::{Context, Error, Kind, Result};

/// What an image has of such snapshots.
pub(super) struct Bases {
    /// The name of the one to clone.
    pub(super) name: SnapName,
    /// It, if there is one.
    pub(super) current: Option<Snap>,
    /// Those that are outdated.
    pub(super) outdated: Vec<Snap>,
}

impl Bases {
    /// The one that the caller names.
    ///
    /// # Errors
    /// [`Kind::NotFound`] if there is none of this name.
    pub(super) fn named(parent: &Found<'_>, name: &SnapName, snapshots: &[Snap]) -> Result<Self> {
        if let Some(known) = snapshots.iter().find(|known| known.name == *name) {
            return Ok(Self {
                name: name.clone(),
                current: Some(known.clone()),
                outdated: Vec::new(),
            });
        }
        let known: Vec<&str> = snapshots.iter().map(|snap| snap.name.as_str()).collect();
        let message = format!("image {} has no snapshot {name}", parent.spec);
        let error = Error::new(Kind::NotFound, message);
        Err(error.remedy(match known.as_slice() {
            [] => "it has none".into(),
            known => format!("it has: {}", known.join(", ")),
        }))
    }

    /// Looks which one is to be cloned; `None` if a snapshot came or went meanwhile, and the parent has to be looked at anew.
    pub(super) fn of(parent: &Found<'_>, snapshots: &[Snap]) -> Result<Option<Self>> {
        let ours = |snap: &&Snap| snap.namespace == SnapNamespace::User && number(snap).is_some();
        // In the order in which they were taken.
        let mut bases: Vec<Snap> = snapshots.iter().filter(ours).cloned().collect();
        if let Some(last) = bases.pop() {
            if !differs(parent, &last)? {
                // Whoever takes a snapshot has the object map say that nothing was written since, after telling of the snapshot.
                return Ok(are_still(parent, snapshots)?.then(|| Self {
                    name: last.name.clone(),
                    current: Some(last),
                    outdated: bases,
                }));
            }
            bases.push(last);
        }
        Ok(Some(Self {
            name: follower(&bases).snap()?,
            current: None,
            outdated: bases,
        }))
    }
}

fn differs(parent: &Found<'_>, base: &Snap) -> Result<bool> {
    if rolled_back::since(parent, base)? {
        return Ok(true);
    }
    let differs = parent.image.differs_from(base);
    differs.context(|| {
        format!(
            "cannot ask what changed since {}@{}",
            parent.spec, base.name
        )
    })
}

/// Whether these are the image's snapshots now. It is opened for it: without a watch, a handle shows those that it found.
fn are_still(parent: &Found<'_>, snapshots: &[Snap]) -> Result<bool> {
    let now = Found::in_pool(parent.pool.clone(), parent.spec)?.snapshots()?;
    let ids = |snapshots: &[Snap]| snapshots.iter().map(|snap| snap.id).collect::<Vec<_>>();
    Ok(ids(&now) == ids(snapshots))
}

fn number(snap: &Snap) -> Option<BaseName> {
    BaseName::of(&snap.name)
}

/// The name that none of them has had.
fn follower(bases: &[Snap]) -> BaseName {
    let last = bases.iter().filter_map(number).max();
    last.map_or(BaseName::FIRST, BaseName::next)
}

/// Removes what is outdated and has no clones. What cannot be removed is told, and goes with the image.
pub(super) fn sweep(parent: &Found<'_>, outdated: &[Snap], report: &mut ImageReport) {
    let ours = |snap: &&Snap| number(snap).is_some_and(|name| name != BaseName::FIRST);
    for snap in outdated.iter().filter(ours) {
        let swept = parent
            .image
            .children(Some(&snap.name))
            .context(|| format!("cannot list the clones of {}@{}", parent.spec, snap.name))
            .and_then(|children| match children.as_slice() {
                [] => untake::remove(parent, snap, report),
                _ => Ok(()),
            });
        match swept {
            // Somebody else was faster.
            Err(error) if error.kind() == Kind::NotFound => {}
            swept => report
                .warnings
                .extend(swept.err().map(|error| error.chain())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Bytes;

    #[test]
    fn a_follower_has_a_name_of_its_own() {
        let snap = |id, name: &str| Snap {
            id,
            name: name.parse().unwrap(),
            size: Bytes::mib(1),
            protected: false,
            namespace: SnapNamespace::User,
        };
        assert_eq!(follower(&[]).to_string(), "snap");
        assert_eq!(follower(&[snap(1, "snap")]).to_string(), "wb-base-1");
        let some = [snap(1, "snap"), snap(9, "wb-base-4"), snap(12, "wb-base-3")];
        assert_eq!(follower(&some).to_string(), "wb-base-5");
    }
}
