//! The lease: this host's claim on the image, written in the image itself.

use std::time::Duration;

use super::bar::bar;
use super::watchers::{refuse_guest, refuse_watchers, stays};
use super::{Found, Layer, sharing};
use crate::cache::Cache;
use crate::disk::clean::lease_is_dirty;
use crate::disk::half_replaced::refuse_half_replaced;
use crate::disk::half_reverted::refuse_half_reverted;
use crate::disk::lease::{Claim, Force, LeaseCell, Me, claim, may_come_in};
use crate::disk::lost::never_had;
use crate::disk::open::OpenImage;
use crate::disk::record::{Intent, Record};
use crate::disk::walk::Walk;
use crate::disk::way_back;
use crate::host::Host;
use crate::job::LayerName;
use crate::model::{HostName, Lease};
use crate::{Context as _, Error, Kind, Result};

/// See the module.
#[derive(Debug)]
pub(in crate::disk) struct LeaseLayer;

impl Layer for LeaseLayer {
    const NAME: LayerName = LayerName::Lease;

    fn probe(walk: &mut Walk<'_>) -> Result<Found> {
        if walk.disk.image.is_none() && walk.disk.unreachable.is_none() {
            let wanted = "the image is gone, and its lease with it".into();
            return Ok(Found::Absent { wanted });
        }
        if let Some(access) = walk.disk.record.sharing() {
            return sharing::probe(walk, access);
        }
        let (host, force) = (walk.host, walk.disk.force.clone());
        let me = host.me()?;
        let (record, image) = walk.disk.record_and_image()?;
        let cell = image.lease(record)?;
        if record.intent == Intent::Detached {
            return Ok(leaving(&cell, &me));
        }
        if let Some(name) = guest_of(&cell, &me, record) {
            may_come_in(&record.image, &cell.lease, &me, name)?;
            return Ok(match cell.has_let_in(&me) {
                true => Found::Right(format!("let in beside its holder as {name}")),
                false => Found::Absent {
                    wanted: format!("let in beside its holder as {name}"),
                },
            });
        }
        let remains = remains(record, walk.calls_off);
        let claim = claim(&record.image, &cell.lease, &me, &force)?;
        if claim == Claim::Held && remains && is_moving(&cell.lease) {
            refuse_guest(host, record, image, &cell, &force)?;
        }
        Ok(found(&cell.lease, &claim, &me, record, remains, &force))
    }

    fn up(walk: &mut Walk<'_>, _found: &Found) -> Result<()> {
        if let Some(access) = walk.disk.record.sharing() {
            return sharing::up(walk, access);
        }
        let (host, force) = (walk.host, walk.disk.force.clone());
        let me = host.me()?;
        let (record, image) = walk.disk.record_and_image()?;
        let mut cell = image.lease(record)?;
        if let Some(name) = guest_of(&cell, &me, record) {
            cell.come_in(&me, name)?;
            walk.disk.record.generation = cell.lease.generation;
            walk.disk.record.boot_id = me.boot_id;
            return walk.disk.record.save(&host.roots);
        }
        let warned = match claim(&record.image, &cell.lease, &me, &force)? {
            Claim::Held if remains(record, walk.calls_off) && is_moving(&cell.lease) => {
                alone(host, record, image, &mut cell, &force)?
            }
            Claim::Held => {
                if cell.lease.generation != record.generation {
                    // It was taken by one who did not live to look.
                    still_alone(host, record, image)?;
                }
                None
            }
            Claim::Reopen { .. } => {
                refuse_watchers(host, record, image, host.config.deadline.map)?;
                cell.renew_boot(&me)?;
                // The record's generation stays: the cache is opened only if it is the lease's.
                walk.disk.record.boot_id = me.boot_id;
                return walk.disk.record.save(&host.roots);
            }
            Claim::Take => {
                refuse_stale(walk)?;
                let (record, image) = walk.disk.record_and_image()?;
                let warned = take(host, record, image, &mut cell, &force)?;
                if let Err(error) = still_alone(host, record, image) {
                    // Given back, so that whoever tries next looks again; but not what must be rolled back first.
                    let back = match cell.is_dirty_by(&me) {
                        true => Ok(()),
                        false => cell.release(&me),
                    };
                    let generation = cell.lease.generation;
                    // Nor is it rolled back by what cleans up: somebody has it.
                    walk.disk.force.discard_dirty = false;
                    let noted = back.and_then(|()| gave_back(walk, generation));
                    return Err(error.and_then_cleanup(noted));
                }
                warned
            }
        };
        let generation = cell.lease.generation;
        walk.warnings.extend(warned);
        walk.disk.record.generation = generation;
        walk.disk.record.boot_id = me.boot_id;
        walk.disk.record.guest = None;
        walk.disk.record.save(&host.roots)?;
        if force.discard_dirty {
            way_back::go_back(walk)?;
        }
        Ok(())
    }

    fn down(walk: &mut Walk<'_>, _found: &Found) -> Result<()> {
        if walk.disk.record.shared.is_some() {
            return sharing::down(walk);
        }
        if walk.disk.force.discard_dirty {
            // Not before the cache and the map are gone: nothing may write to the image any more.
            way_back::go_back(walk)?;
        }
        if walk.driver()?.whole() && !lease_is_dirty(walk)? {
            way_back::sweep(walk)?;
        }
        walk.with_lease(|cell, me, record| {
            if cell.is_dirty_by(me) {
                let message = format!("the lease of {} still says dirty", record.image);
                return Err(Error::new(Kind::Dirty, message).remedy(
                    "run `warmblock recover`: it opens the cache again and writes it back; or give the data up with \
                     `warmblock detach --discard-dirty`",
                ));
            }
            cell.release(me)
        })
    }
}

/// Ends a hand-over that came to nothing: nobody else is in any more, or is let be. Gives what there is to say of it.
fn alone(
    host: &Host,
    record: &Record,
    image: &OpenImage,
    cell: &mut LeaseCell<'_>,
    force: &Force,
) -> Result<Option<String>> {
    refuse_guest(host, record, image, cell, force)?;
    let mut warned = None;
    if has_guest(&cell.lease) {
        stays(record, image, cell)?;
        // It may not be quite dead, and have written: then its lock is still there.
        warned = bar(host, record, image, &cell.lease, true)?;
    }
    cell.call_off(&host.me()?)?;
    Ok(warned)
}

/// Takes the lease, from nobody or from a holder that is given up: one that went down with this host's last boot, or was
/// declared dead. It is barred where it may write yet; gives what there is to say of that.
fn take(
    host: &Host,
    record: &Record,
    image: &OpenImage,
    cell: &mut LeaseCell<'_>,
    force: &Force,
) -> Result<Option<String>> {
    let me = host.me()?;
    let mut warned = None;
    let before = cell.lease.is_attached();
    let dead_holder = before && !cell.is_held_by(&me);
    let dead_guest = cell.is_held_by(&me) && has_guest(&cell.lease);
    let fence = force.fence && (force.dead_host.is_none() || dead_holder);
    if fence {
        warned = bar(host, record, image, &cell.lease, true)?;
    }
    let patience = match before {
        true => host.config.deadline.map,
        false => Duration::ZERO,
    };
    refuse_watchers(host, record, image, patience)?;
    // Whoever Ceph still shows is alive, and was refused. A program that names the host has fenced it, or knows that nothing
    // writes there any more, unless it says that it does not.
    let unbarred = force.dead_host.is_none() || force.fence_late;
    if !fence && (dead_guest || dead_holder && unbarred) {
        stays(record, image, cell)?;
        warned = bar(host, record, image, &cell.lease, dead_guest)?;
    }
    if way_back::needed(host, &cell.lease) {
        cell.seize(&me)?;
    } else {
        cell.take(&me, &record.driver, record.mode)?;
    }
    Ok(warned)
}

/// Notes that it was this host that had the lease last: nobody has taken a disk over that it had before.
fn gave_back(walk: &mut Walk<'_>, generation: u64) -> Result<()> {
    let record = &mut walk.disk.record;
    if never_had(record) {
        return Ok(());
    }
    record.generation = generation;
    record.save(&walk.host.roots)
}

/// Looks once more, now that the lease is here: whoever changes what an image holds opens it, or has it step aside for another, and
/// then looks for a lease. So one of the two sees the other.
fn still_alone(host: &Host, record: &Record, image: &OpenImage) -> Result<()> {
    refuse_watchers(host, record, image, Duration::ZERO)?;
    refuse_half_done(host, record, image)
}

/// Refuses an image that a restore, or a revert, of it that began meanwhile left between two contents.
pub(super) fn refuse_half_done(host: &Host, record: &Record, image: &OpenImage) -> Result<()> {
    refuse_half_replaced(host, &record.image, &image.pool, "attach")?;
    // A handle does not see the snapshots that came since.
    let now = image.pool.open_by_id_read_only(&image.id, None);
    let now = now.context(|| format!("cannot open image {}", record.image))?;
    refuse_half_reverted(&record.image, &now, "attach")
}

/// What the lease is to a disk that is wanted gone.
fn leaving(cell: &LeaseCell<'_>, me: &Me) -> Found {
    if cell.has_let_in(me) {
        return Found::Right("let in beside its holder".into());
    }
    if cell.sharer(me).is_some() {
        return Found::Right(format!("shared by {}", me.host));
    }
    match cell.is_held_by(me) {
        true => Found::Right(format!(
            "held by {} as generation {}",
            me.host, cell.lease.generation
        )),
        false => Found::Absent {
            wanted: String::new(),
        },
    }
}

/// What the lease is to a disk that is wanted.
fn found(
    lease: &Lease,
    claim: &Claim,
    me: &Me,
    record: &Record,
    remains: bool,
    force: &Force,
) -> Found {
    let (host, generation) = (&me.host, lease.generation);
    let why = match claim {
        Claim::Take => {
            let wanted = format!("taken by {host} as generation {}", generation + 1);
            return Found::Absent { wanted };
        }
        Claim::Reopen { cache_id } => {
            format!("held by {host} before it went down, with dirty cache {cache_id}")
        }
        Claim::Held if remains && is_moving(lease) => {
            format!("held by {host}; it is handed over to nobody any more")
        }
        Claim::Held if lease.is_given_up() && force.discard_dirty => {
            format!("held by {host}; the image is rolled back")
        }
        Claim::Held if record.guest.is_some() => {
            format!("held by {host}, which is no guest of anybody's")
        }
        Claim::Held if generation == record.generation => {
            return Found::Right(format!("held by {host} as generation {generation}"));
        }
        Claim::Held => format!("held by {host}; the record follows it"),
    };
    Found::Wrong { why }
}

fn has_guest(lease: &Lease) -> bool {
    let holder = lease.holder.as_ref();
    holder.is_some_and(|holder| holder.guest().is_some())
}

fn is_moving(lease: &Lease) -> bool {
    let holder = lease.holder.as_ref();
    holder.is_some_and(|holder| holder.moving.is_some())
}

/// Whether the disk is to remain on this host: it is wanted with its cache, or a hand-over of it is called off.
fn remains(record: &Record, calls_off: bool) -> bool {
    record.intent == Intent::Attached || calls_off
}

/// The name under which this host is, or wants to be, in beside the lease's holder. Once that let go, or this host took the
/// lease, it is a guest no more; and one that wants its cache asks for the lease.
fn guest_of<'r>(cell: &LeaseCell<'_>, me: &Me, record: &'r Record) -> Option<&'r HostName> {
    let name = record.guest.as_ref()?;
    let holder = cell.lease.holder.as_ref()?;
    (record.intent == Intent::Bypassed && holder.host != me.host).then_some(name)
}

/// Refuses to take a lease anew while a cache of an earlier one is still in the kernel: somebody else may have had the
/// image since, so the cache is stale, and what is dirty in it must not be written.
pub(super) fn refuse_stale(walk: &Walk<'_>) -> Result<()> {
    let record = &walk.disk.record;
    if walk.driver()?.probe(walk.host, &record.key)? == Cache::Absent {
        return Ok(());
    }
    let message = format!(
        "this host has a cache of {} under a lease that it lost",
        record.image
    );
    Err(Error::new(Kind::Dirty, message).remedy(
        "stop what uses the disk here and `warmblock detach` it, with --discard-dirty if its cache is dirty; then attach it",
    ))
}
