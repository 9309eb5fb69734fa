//! The lease of a disk that several VMs have at once, on several hosts: an entry for this one.

use std::collections::BTreeSet;

use super::Found;
use super::bar::bar;
use super::lease::refuse_stale;
use super::watchers::in_use;
use crate::ceph::Watcher;
use crate::disk::lease::{LeaseCell, Me, may_share};
use crate::disk::record::{Intent, Record};
use crate::disk::walk::Walk;
use crate::model::Sharing;
use crate::sys::wait;
use crate::{Context, Error, Kind, Result};

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
        may_share(&record.image, &cell.lease, me, access, &force)?;
        let dead = cell.given_up(me, &force);
        Ok(match entry {
            None => Found::Absent { wanted: what },
            Some(entry) if entry.boot_id != me.boot_id => Found::Wrong {
                why: format!("{what}, since before it went down"),
            },
            Some(_) if dead.holder.is_some() || !dead.shared.is_empty() => Found::Wrong {
                why: format!("{what}, and by a host that is dead"),
            },
            Some(entry) if entry.access != access => Found::Wrong { why: what },
            Some(_) => Found::Right(what),
        })
    })
}

/// Comes in. Whoever is dead and could write is barred first, so that nothing of it is written any more, and nobody else is.
pub(super) fn up(walk: &mut Walk<'_>, access: Sharing) -> Result<()> {
    let (host, me, force) = (walk.host, walk.host.me()?, walk.disk.force.clone());
    let (record, image) = walk.disk.record_and_image()?;
    let cell = image.lease(record)?;
    may_share(&record.image, &cell.lease, &me, access, &force)?;
    if cell.sharer(&me).is_none_or(|own| own.boot_id != me.boot_id) {
        // Others may have written since it was coherent.
        refuse_stale(walk)?;
    }
    if access == Sharing::ReadOnly {
        refuse_strangers(walk)?;
    }
    let dead = cell.given_up(&me, &force);
    let could_write = dead.holder.is_some()
        || (dead.shared.iter()).any(|sharer| sharer.access == Sharing::ReadWrite);
    if could_write && let Some(warning) = bar(host, record, image, &dead, false)? {
        walk.warnings.push(warning);
    }
    let generation = change(walk, |cell, me, _| {
        cell.join(me, access, &force)?;
        Ok(cell.lease.generation)
    })?;
    let record = &mut walk.disk.record;
    record.generation = generation;
    record.boot_id = me.boot_id;
    record.save(&walk.host.roots)
}

/// Gives this host's entry back.
pub(super) fn down(walk: &mut Walk<'_>) -> Result<()> {
    change(walk, |cell, me, _| cell.release(me))
}

/// Changes the lease, anew if another host changed it at the same moment.
pub(in crate::disk) fn change<T>(
    walk: &mut Walk<'_>,
    work: impl Fn(&mut LeaseCell<'_>, &Me, &Record) -> Result<T>,
) -> Result<T> {
    let mut last = Error::new(Kind::Internal, "the lease was not changed");
    for _ in 0..TRIES {
        walk.host.cancel.check()?;
        match walk.with_lease(&work) {
            Err(error) if error.kind() == Kind::Busy => last = error,
            done => return done,
        }
    }
    Err(last)
}

/// Refuses an image that only readers are to have, and that somebody has open whom the lease does not know: it might be
/// written. Whoever just came in is waited for until it says by which client, and one that Ceph is about to forget until it has.
fn refuse_strangers(walk: &Walk<'_>) -> Result<()> {
    let (record, image) = walk.disk.record_and_image()?;
    let me = walk.host.me()?.host;
    let own = walk.host.krbd().list().into_iter();
    let own: BTreeSet<String> = own.map(|mapping| mapping.client_addr).collect();
    let look = || -> Result<Vec<String>> {
        let watchers = image
            .image
            .watchers()
            .context(|| format!("cannot list who watches {}", record.image))?;
        let lease = image.lease(record)?.lease;
        let mut known = lease.clients(&me);
        // Also what this host was before it went down.
        known.extend(lease.shared.into_iter().filter_map(|own| own.client));
        known.extend(own.iter().cloned());
        Ok(strangers(watchers, &known))
    };
    let mut last = look()?;
    if last.is_empty() {
        return Ok(());
    }
    let known = wait::poll(walk.host.config.deadline.map, || match look() {
        Ok(now) if now.is_empty() => Some(Ok(())),
        Ok(now) => {
            last = now;
            None
        }
        Err(error) => Some(Err(error)),
    });
    known.unwrap_or_else(|| Err(in_use(&record.image, &last)))
}

fn strangers(watchers: Vec<Watcher>, known: &BTreeSet<String>) -> Vec<String> {
    let addresses = watchers.into_iter().map(|watcher| watcher.addr);
    addresses.filter(|addr| !known.contains(addr)).collect()
}
