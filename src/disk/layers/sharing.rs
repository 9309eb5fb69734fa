//! The lease of a disk that several VMs have at once, on several hosts: an entry for this one.

use super::Found;
use crate::ceph::fence;
use crate::disk::lease::{LeaseCell, Me, may_share};
use crate::disk::record::Intent;
use crate::disk::walk::Walk;
use crate::model::Sharing;
use crate::{Error, Kind, Result};

/// How often a change is tried again that another host was faster with: hosts come and go at the same moment.
const TRIES: usize = 20;

/// What the lease says of this host.
pub(super) fn probe(walk: &mut Walk<'_>, access: Sharing) -> Result<Found> {
    let force = walk.disk.force.clone();
    let leaving = walk.disk.record.intent == Intent::Detached;
    walk.with_lease(|cell, me, record| {
        let (entry, what) = (cell.sharer(me), format!("shared by {}, {access}", me.host));
        if leaving {
            return Ok(match entry {
                Some(_) => Found::Right(what),
                None => Found::Absent {
                    wanted: String::new(),
                },
            });
        }
        may_share(&record.image, &cell.lease, &force)?;
        Ok(match entry {
            None => Found::Absent { wanted: what },
            Some(entry) if entry.boot_id != me.boot_id => Found::Wrong {
                why: format!("{what}, since before it went down"),
            },
            Some(_) if cell.has_dead(me, &force) => Found::Wrong {
                why: format!("{what}, and by a host that is dead"),
            },
            Some(entry) if entry.access != access => Found::Wrong { why: what },
            Some(_) => Found::Right(what),
        })
    })
}

/// Comes in. Whoever is dead is barred first, so that nothing of it is written any more, and nobody else is.
pub(super) fn up(walk: &mut Walk<'_>, access: Sharing) -> Result<()> {
    let force = walk.disk.force.clone();
    if force.fence && access == Sharing::ReadWrite {
        let dead = walk.with_lease(|cell, me, _| Ok(cell.dead_clients(me, &force)))?;
        let (_, image) = walk.disk.record_and_image()?;
        fence::bar(&image.image, &dead)?;
    }
    let generation = change(walk, |cell, me| {
        cell.join(me, access, &force)?;
        Ok(cell.lease.generation)
    })?;
    let me = walk.host.me()?;
    let record = &mut walk.disk.record;
    record.generation = generation;
    record.boot_id = me.boot_id;
    record.save(&walk.host.roots)
}

/// Gives this host's entry back.
pub(super) fn down(walk: &mut Walk<'_>) -> Result<()> {
    change(walk, |cell, me| cell.release(me))
}

/// Notes by which client the image is mapped here, once it is.
pub(in crate::disk) fn note_client(walk: &mut Walk<'_>) -> Result<()> {
    let client = walk.mapping.as_ref().map(|map| map.client_addr.clone());
    let Some(client) = client.filter(|_| walk.disk.record.shared.is_some() && !walk.dry_run) else {
        return Ok(());
    };
    change(walk, |cell, me| cell.note_client(me, &client))
}

/// Changes the lease, anew if another host changed it at the same moment.
fn change<T>(
    walk: &mut Walk<'_>,
    work: impl Fn(&mut LeaseCell<'_>, &Me) -> Result<T>,
) -> Result<T> {
    let mut last = Error::new(Kind::Internal, "the lease was not changed");
    for _ in 0..TRIES {
        walk.host.cancel.check()?;
        match walk.with_lease(|cell, me, _| work(cell, me)) {
            Err(error) if error.kind() == Kind::Busy => last = error,
            done => return done,
        }
    }
    Err(last)
}
