//! A seed that nobody waits for. The disk is attached without its cache, and is served from Ceph; then another process on the host
//! puts the cache in under the running guest, as `insert` does, and fills it. So every driver can do it that can be inserted, and
//! no cache is in the path that is not filled in the way of its driver.
//!
//! The record says from the beginning that the disk is wanted with its cache: whatever becomes of that process, `recover` or the
//! next attach brings the cache in. It holds the disk's lock, and is stopped by whoever takes the disk or its cache away.

use std::path::Path;
use std::time::{Duration, Instant};

use super::attach::{self, ground};
use super::clean::lease_is_dirty;
use super::fill::beneath_nobody;
use super::meant::meant;
use super::record::{Intent, Record};
use super::swap::{Stay, start, take_out};
use super::walk::Walk;
use super::want::again;
use crate::cache::{Cache, Running, SeedAbility};
use crate::exec::Cmd;
use crate::host::Host;
use crate::job::{Attach, DiskJob, Job, LayerName, Report, Request, Step, StepAsk, Steps};
use crate::model::{Bytes, Change, DiskKey, ImageSpec, Role, SeedSpec};
use crate::sys::lock::{DiskLock, Holder};
use crate::sys::wait;
use crate::{Context, Error, Kind, Result};

/// What the lock says of it.
pub(super) const WHAT: &str = "seed in the background";

/// The hidden command of this program that is this process.
pub const COMMAND: &str = "seeder";

/// Who fills the cache of a disk in the background now.
pub(super) fn at_work(host: &Host, record: &Record) -> Option<Holder> {
    DiskLock::holder(&host.roots.run, &record.key).filter(|holder| holder.what == WHAT)
}

/// Whether a verb that takes a disk's cache out of the path for a moment stops somebody who fills it in the background.
pub(super) fn is_stopped_by(host: &Host, image: &ImageSpec, dry_run: bool) -> Result<bool> {
    let record = meant(host, image)?.filter(|_| !dry_run);
    Ok(record.is_some_and(|record| {
        record.intent == Intent::Attached && at_work(host, &record).is_some()
    }))
}

/// The answer of a verb after which the cache is filled in the background, if it is `left` to that: the disk is up all the same if
/// nobody does it. The lock goes with the walk, for whoever fills the cache takes it.
pub(super) fn report(walk: Walk<'_>, left: bool) -> Report {
    let host = walk.host;
    let mut report = walk.report(true);
    if left && let Err(error) = begin(host, &report.image, &report.key) {
        report.warnings.push(error.chain());
    }
    report
}

/// A verb that may stop who fills a disk's cache in the background. If it fails, or is refused after that, and the disk is still
/// wanted with its cache, then somebody fills it as before.
///
/// Errors: those of the verb; that nobody fills the cache is told behind them.
pub fn or_seeded_as_before<T>(
    host: &Host,
    image: &ImageSpec,
    dry_run: bool,
    verb: impl FnOnce() -> Result<T>,
) -> Result<T> {
    // What cannot be read is the verb's to tell.
    let filled = is_stopped_by(host, image, dry_run).unwrap_or(false);
    verb().map_err(|error| {
        if !filled {
            return error;
        }
        let ended = match error.kind() {
            Kind::Busy => has_ended(host, image),
            _ => Ok(()),
        };
        error.and_then_cleanup(ended.and_then(|()| begin_again(host, image)))
    })
}

/// Waits for who was asked to stop, and did not within the patience of the verb.
fn has_ended(host: &Host, image: &ImageSpec) -> Result<()> {
    let Some(record) = meant(host, image)? else {
        return Ok(());
    };
    let gone = || at_work(host, &record).is_none().then_some(());
    wait::poll(PATIENCE, gone).ok_or_else(|| {
        let message = format!("who fills the cache of {image} was asked to stop");
        Error::new(Kind::Busy, message).remedy(format!(
            "`warmblock status {image}` tells whether it goes on; if not, `warmblock insert {image}` fills the cache"
        ))
    })
}

fn begin_again(host: &Host, image: &ImageSpec) -> Result<()> {
    match meant(host, image)? {
        Some(record)
            if record.intent == Intent::Attached
                && DiskLock::holder(&host.roots.run, &record.key).is_none() =>
        {
            // Whoever asked this verb to stop may want the disk next.
            host.cancel
                .check()
                .and_then(|()| begin(host, image, &record.key))
                .context(|| {
                    format!("the cache of {image} is not filled; `warmblock insert {image}` does")
                })
        }
        _ => Ok(()),
    }
}

/// The answer for a disk that is up and whose cache is being filled already: who is asked again has nothing to wait for.
pub(super) fn under_way(host: &Host, ask: &Attach, dry_run: bool) -> Result<Option<Report>> {
    let Some(record) = meant(host, &ask.image)? else {
        return Ok(None);
    };
    let key = &record.key;
    let wanted =
        record.intent == Intent::Attached && ask.guest.is_none() && record.link == ask.link;
    let front = host.roots.mapper(key.dm(Role::Front));
    let leads = |link| Ok(std::fs::read_link(link).is_ok_and(|to| to == front));
    let led = match &ask.link {
        Some(link) => record.as_asker(host, || leads(link))?,
        None => true,
    };
    let up = host.dm().device(&key.dm(Role::Front))?.is_some() && led;
    let mapped = host.krbd().find(&record.fsid, key.pool(), key.image());
    let up = up && !mapped.is_empty();
    let Some(holder) = at_work(host, &record).filter(|_| wanted && up) else {
        return Ok(None);
    };
    let size = mapped.iter().map(|mapping| mapping.size).max();
    if is_in_the_way(host, &record, ask, size.unwrap_or_default())? {
        return Ok(None);
    }
    Ok(Some(filled_by(host, &record, &holder, dry_run)))
}

/// The answer for a disk whose cache is put in and filled already by somebody for whom nobody waits.
pub(super) fn is_filled(host: &Host, image: &ImageSpec, dry_run: bool) -> Result<Option<Report>> {
    let record = meant(host, image)?.filter(|record| record.intent == Intent::Attached);
    Ok(record.and_then(|record| {
        let holder = at_work(host, &record)?;
        Some(filled_by(host, &record, &holder, dry_run))
    }))
}

fn filled_by(host: &Host, record: &Record, holder: &Holder, dry_run: bool) -> Report {
    Report {
        version: Report::VERSION,
        dry_run,
        image: record.image.clone(),
        key: record.key.clone(),
        front: Some(host.roots.mapper(record.key.dm(Role::Front))),
        steps: vec![Step {
            layer: LayerName::Cache,
            change: Change::Kept,
            what: format!("being filled by {holder}"),
            seconds: 0.0,
        }],
        seed: None,
        flush: None,
        verify: None,
        warnings: Vec::new(),
    }
}

/// Whether what an attach asks of a disk whose cache is filled in the background can be done only once that was stopped: another
/// driver, or another rate.
///
/// Errors: [`Kind::Exists`] if it asks for what a disk that is attached cannot have in this way.
pub(super) fn is_in_the_way(
    host: &Host,
    record: &Record,
    ask: &Attach,
    image: Bytes,
) -> Result<bool> {
    let (wanted, exchange) = again(host, record.clone(), ask, image)?;
    Ok(exchange.is_some() || ask.rate.is_some() && wanted.rate != record.rate)
}

/// Brings a disk up without its cache, if that has to be filled first; whether it has. What a write-back cache may hold comes
/// first, and is waited for.
pub(super) fn climb(walk: &mut Walk<'_>) -> Result<bool> {
    if walk.dry_run || !has_to_be_filled(walk)? {
        return attach::climb(walk).map(|()| false);
    }
    ground(walk)?;
    if walk.disk.record.uncached {
        return attach::climb(walk).map(|()| false);
    }
    take_out(walk, Stay::Moment)?;
    walk.disk.record.intent = Intent::Attached;
    let began = Instant::now();
    walk.did(
        LayerName::Cache,
        Change::Absent,
        "is filled in the background",
        began,
    );
    Ok(true)
}

/// Whether the cache is to be filled, and can be beneath a guest that may come at any time. Where the kernel cannot, a disk goes
/// without its seed, and is there as soon; one that is nothing without it is waited for.
fn has_to_be_filled(walk: &mut Walk<'_>) -> Result<bool> {
    let (driver, record) = (walk.driver()?, &walk.disk.record);
    let ability = driver.capabilities().seed;
    let seeds = driver.caches() && ability != SeedAbility::Never;
    // A host that is let in beside another has no cache; once it is the one that has the disk, it is as any other.
    let lets_in = record.intent == Intent::Bypassed;
    if !seeds || record.seed == SeedSpec::None || lets_in || record.kept_out {
        return Ok(false);
    }
    let unfilled = match driver.probe(walk.host, &record.key)? {
        Cache::Absent => true,
        Cache::Up { running, stuck, .. } => running == Running::Filling && !stuck,
        Cache::Broken { .. } => false,
    };
    if !unfilled || lease_is_dirty(walk)? {
        return Ok(false);
    }
    if beneath_nobody(walk)? {
        walk.guest_may_come = ability != SeedAbility::Whole;
        return Ok(false);
    }
    Ok(true)
}

/// How long it may take until it works: whoever asks next finds it at work then.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts what fills the cache of an attached disk, and waits until it works.
fn begin(host: &Host, image: &ImageSpec, key: &DiskKey) -> Result<()> {
    let ask = DiskJob {
        image: image.clone(),
    };
    let step = StepAsk::new(Request::SeedLater(ask)).by(host.access.as_ref());
    let job = Job::new(Request::Steps(Steps {
        steps: vec![step],
        every: false,
    }));
    let internal = |what: &str| Error::new(Kind::Internal, what.to_owned());
    let job = serde_json::to_vec(&job)
        .map_err(|error| internal("cannot write the job").because(error))?;
    // This very program, also when another release has its place by now; it is seen at work before this one ends.
    let itself = format!("/proc/{}/exe", std::process::id());
    let cmd = Cmd::apart(Path::new(&itself))
        .args(&host.settings)
        .arg(COMMAND)
        .stdin(job);
    host.exec
        .run(&cmd)
        .context(|| format!("the cache of {image} is not being filled"))?;
    let cache = key.dm(Role::Cache);
    let begun = wait::poll(PATIENCE, || {
        let at_work = DiskLock::holder(&host.roots.run, key).is_some();
        // Or it was quick.
        let done = || matches!(host.dm().info(&cache), Ok(Some(_)));
        (at_work || done()).then_some(())
    });
    begun.ok_or_else(|| {
        let message =
            format!("nobody is seen to fill the cache of {image}; `warmblock insert {image}` does");
        Error::new(Kind::Failed, message)
    })
}

/// Puts in and fills the cache that an attach left for later. A disk that is not wanted with its cache any more is left as it is.
pub fn seed_later(host: &Host, ask: &DiskJob, dry_run: bool) -> Result<Report> {
    let mut walk = start(host, &ask.image, WHAT, dry_run)?;
    walk.guest_may_come = true;
    walk.rate = walk.disk.record.rate.or(walk.rate);
    if walk.disk.record.intent == Intent::Attached && !dry_run {
        attach::climb(&mut walk)?;
    }
    Ok(walk.report(true))
}
