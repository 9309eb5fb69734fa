//! The bulk copy of a seed: from the image to the slice, many requests at a time.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::device::{self, Devices};
use super::plan::SeedPlan;
use super::pool::{self, Pace};
use super::run::{Cut, OBJECT, Run, Runs, Spread};
use crate::cancel::Cancel;
use crate::error::Result;
use crate::model::Bytes;
use crate::progress::{self, Progress, Task};
use crate::sys::direct::AlignedBuf;

/// How much is zeroed at once: an SSD that has no command for it writes that in a second.
const ZEROED: Bytes = Bytes::mib(64);

/// How to copy and to compare. Memory: `depth * chunk`, twice that when comparing.
///
/// Every thread reads a chunk and then writes it. Threads of their own for writing were measured too and gained nothing:
/// with several chunks in flight reads and writes overlap anyway, and a handover costs a thread switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyOptions {
    /// Requests in flight.
    pub depth: usize,
    /// The largest request; taken as the power of two at or below, from 64 KiB to 4 MiB (a RADOS object).
    pub chunk: Bytes,
    /// No faster than so many bytes per second that are read: from the image, and where a cache is filled by reading
    /// through it, in the passes of proof from the cache as well.
    pub rate: Option<Bytes>,
}

impl Default for CopyOptions {
    /// 16 whole objects in flight: 64 MiB, enough for 10 Gbit/s at 50 ms per object, and on one slow CPU the fewest
    /// requests and thread switches.
    fn default() -> Self {
        Self {
            depth: 16,
            chunk: OBJECT,
            rate: None,
        }
    }
}

impl CopyOptions {
    /// Of a low rate no more than is due in a second.
    pub(super) fn chunk(&self) -> Bytes {
        let chunk = self.rate.map_or(self.chunk, |rate| self.chunk.min(rate));
        let chunk = chunk.clamp(Bytes::kib(64), OBJECT);
        Bytes(1 << chunk.0.ilog2())
    }

    /// How long nothing is moved at this rate though nothing is wrong: twice from one request to the next.
    pub fn quiet(&self) -> Duration {
        let rate = self.rate.map_or(u64::MAX, |rate| rate.0.max(1));
        Duration::from_secs(2 * self.chunk().0 / rate)
    }

    pub(super) fn pace(&self, blocks: u64) -> Pace {
        let enough = usize::try_from(blocks).unwrap_or(usize::MAX);
        Pace {
            depth: self.depth.min(enough).max(1),
            rate: self.rate,
        }
    }
}

/// What a copy did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyReport {
    /// Bytes moved.
    pub bytes: Bytes,
    /// Requests to the image, and as many to the slice.
    pub requests: u64,
    /// How long it took, the final sync included.
    pub took: Duration,
}

impl CopyReport {
    /// Bytes per second.
    pub fn rate(&self) -> Bytes {
        progress::rate(self.bytes, self.took)
    }
}

/// Copies the plan's blocks to their places in the slice, zeroes its holes, and makes all of it durable.
///
/// The progress is called `seed`, and that of the holes before it `zero`. Cancelling takes effect between requests; what was copied until then stays.
///
/// # Errors
/// Reading or writing fails ([`Kind::Failed`](crate::Kind::Failed), `NoSpace`, `Timeout`), with offset and device; or
/// [`Kind::Cancelled`](crate::Kind::Cancelled). No thread runs on after it returned.
pub fn copy(
    plan: &SeedPlan,
    devices: &Devices<'_>,
    options: &CopyOptions,
    cancel: &Cancel,
    progress: &Progress,
) -> Result<CopyReport> {
    let started = Instant::now();
    zero_holes(plan, devices, cancel, progress)?;
    let work = Work {
        chunk: options.chunk(),
        options,
        cancel,
        progress,
    };
    let moved = work.each(plan, |buffer, run| move_run(devices, buffer, run))?;
    device::sync(devices.slice)?;
    Ok(CopyReport {
        took: started.elapsed(),
        ..moved
    })
}

/// How the blocks of a plan are worked off.
pub(super) struct Work<'a> {
    /// The largest request, a power of two.
    pub chunk: Bytes,
    pub options: &'a CopyOptions,
    pub cancel: &'a Cancel,
    pub progress: &'a Progress,
}

impl Work<'_> {
    /// Does something with each run of the plan's blocks, many at a time, shown as the progress `seed`.
    pub(super) fn each(
        &self,
        plan: &SeedPlan,
        work: impl Fn(&mut AlignedBuf, Run) -> Result<()> + Sync,
    ) -> Result<CopyReport> {
        let started = Instant::now();
        let cut = Cut::Offset(self.chunk);
        let runs = Runs::new(plan.mapping(), plan.block, plan.image, cut);
        let task = self.progress.start("seed", plan.bytes());
        let requests = pool::drive(
            Spread::new(runs, self.options.depth),
            self.options.pace(plan.kept()),
            self.cancel,
            || AlignedBuf::of(self.chunk),
            |buffer, run| {
                work(buffer, run)?;
                task.advance(run.len);
                Ok(())
            },
        )?;
        let bytes = task.done();
        task.finish();
        Ok(CopyReport {
            bytes,
            requests,
            took: started.elapsed(),
        })
    }
}

/// Zeroes what lies between the blocks, which takes its time where the SSD has no command for it.
fn zero_holes(
    plan: &SeedPlan,
    devices: &Devices<'_>,
    cancel: &Cancel,
    progress: &Progress,
) -> Result<()> {
    let len = |hole: Range<Bytes>| hole.end.saturating_sub(hole.start).0;
    let total = Bytes(plan.holes().map(len).sum());
    if total == Bytes(0) {
        return Ok(());
    }
    let task = progress.start("zero", total);
    for hole in plan.holes() {
        zero(devices, hole, cancel, &task)?;
    }
    task.finish();
    Ok(())
}

/// Zeroes a stretch of the slice, in pieces between which it can be cancelled.
fn zero(devices: &Devices<'_>, hole: Range<Bytes>, cancel: &Cancel, task: &Task<'_>) -> Result<()> {
    let mut at = hole.start;
    while at < hole.end {
        cancel.check()?;
        let len = ZEROED.min(hole.end.saturating_sub(at));
        device::zero(devices.slice, at, len)?;
        at = Bytes(at.0 + len.0);
        task.advance(len);
    }
    Ok(())
}

fn move_run(devices: &Devices<'_>, buffer: &mut AlignedBuf, run: Run) -> Result<()> {
    let bytes = buffer.head(run.len);
    device::read(devices.image, run.origin, bytes)?;
    device::write(devices.slice, run.data, bytes)
}
