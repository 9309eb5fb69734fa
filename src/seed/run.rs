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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BLOCK: Bytes = Bytes::kib(96);

    fn runs(origins: &[u64], image: Bytes, cut: Cut) -> Vec<Run> {
        let block = BlockSize::new(BLOCK).unwrap();
        let mapping = origins.iter().enumerate();
        let mapping = mapping.map(|(i, o)| (CacheBlock(i as u64), OriginBlock(*o)));
        Runs::new(mapping, block, image, cut).collect()
    }

    #[test]
    fn neighbours_are_joined_and_cut_where_asked() {
        let run = |origin, data, len| Run {
            origin: Bytes::kib(origin),
            data: Bytes::kib(data),
            len: Bytes::kib(len),
        };
        let image = Bytes::gib(1);
        let cut = Cut::Offset(Bytes::kib(256));
        assert_eq!(
            runs(&[1, 2, 3, 9], image, cut),
            [run(96, 0, 160), run(256, 160, 128), run(864, 288, 96)]
        );
        let cut = Cut::Blocks(Bytes::kib(256));
        assert_eq!(
            runs(&[1, 2, 3, 9], image, cut),
            [run(96, 0, 192), run(288, 192, 96), run(864, 288, 96)]
        );
    }

    #[test]
    fn what_lies_beyond_the_image_is_not_moved() {
        let image = Bytes(BLOCK.0 * 2 + 512);
        let cut = Cut::Offset(Bytes::mib(1));
        let moved = runs(&[1, 2, 3, 4], image, cut);
        let lens: Vec<u64> = moved.iter().map(|run| run.len.0).collect();
        assert_eq!(lens, [BLOCK.0 + 512]);
    }

    #[test]
    fn neighbours_in_time_lie_in_different_objects() {
        let origins: Vec<u64> = (0..512).collect();
        let block = BlockSize::new(Bytes::kib(32)).unwrap();
        let mapping = origins.iter().map(|n| (CacheBlock(*n), OriginBlock(*n)));
        let runs = Runs::new(mapping, block, Bytes::gib(1), Cut::Offset(Bytes::mib(1)));
        let objects: Vec<u64> = Spread::new(runs, 3)
            .map(|run| run.origin.0 / OBJECT.0)
            .collect();
        assert_eq!(objects, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 3, 3, 3, 3]);
    }

    proptest! {
        #[test]
        fn every_byte_is_moved_once_to_its_place(
            origins in prop::collection::btree_set(0_u64..300, 0..120),
            tail in 0_u64..3,
            shift in 16_u32..=22,
            whole in any::<bool>(),
            objects in 1_usize..5,
        ) {
            let origins: Vec<u64> = origins.into_iter().collect();
            let image = Bytes(BLOCK.0 * 290 + tail * 512);
            let unit = Bytes(1 << shift);
            let cut = if whole { Cut::Blocks(unit) } else { Cut::Offset(unit) };
            let moved: Vec<Run> = Spread::new(runs(&origins, image, cut).into_iter(), objects).collect();
            let mut sectors = Vec::new();
            for run in &moved {
                if !whole {
                    prop_assert!(run.len <= unit);
                    prop_assert_eq!(run.origin.0 / OBJECT.0, (run.origin.0 + run.len.0 - 1) / OBJECT.0);
                }
                sectors.extend((0..run.len.0 / 512).map(|n| (run.origin.0 / 512 + n, run.data.0 / 512 + n)));
            }
            sectors.sort_unstable();
            let per_block = BLOCK.0 / 512;
            let expected: Vec<_> = origins
                .iter()
                .enumerate()
                .flat_map(|(i, o)| (0..per_block).map(move |n| (o * per_block + n, i as u64 * per_block + n)))
                .filter(|(origin, _)| origin * 512 < image.0)
                .collect();
            prop_assert_eq!(sectors, expected);
        }
    }
}
