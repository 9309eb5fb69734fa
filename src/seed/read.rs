//! The seed of a cache that keeps what is read through it: reading, and nothing else.

use std::fs::File;
use std::time::Instant;

use super::buffer::Buffer;
use super::copy::{CopyOptions, CopyReport};
use super::device;
use super::plan::SeedPlan;
use super::pool;
use super::run::{Cut, Runs, Spread};
use crate::cancel::Cancel;
use crate::error::Result;
use crate::model::Bytes;
use crate::progress::Progress;

/// bcache takes in at most so much of one request (`request.c`, an insert of 1 MiB).
const LARGEST: Bytes = Bytes::mib(1);

/// Reads the plan's blocks through the cache, many requests at a time, past the page cache: buffered reads arrive as
/// read-ahead, which a cache may decline. The progress is called `seed`.
///
/// # Errors
/// As of [`copy`](super::copy()).
pub fn read(
    plan: &SeedPlan,
    top: &File,
    options: &CopyOptions,
    cancel: &Cancel,
    progress: &Progress,
) -> Result<CopyReport> {
    let started = Instant::now();
    let chunk = options.chunk().min(LARGEST);
    let runs = Runs::new(plan.mapping(), plan.block, plan.image, Cut::Offset(chunk));
    let task = progress.start("seed", plan.bytes());
    let requests = pool::drive(
        Spread::new(runs, options.depth),
        options.pace(plan.kept()),
        cancel,
        || Buffer::new(chunk),
        |buffer, run| {
            device::read(top, run.origin, buffer.head(run.len))?;
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
