//! Attach: bring up from the bottom what is not up.

use std::time::Instant;

use super::detach;
use super::fill::{fill, must_be_alone};
use super::half_replaced::finish_replacement;
use super::later;
use super::layers::{
    CacheLayer, Front, Layer as _, LeaseLayer, Link, Map, Slice, change_lease, let_it_look,
    refuse_file, refuse_left,
};
use super::open::OpenDisk;
use super::record::{Intent, Record};
use super::shared::{self, Still};
use super::swap::{self, Stay, take_out};
use super::walk::Walk;
use super::want::unasked_write_back;
use crate::cache::{self, Cache};
use crate::host::Host;
use crate::job::{Attach, LayerName, Report};
use crate::model::{Change, DriverName, Role};
use crate::tools::{blk, kmod};
use crate::{Error, Kind, Result};

/// Brings a disk up. Running it again on a disk that is up changes nothing.
///
/// Asked for another driver than a disk has, it exchanges the cache under load (see [`swap::exchange`]).
///
/// The order is the record (intent), the lease, map, slice, cache, front, link; then the cache is filled, while the
/// front can be used already. An attach that fails takes down what it made, unless the disk was there before.
///
/// Where nobody waits for the seed, it goes on after the answer: see [`later`]. What several VMs have at once is waited for.
pub fn attach(host: &Host, ask: &Attach, dry_run: bool) -> Result<Report> {
    if !is_later(ask) {
        return bring_up(host, ask, dry_run);
    }
    if let Some(report) = later::under_way(host, ask, dry_run)? {
        return Ok(report);
    }
    match bring_up(host, ask, dry_run) {
        // It may have begun in between.
        Err(error) if error.kind() == Kind::Busy => {
            later::under_way(host, ask, dry_run)?.ok_or(error)
        }
        done => done,
    }
}

const fn is_later(ask: &Attach) -> bool {
    ask.seed_later && ask.shared.is_none()
}

fn bring_up(host: &Host, ask: &Attach, dry_run: bool) -> Result<Report> {
    if let Some(link) = ask.link.as_ref().filter(|link| !link.is_absolute()) {
        let message = format!("the link {} is no absolute path", link.display());
        return Err(Error::new(Kind::Usage, message).remedy("give it from the root on: `/…`"));
    }
    let mut disk = OpenDisk::to_attach(host, ask, dry_run)?;
    let exchange = disk.exchange.take();
    let driver = exchange.as_ref().map(|new| &new.driver);
    equip(host, driver.unwrap_or(&disk.record.driver), dry_run)?;
    for link in disk.record.link.iter().chain(&ask.link) {
        host.as_caller(|| refuse_file(link))?;
    }
    if let Some(image) = disk.image.as_ref().filter(|_| !dry_run) {
        finish_replacement(host, &ask.image, &image.pool)?;
    }
    let known = Record::load(&host.roots, &disk.record.key)?;
    let mut walk = Walk::new(host, disk, dry_run);
    walk.rate = ask.rate.or(walk.rate);
    walk.calls_off = walk.disk.record.kept_out;
    note(&mut walk, known.as_ref())?;
    if known.is_none() {
        let told = unasked_write_back(host, ask, &walk.disk.record)?;
        walk.warnings.extend(told);
    }
    if walk.disk.record.uncached {
        let record = &walk.disk.record;
        walk.warnings.push(format!(
            "it is served without a cache, for {}; `warmblock insert {}` tries again",
            record.why_uncached(),
            record.image
        ));
    }
    if let Some(new) = exchange {
        swap::exchange(&mut walk, new)?;
        return Ok(walk.report(true));
    }
    let place = shared::make_place(&walk, known.as_ref(), ask.link.as_deref());
    let climbed = place.and_then(|()| match is_later(ask) {
        true => later::climb(&mut walk),
        false => climb(&mut walk).map(|()| false),
    });
    match climbed {
        Ok(left) => Ok(later::report(walk, left)),
        Err(error) if !dry_run && (known.is_some() || undoable(&error)) => {
            let undone = undo(&mut walk, known.as_ref());
            let error = match undone.is_ok() {
                true => told_if_stopped(error, known.as_ref()),
                false => error,
            };
            Err(error.and_then_cleanup(undone))
        }
        Err(error) => Err(error),
    }
}

/// Sees to the tools and kernel modules of a driver, before there is anything to undo.
fn equip(host: &Host, driver: &DriverName, dry_run: bool) -> Result<()> {
    let needs = cache::driver(host, driver)?.needs();
    for tool in &needs.tools {
        host.exec.find(tool)?;
    }
    if dry_run {
        return Ok(());
    }
    kmod::ensure(&host.exec, &host.roots, &needs.modules)
}

/// Whether what a failed attach made may be taken down: not when the lease turned out to be somebody else's, or dirty data are near.
fn undoable(error: &Error) -> bool {
    !matches!(error.kind(), Kind::Dirty)
}

/// Says of an attach that was stopped what is left of it.
fn told_if_stopped(error: Error, known: Option<&Record>) -> Error {
    match (error.kind(), known) {
        (Kind::Cancelled, None) => {
            error.remedy("nothing of it is left: what it had made was taken down again")
        }
        (Kind::Cancelled, Some(_)) => {
            error.remedy("what was there before is there still: attach it again to go on")
        }
        _ => error,
    }
}

/// Takes down what a failed attach made. What was there before stays, but for the link of one who was to join others, and as
/// long as there are others.
fn undo(walk: &mut Walk<'_>, known: Option<&Record>) -> Result<()> {
    let still = match known {
        Some(before) => shared::as_before(walk, before)?,
        None => Still::Last,
    };
    match still {
        Still::InUse => Ok(()),
        Still::Last => detach::descend(walk),
    }
}

/// Brings every layer up to what the record wants.
pub(super) fn climb(walk: &mut Walk<'_>) -> Result<()> {
    ground(walk)?;
    if walk.disk.record.guest.is_some() {
        // The holder may have taken this host for dead before the mapping showed it alive.
        LeaseLayer::probe(walk)?;
    }
    if walk.disk.record.intent == Intent::Bypassed || walk.disk.record.guest.is_some() {
        return take_out(walk, Stay::Out);
    }
    walk.up::<CacheLayer>()?;
    if must_be_alone(walk)? {
        // Whoever opened the front meanwhile would write into the cache that is being filled.
        walk.down::<Front>()?;
        filled(walk)?;
    }
    walk.up::<Front>()?;
    walk.up::<Link>()?;
    filled(walk)
}

/// Fills the cache with what was planned for it, if there is any of it left to do.
fn filled(walk: &mut Walk<'_>) -> Result<()> {
    let began = Instant::now();
    if !fill(walk)? {
        return Ok(());
    }
    if let Some(proof) = &walk.seed {
        let what = proof.to_string();
        walk.did(LayerName::Cache, Change::Altered, what, began);
    }
    Ok(())
}

/// Brings up what is beneath a cache: the lease, the mapping, and the slice.
pub(super) fn ground(walk: &mut Walk<'_>) -> Result<()> {
    let_it_look(walk)?;
    walk.up::<LeaseLayer>()?;
    walk.up::<Map>()?;
    note_client(walk)?;
    if walk.disk.record.guest.is_some() {
        // Without a cache, so without room for one, until the holder let go.
        return Ok(());
    }
    forget_pages(walk)?;
    walk.up::<Slice>()
}

/// Lets the lease say as which client of Ceph's this host has the image, before anybody can write to it: a client that is cut
/// off is forgotten by Ceph, and could not be barred.
pub(super) fn note_client(walk: &mut Walk<'_>) -> Result<()> {
    let client = walk.mapping.as_ref().map(|map| map.client_addr.clone());
    match client.filter(|_| !walk.dry_run) {
        Some(client) => change_lease(walk, |cell, me, _record| cell.note_client(me, &client)),
        None => Ok(()),
    }
}

/// Drops what the kernel keeps in memory of a device that is there already and is about to get a cache. While the disk was
/// another host's, a probe on this one (libvirt's, udev's) may have left pages that are old by now; a guest that reads past
/// the page cache, as `cache=none` has it, never sees them, but others would.
fn forget_pages(walk: &Walk<'_>) -> Result<()> {
    let (host, key) = (walk.host, &walk.disk.record.key);
    let front = key.dm(Role::Front);
    let inserting = walk.disk.record.intent == Intent::Attached
        && walk.driver()?.probe(host, key)? == Cache::Absent
        && host.dm().device(&front)?.is_some();
    if !inserting || walk.dry_run {
        return Ok(());
    }
    for device in [walk.origin()?.path, host.roots.mapper(front)] {
        blk::drop_pages(&host.exec, &device)?;
    }
    Ok(())
}

/// Writes the record before anything is done, so that what is begun can be finished or undone.
fn note(walk: &mut Walk<'_>, known: Option<&Record>) -> Result<()> {
    let began = Instant::now();
    if known.is_none() && walk.disk.record.guest.is_none() {
        refuse_left(walk)?;
    }
    let record = &walk.disk.record;
    let change = match known {
        None => Change::Made,
        Some(known) if known == record => Change::Kept,
        Some(_) => Change::Altered,
    };
    if change.is_change() && !walk.dry_run {
        // Refused before there is anything to clean up: another host's lease.
        LeaseLayer::probe(walk)?;
        walk.disk.record.save(&walk.host.roots)?;
    }
    let record = &walk.disk.record;
    let what = format!("{} {}, {}", record.driver, record.mode, record.size);
    walk.did(LayerName::Record, change, what, began);
    Ok(())
}
