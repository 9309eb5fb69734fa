//! Which blocks of an image a seed brings into the cache, and where each of them goes.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::model::{Bytes, ParseError, SeedSpec};

/// Of a cache that cannot hold the whole image so many percent stay free (rounded up, so one block at least).
///
/// smq evicts only when no block is free at all; with room left, what the guest reads next is promoted beside the seed
/// and not in its place.
pub const RESERVE_PERCENT: u64 = 10;

/// An allocated stretch of an image, as librbd's diff iteration gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extent {
    /// From the image's start.
    pub offset: Bytes,
    /// Its length; zero counts as no extent.
    pub len: Bytes,
}

/// A block of the image, counted in cache block sizes from its start (dm-cache: `oblock`).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct OriginBlock(pub u64);

/// A block of the slice, counted from its start (dm-cache: `cblock`).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct CacheBlock(pub u64);

impl OriginBlock {
    /// Where it starts in the image.
    pub const fn offset(self, block: BlockSize) -> Bytes {
        Bytes(self.0.saturating_mul(block.bytes().0))
    }
}

impl CacheBlock {
    /// Where it starts in the slice.
    pub const fn offset(self, block: BlockSize) -> Bytes {
        Bytes(self.0.saturating_mul(block.bytes().0))
    }
}

impl fmt::Display for OriginBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for CacheBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A cache's block size: a multiple of 32 KiB from 32 KiB to 1 GiB, as dm-cache takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct BlockSize(Bytes);

impl BlockSize {
    /// 256 KiB: small enough for a guest's working set, large enough that 8 GiB are 32768 blocks.
    pub const DEFAULT: Self = Self(Bytes::kib(256));

    /// A block size.
    ///
    /// # Errors
    /// It is no multiple of 32 KiB, zero, or above 1 GiB (`dm-cache-target.c`, `DATA_DEV_BLOCK_SIZE_*`).
    pub fn new(size: Bytes) -> Result<Self, ParseError> {
        let good = size.0.is_multiple_of(32 << 10) && size > Bytes(0) && size <= Bytes::gib(1);
        good.then_some(Self(size)).ok_or_else(|| {
            ParseError::new(
                "cache block size",
                size.to_string(),
                "is not a multiple of 32 KiB between 32 KiB and 1 GiB",
            )
        })
    }

    /// As bytes.
    pub const fn bytes(self) -> Bytes {
        self.0
    }

    /// How many whole blocks fit into so many bytes.
    pub const fn whole_blocks(self, bytes: Bytes) -> u64 {
        bytes.0 / self.0.0
    }
}

/// What a seed brings: cache block `i` shall hold `blocks[i]`; of a whole image, each block at its own place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedPlan {
    /// The cache's block size.
    pub block: BlockSize,
    /// What is copied. Ascending, each once.
    pub blocks: Vec<OriginBlock>,
    /// Blocks that the seed asks for: the cache holds these less [`Self::left_out`].
    pub asked: u64,
    /// Blocks asked for that do not fit.
    pub left_out: u64,
    /// The image's size.
    pub image: Bytes,
    /// Whether the cache holds every whole block of the image, at its own place. Those that are not copied are holes: they
    /// are zeroed, and never read.
    pub whole: bool,
}

impl SeedPlan {
    /// Where what is copied goes, ascending in both.
    pub fn mapping(&self) -> impl ExactSizeIterator<Item = (CacheBlock, OriginBlock)> + Send + '_ {
        let place = |(i, origin): (usize, &OriginBlock)| {
            let place = if self.whole { origin.0 } else { i as u64 };
            (CacheBlock(place), *origin)
        };
        self.blocks.iter().enumerate().map(place)
    }

    /// Everything that the cache shall hold, copied or zeroed, for its metadata; ascending in both.
    pub fn residents(&self) -> impl Iterator<Item = (CacheBlock, OriginBlock)> + '_ {
        let holes = self.whole.then_some(0..self.asked).into_iter().flatten();
        let copied = (!self.whole).then(|| self.mapping()).into_iter().flatten();
        holes
            .map(|own| (CacheBlock(own), OriginBlock(own)))
            .chain(copied)
    }

    /// Stretches of the slice that are to read as zeros: what lies between the blocks that are copied of a whole image.
    pub fn holes(&self) -> impl Iterator<Item = Range<Bytes>> + '_ {
        let end = self.whole.then_some(OriginBlock(self.asked));
        let copied = self.blocks.iter().copied().filter(|_| self.whole);
        let mut next = OriginBlock(0);
        let holes = copied.chain(end).map(move |block| {
            let hole = next.offset(self.block)..block.offset(self.block);
            next = OriginBlock(block.0 + 1);
            hole
        });
        holes.filter(|hole| !hole.is_empty())
    }

    /// How many blocks it copies.
    pub fn kept(&self) -> u64 {
        self.blocks.len() as u64
    }

    /// The same without the blocks that end beyond `end`: those are left out.
    #[must_use]
    pub fn within(mut self, end: Bytes) -> Self {
        let size = self.block.bytes().0;
        let before = self.kept();
        self.blocks
            .retain(|block| block.offset(self.block).0.saturating_add(size) <= end.0);
        self.left_out += before - self.kept();
        self
    }

    /// How many bytes it brings.
    pub fn bytes(&self) -> Bytes {
        Bytes(self.kept() * self.block.bytes().0)
    }
}

/// Chooses the blocks: pure, so that what a seed will bring can be shown before anything is done.
///
/// Asked for is every block that touches an extent and lies in the image as a whole; `First(n)` asks only for blocks that
/// start before `n`. Of those the first ones are kept, as many as `capacity_blocks` (what the slice's data hold) less the
/// reserve. An image that fits as a whole needs no reserve: nothing can ever compete.
pub fn plan(
    spec: SeedSpec,
    extents: impl IntoIterator<Item = Extent>,
    image: Bytes,
    block: BlockSize,
    capacity_blocks: u64,
) -> SeedPlan {
    // The short block at the end is never cached by dm-cache, see the module's description.
    let all = block.whole_blocks(image);
    let limit = match spec {
        SeedSpec::None => 0,
        SeedSpec::Allocated => all,
        SeedSpec::First(first) => all.min(first.0.div_ceil(block.bytes().0)),
    };
    let ranges = touched(extents, block, limit);
    let asked = ranges.iter().map(|range| range.end - range.start).sum();
    let room = room(capacity_blocks, all);
    let keep = usize::try_from(room).unwrap_or(usize::MAX);
    let blocks: Vec<OriginBlock> = ranges
        .into_iter()
        .flatten()
        .take(keep)
        .map(OriginBlock)
        .collect();
    SeedPlan {
        block,
        left_out: asked - blocks.len() as u64,
        blocks,
        asked,
        image,
        whole: false,
    }
}

/// The plan of a cache that holds the whole image, whatever it holds by now: the blocks that touch an extent are copied, the
/// others zeroed. Of a plan that is made before anything is known to be allocated only the mapping counts.
pub fn whole(
    extents: impl IntoIterator<Item = Extent>,
    image: Bytes,
    block: BlockSize,
) -> SeedPlan {
    let all = block.whole_blocks(image);
    let copied = touched(extents, block, all).into_iter().flatten();
    SeedPlan {
        block,
        blocks: copied.map(OriginBlock).collect(),
        asked: all,
        left_out: 0,
        image,
        whole: true,
    }
}

/// Exactly these blocks of an image, in this order.
pub fn of_blocks(blocks: Vec<OriginBlock>, image: Bytes, block: BlockSize) -> SeedPlan {
    SeedPlan {
        block,
        asked: blocks.len() as u64,
        blocks,
        left_out: 0,
        image,
        whole: false,
    }
}

/// How many blocks a seed may fill.
const fn room(capacity: u64, all: u64) -> u64 {
    if capacity >= all {
        return all;
    }
    // In two steps, so that no product overflows.
    let reserve =
        capacity / 100 * RESERVE_PERCENT + (capacity % 100 * RESERVE_PERCENT).div_ceil(100);
    capacity - reserve
}

/// The blocks below `limit` that touch an extent, as ranges: ascending, disjoint. An image of many TiB has far more
/// blocks than extents, so blocks are listed one by one only where they are kept.
fn touched(
    extents: impl IntoIterator<Item = Extent>,
    block: BlockSize,
    limit: u64,
) -> Vec<Range<u64>> {
    let size = block.bytes().0;
    let mut ranges: Vec<Range<u64>> = extents
        .into_iter()
        .filter(|extent| extent.len > Bytes(0))
        .map(|Extent { offset, len }| {
            let end = offset.0.saturating_add(len.0).div_ceil(size);
            offset.0 / size..end.min(limit)
        })
        .filter(|range| !range.is_empty())
        .collect();
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests;
