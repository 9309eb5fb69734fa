//! Writing back by comparing: for a cache that knows what it maps, and no longer what of it is dirty.
//!
//! After a power cut the kernel would write back every block. Most of them equal the image, and the zeroes of its holes would
//! be written out; so the blocks are compared, and those that differ are written.

use std::sync::atomic::{AtomicU64, Ordering};

use super::copy::CopyOptions;
use super::device::{self, Devices};
use super::pair::{Pair, depth_for};
use super::plan::{BlockSize, CacheBlock, OriginBlock};
use super::pool;
use super::run::{Cut, Run, Runs, Spread};
use crate::cancel::Cancel;
use crate::error::Result;
use crate::model::Bytes;
use crate::progress::Progress;

/// What writing back did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HomeReport {
    /// Blocks compared.
    pub compared: u64,
    /// Blocks that differed, and were written to the image.
    pub written: u64,
}

/// Makes the image equal to the slice in all blocks of the mapping, and durable. Nobody may use either. The progress is called
/// `flush`.
///
/// # Errors
/// Reading or writing fails, or [`Kind::Cancelled`](crate::Kind::Cancelled); what was written until then stays, and it may be
/// called again.
pub fn bring_home(
    mapping: Vec<(CacheBlock, OriginBlock)>,
    devices: &Devices<'_>,
    block: BlockSize,
    image: Bytes,
    options: &CopyOptions,
    cancel: &Cancel,
    progress: &Progress,
) -> Result<HomeReport> {
    let compared = mapping.len() as u64;
    let task = progress.start("flush", Bytes(compared.saturating_mul(block.bytes().0)));
    let room = options.chunk().max(block.bytes());
    let runs = Runs::new(mapping.into_iter(), block, image, Cut::Blocks(room));
    let mut pace = options.pace(compared);
    pace.depth = pace.depth.min(depth_for(room));
    let written = AtomicU64::new(0);
    pool::drive(
        Spread::new(runs, options.depth),
        pace,
        cancel,
        || Pair::new(room),
        |pair, run| {
            written.fetch_add(level(devices, block, run, pair)?, Ordering::Relaxed);
            task.advance(run.len);
            Ok(())
        },
    )?;
    device::sync(devices.image)?;
    task.finish();
    Ok(HomeReport {
        compared,
        written: written.into_inner(),
    })
}

/// Writes those blocks of a run that differ, and counts them.
fn level(devices: &Devices<'_>, block: BlockSize, run: Run, pair: &mut Pair) -> Result<u64> {
    let (ours, theirs) = pair.read(devices, run)?;
    let size = usize::try_from(block.bytes().0).unwrap_or(usize::MAX);
    let (mut at, mut written) = (run.origin, 0);
    for (ours, theirs) in ours.chunks(size).zip(theirs.chunks(size)) {
        if ours != theirs {
            device::write(devices.image, at, ours)?;
            written += 1;
        }
        at = Bytes(at.0 + ours.len() as u64);
    }
    Ok(written)
}
