//! Comparing what a cache holds with the image.

use std::sync::{Mutex, PoisonError};

use super::copy::CopyOptions;
use super::device::Devices;
use super::pair::{Pair, depth_for};
use super::plan::{BlockSize, CacheBlock, OriginBlock};
use super::pool;
use super::run::{Cut, Run, Runs, Spread};
use crate::cancel::Cancel;
use crate::error::{Error, Kind, Result};
use crate::model::Bytes;
use crate::progress::Progress;

/// So many different blocks are listed; all are counted.
const LISTED: usize = 32;

/// A block that differs is read again so often: one that the guest is writing at the moment settles, a stale one does not.
const LOOKS: usize = 3;

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct VerifyReport {
    /// Blocks compared.
    pub compared: u64,
    /// Blocks that differ.
    pub different: u64,
    /// The first of them in the image, ascending.
    pub examples: Vec<OriginBlock>,
}

impl VerifyReport {
    /// Says that all is as it should be.
    ///
    /// # Errors
    /// [`Kind::Mismatch`], naming blocks, if any block differs.
    pub fn check(&self) -> Result<()> {
        if self.different == 0 {
            return Ok(());
        }
        let listed: Vec<String> = self.examples.iter().map(ToString::to_string).collect();
        let more = if self.different > listed.len() as u64 {
            " …"
        } else {
            ""
        };
        Err(Error::new(
            Kind::Mismatch,
            format!(
                "{} of {} cached blocks differ from the image: {}{more}",
                self.different,
                self.compared,
                listed.join(", ")
            ),
        )
        .remedy(
            "what the guest discarded since the seed may differ, and does no harm; if it is anything else, take the cache out of the \
             path (bypass), and seed it again",
        ))
    }
}

/// Compares the blocks that a cache maps (as `cache_dump` lists them, dirty ones left out) with the image.
///
/// The mapping must not change meanwhile: the cache is at rest, or in passthrough. The progress is called `verify`.
///
/// # Errors
/// Reading fails, or [`Kind::Cancelled`]. Different blocks are no error of this function, see [`VerifyReport::check`].
pub fn verify<M>(
    mapping: M,
    devices: &Devices<'_>,
    block: BlockSize,
    image: Bytes,
    options: &CopyOptions,
    cancel: &Cancel,
    progress: &Progress,
) -> Result<VerifyReport>
where
    M: IntoIterator<Item = (CacheBlock, OriginBlock)>,
    M::IntoIter: ExactSizeIterator + Send,
{
    let mapping = mapping.into_iter();
    let blocks = mapping.len() as u64;
    let room = options.chunk().max(block.bytes());
    let runs = Runs::new(mapping, block, image, Cut::Blocks(room));
    let mut pace = options.pace(blocks);
    pace.depth = pace.depth.min(depth_for(room));
    let task = progress.start("verify", Bytes(blocks.saturating_mul(block.bytes().0)));
    let found = Mutex::new(VerifyReport::default());
    pool::drive(
        Spread::new(runs, options.depth),
        pace,
        cancel,
        || Pair::new(room),
        |pair, run| {
            let different = compare(devices, block, run, pair)?;
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.add(run.len.0.div_ceil(block.bytes().0), &different);
            drop(found);
            task.advance(run.len);
            Ok(())
        },
    )?;
    task.finish();
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

impl VerifyReport {
    fn add(&mut self, compared: u64, different: &[OriginBlock]) {
        self.compared += compared;
        self.different += different.len() as u64;
        self.examples.extend_from_slice(different);
        self.examples.sort_unstable();
        self.examples.truncate(LISTED);
    }
}

/// The blocks of a run that differ.
fn compare(
    devices: &Devices<'_>,
    block: BlockSize,
    run: Run,
    pair: &mut Pair,
) -> Result<Vec<OriginBlock>> {
    if same(devices, run, pair)? {
        return Ok(Vec::new());
    }
    let size = block.bytes();
    let mut different = Vec::new();
    for index in 0..run.len.0.div_ceil(size.0) {
        let from = Bytes(index * size.0);
        let one = Run {
            origin: Bytes(run.origin.0 + from.0),
            data: Bytes(run.data.0 + from.0),
            len: size.min(run.len.saturating_sub(from)),
        };
        if stays_different(devices, one, pair)? {
            different.push(OriginBlock(one.origin.0 / size.0));
        }
    }
    Ok(different)
}

fn stays_different(devices: &Devices<'_>, run: Run, pair: &mut Pair) -> Result<bool> {
    for _ in 0..LOOKS {
        if same(devices, run, pair)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn same(devices: &Devices<'_>, run: Run, pair: &mut Pair) -> Result<bool> {
    let (ours, theirs) = pair.read(devices, run)?;
    Ok(ours == theirs)
}
