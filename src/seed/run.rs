//! Cutting a mapping into runs: stretches that are contiguous on both devices and can be moved by one request each.

use std::iter::Peekable;

use super::plan::{BlockSize, CacheBlock, OriginBlock};
use crate::model::Bytes;

/// The size of a RADOS object of an image, unless it was created otherwise; other sizes cost speed only.
pub(super) const OBJECT: Bytes = Bytes::mib(4);

/// A stretch of the image and its place in the slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Where it starts in the image.
    pub origin: Bytes,
    /// Where it starts in the slice.
    pub data: Bytes,
    /// How long it is on both.
    pub len: Bytes,
}

/// Where long runs are cut.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cut {
    /// At multiples of this offset in the image; a power of two up to [`OBJECT`], so no run crosses an object.
    Offset(Bytes),
    /// Between blocks, so that a run has whole blocks only: as many as fit into this, and one at the least.
    Blocks(Bytes),
}

/// The runs of a mapping, in its order.
pub(super) struct Runs<I: Iterator<Item = (CacheBlock, OriginBlock)>> {
    mapping: Peekable<I>,
    rest: Option<Run>,
    block: BlockSize,
    image: Bytes,
    cut: Cut,
}

impl<I: Iterator<Item = (CacheBlock, OriginBlock)>> Runs<I> {
    /// Of blocks that reach beyond the image's end only what exists is moved; those beyond it are left out.
    pub(super) fn new(mapping: I, block: BlockSize, image: Bytes, cut: Cut) -> Self {
        Self {
            mapping: mapping.peekable(),
            rest: None,
            block,
            image,
            cut,
        }
    }

    fn limit(&self, run: &Run) -> u64 {
        match self.cut {
            Cut::Offset(Bytes(unit)) => unit - run.origin.0 % unit,
            Cut::Blocks(unit) => {
                unit.round_down(self.block.bytes())
                    .max(self.block.bytes())
                    .0
            }
        }
    }

    fn run_of(&self, (cache, origin): (CacheBlock, OriginBlock)) -> Run {
        let start = origin.offset(self.block);
        Run {
            origin: start,
            data: cache.offset(self.block),
            len: self.block.bytes().min(self.image.saturating_sub(start)),
        }
    }

    fn take_adjacent(&mut self, run: &Run) -> Option<Run> {
        let pair = *self.mapping.peek()?;
        let next = self.run_of(pair);
        let adjacent = next.origin.0 == run.origin.0 + run.len.0
            && next.data.0 == run.data.0 + run.len.0
            && next.len > Bytes(0);
        adjacent.then(|| {
            self.mapping.next();
            next
        })
    }

    fn first(&mut self) -> Option<Run> {
        if let Some(rest) = self.rest.take() {
            return Some(rest);
        }
        loop {
            let pair = self.mapping.next()?;
            let run = self.run_of(pair);
            if run.len > Bytes(0) {
                return Some(run);
            }
        }
    }
}

impl<I: Iterator<Item = (CacheBlock, OriginBlock)>> Iterator for Runs<I> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let mut run = self.first()?;
        let limit = self.limit(&run);
        while run.len.0 < limit {
            match self.take_adjacent(&run) {
                Some(next) => run.len.0 += next.len.0,
                None => break,
            }
        }
        if run.len.0 > limit {
            self.rest = Some(Run {
                origin: Bytes(run.origin.0 + limit),
                data: Bytes(run.data.0 + limit),
                len: Bytes(run.len.0 - limit),
            });
            run.len = Bytes(limit);
        }
        Some(run)
    }
}

/// Reorders runs so that neighbours in time lie in different objects, and so on different OSDs: of so many objects
/// at a time first all first runs, then all second ones …
pub(super) struct Spread<I: Iterator<Item = Run>> {
    runs: Peekable<I>,
    batch: std::vec::IntoIter<(usize, Run)>,
    objects: usize,
}

impl<I: Iterator<Item = Run>> Spread<I> {
    /// Over so many objects at a time.
    pub(super) fn new(runs: I, objects: usize) -> Self {
        Self {
            runs: runs.peekable(),
            batch: Vec::new().into_iter(),
            objects: objects.max(1),
        }
    }

    fn fill(&mut self) {
        let mut batch = Vec::new();
        let (mut objects, mut rank, mut last) = (0, 0, None);
        while let Some(run) = self.runs.peek() {
            let object = run.origin.0 / OBJECT.0;
            if last == Some(object) {
                rank += 1;
            } else if objects == self.objects {
                break;
            } else {
                (objects, rank, last) = (objects + 1, 0, Some(object));
            }
            batch.extend(self.runs.next().map(|run| (rank, run)));
        }
        // Stable: within a rank the order of the objects stays.
        batch.sort_by_key(|(rank, _)| *rank);
        self.batch = batch.into_iter();
    }
}

impl<I: Iterator<Item = Run>> Iterator for Spread<I> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        if self.batch.len() == 0 {
            self.fill();
        }
        self.batch.next().map(|(_, run)| run)
    }
}
