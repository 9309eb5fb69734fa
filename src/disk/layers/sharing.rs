//! The lease of a disk that several VMs have at once, on several hosts: an entry for this one.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Found;
use super::bar::bar;
use super::lease::{refuse_half_done, refuse_stale};
use super::watchers::in_use;
use crate::ceph::Watcher;
use crate::disk::lease::{LeaseCell, Me, may_share};
use crate::disk::record::{Intent, Record};
use crate::disk::walk::Walk;
use crate::model::{Lease, Sharing};
use crate::sys::wait;
use crate::{Context, Error, Kind, Result};

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
            // Whoever came in was killed before it had looked who else is there.
            Some(entry) if entry.boot_id != record.boot_id => Found::Wrong {
                why: format!("{what}; the record follows it"),
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
    let dead = cell.given_up(&me, &force);
    let held = dead.holder.is_some();
    let could_write = held || (dead.shared.iter()).any(|dead| dead.access == Sharing::ReadWrite);
    // Beside a holder nobody else has it rightfully; others who have it together may be anywhere.
    let barred = match could_write {
        true => bar(host, record, image, &dead, held)?,
        false => None,
    };
    let (was_in, known) = (cell.sharer(&me).is_some(), clients(&cell.lease, &me));
    refuse_strangers(walk, &known)?;
    walk.warnings.extend(barred);
    let generation = change(walk, |cell, me, _| {
        cell.join(me, access, &force)?;
        Ok(cell.lease.generation)
    })?;
    if let Err(error) = still_among_them(walk, &known) {
        // Whose VMs may be running here stays in.
        let back = if was_in { Ok(()) } else { down(walk) };
        return Err(error.and_then_cleanup(back));
    }
    let record = &mut walk.disk.record;
    record.generation = generation;
    record.boot_id = me.boot_id;
    record.save(&walk.host.roots)
}

/// Looks once more, now that this host's entry can be seen, as one does who has an image alone.
fn still_among_them(walk: &Walk<'_>, known: &BTreeSet<String>) -> Result<()> {
    refuse_strangers(walk, known)?;
    let (record, image) = walk.disk.record_and_image()?;
    refuse_half_done(walk.host, record, image)
}

/// Gives this host's entry back.
pub(super) fn down(walk: &mut Walk<'_>) -> Result<()> {
    change(walk, |cell, me, _| cell.release(me))
}

/// Changes the lease, anew if another host changed it at the same moment: a data centre's hosts may come and go at once.
pub(in crate::disk) fn change<T>(
    walk: &mut Walk<'_>,
    work: impl Fn(&mut LeaseCell<'_>, &Me, &Record) -> Result<T>,
) -> Result<T> {
    let host = walk.host;
    until_won(host.config.deadline.map, || {
        host.cancel.check()?;
        walk.with_lease(&work)
    })
}

/// Tries until nobody else is faster, with pauses in which others come to it.
fn until_won<T>(deadline: Duration, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let mut last = Error::new(Kind::Internal, "the lease was not changed");
    let won = wait::poll(deadline, || match attempt() {
        Err(error) if error.kind() == Kind::Busy => {
            last = error;
            None
        }
        done => Some(done),
    });
    won.unwrap_or(Err(last))
}

/// Refuses an image that somebody has open whom the lease does not know: it might be written, or be cached by one who does not
/// know that others write. Whoever just came in is waited for until it says by which client, and one that Ceph is about to forget
/// until it has. `known` are those whom the lease knew before this host came in: of a dead one Ceph still shows the watch.
fn refuse_strangers(walk: &Walk<'_>, known: &BTreeSet<String>) -> Result<()> {
    let (record, image) = walk.disk.record_and_image()?;
    let me = walk.host.me()?;
    let own = walk.host.krbd().list().into_iter();
    let mut known = known.clone();
    known.extend(own.map(|mapping| mapping.client_addr));
    let mut look = || -> Result<Vec<String>> {
        let watchers = image
            .image
            .watchers()
            .context(|| format!("cannot list who watches {}", record.image))?;
        // Whoever has let go meanwhile may be seen a moment longer.
        known.extend(clients(&image.lease(record)?.lease, &me));
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

/// Whom a lease knows to have the image open, also as what this host was before it went down.
fn clients(lease: &Lease, me: &Me) -> BTreeSet<String> {
    let mut known = lease.clients(&me.host);
    known.extend(lease.shared.iter().filter_map(|own| own.client.clone()));
    known
}

fn strangers(watchers: Vec<Watcher>, known: &BTreeSet<String>) -> Vec<String> {
    let addresses = watchers.into_iter().map(|watcher| watcher.addr);
    addresses.filter(|addr| !known.contains(addr)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_hosts_come_at_once() {
        let mut lost = 0;
        let attempt = |races: u32| {
            move || {
                lost += 1;
                match lost > races {
                    true => Ok(lost),
                    false => Err(Error::new(Kind::Busy, "another host was faster")),
                }
            }
        };
        let long = Duration::from_secs(600);
        assert_eq!(until_won(long, attempt(40)).unwrap(), 41);
        let never = until_won(Duration::ZERO, attempt(u32::MAX));
        assert_eq!(never.unwrap_err().kind(), Kind::Busy);
        // What is no race is told at once.
        let held = until_won(long, || Err::<(), _>(Error::new(Kind::LeaseHeld, "held")));
        assert_eq!(held.unwrap_err().kind(), Kind::LeaseHeld);
    }
}
