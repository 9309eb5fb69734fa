use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const BLOCK: BlockSize = BlockSize(Bytes::kib(64));

fn blocks(n: u64) -> Bytes {
    Bytes(n * BLOCK.bytes().0)
}

fn extent(offset: Bytes, len: Bytes) -> Extent {
    Extent { offset, len }
}

fn numbers(plan: &SeedPlan) -> Vec<u64> {
    plan.blocks.iter().map(|block| block.0).collect()
}

#[test]
fn block_sizes_are_what_the_kernel_takes() {
    for good in [Bytes::kib(32), Bytes::kib(96), Bytes::gib(1)] {
        assert_eq!(BlockSize::new(good).unwrap().bytes(), good);
    }
    for bad in [
        Bytes(0),
        Bytes::kib(16),
        Bytes::kib(33),
        Bytes(Bytes::gib(1).0 + (32 << 10)),
    ] {
        assert!(BlockSize::new(bad).is_err(), "{bad} was taken");
    }
}

#[test]
fn of_a_whole_image_every_block_has_its_own_place_and_what_is_not_copied_is_a_hole() {
    let extents = [extent(blocks(2), blocks(2)), extent(blocks(6), Bytes(1))];
    // The short block at the end is neither mapped nor zeroed, even if it is allocated.
    let tail = extent(blocks(9), Bytes(512));
    let size = Bytes(blocks(9).0 + 512);
    let plan = whole(extents.into_iter().chain([tail]), size, BLOCK);
    assert_eq!((plan.asked, plan.left_out, plan.kept()), (9, 0, 3));
    let copied: Vec<_> = plan.mapping().map(|(c, o)| (c.0, o.0)).collect();
    assert_eq!(copied, [(2, 2), (3, 3), (6, 6)]);
    let mapped: Vec<_> = plan.residents().map(|(c, o)| (c.0, o.0)).collect();
    assert_eq!(mapped, (0..9).map(|n| (n, n)).collect::<Vec<_>>());
    let holes: Vec<_> = plan.holes().collect();
    let wanted = [0..2, 4..6, 7..9].map(|hole| blocks(hole.start)..blocks(hole.end));
    assert_eq!(holes, wanted);
}

#[test]
fn a_part_of_an_image_has_no_holes_and_maps_what_it_copies() {
    let extents = [extent(blocks(2), blocks(2))];
    let part = plan(SeedSpec::Allocated, extents, blocks(9), BLOCK, 9);
    assert_eq!(part.holes().count(), 0);
    assert!(part.residents().eq(part.mapping()));
}

proptest! {
    #[test]
    fn holes_and_copied_blocks_cover_a_whole_image_once(
        copied in prop::collection::btree_set(0_u64..40, 0..40),
        all in 0_u64..40,
    ) {
        let extents = copied.iter().map(|n| extent(blocks(*n), blocks(1)));
        let plan = whole(extents, blocks(all), BLOCK);
        let mut covered: Vec<u64> = plan.holes()
            .flat_map(|hole| hole.start.0 / BLOCK.bytes().0..hole.end.0 / BLOCK.bytes().0)
            .chain(plan.blocks.iter().map(|block| block.0))
            .collect();
        covered.sort_unstable();
        prop_assert_eq!(covered, (0..all).collect::<Vec<_>>());
    }
}

#[test]
fn extents_are_sorted_merged_and_widened_to_blocks() {
    let extents = [
        extent(blocks(8), Bytes(1)),
        extent(Bytes(blocks(2).0 - 1), Bytes(2)),
        extent(blocks(1), blocks(1)),
        extent(blocks(5), Bytes(0)),
    ];
    let plan = plan(SeedSpec::Allocated, extents, blocks(10), BLOCK, 10);
    assert_eq!(numbers(&plan), [1, 2, 8]);
    assert_eq!((plan.asked, plan.left_out), (3, 0));
    let mapping: Vec<_> = plan.mapping().map(|(c, o)| (c.0, o.0)).collect();
    assert_eq!(mapping, [(0, 1), (1, 2), (2, 8)]);
}

#[test]
fn first_counts_blocks_that_start_before_it() {
    let all = [extent(Bytes(0), blocks(10))];
    let first = |n| plan(SeedSpec::First(n), all, blocks(10), BLOCK, 10).asked;
    assert_eq!(first(blocks(3)), 3);
    assert_eq!(first(Bytes(blocks(3).0 + 1)), 4);
    assert_eq!(first(blocks(1000)), 10);
    assert_eq!(plan(SeedSpec::None, all, blocks(10), BLOCK, 10).asked, 0);
}

#[test]
fn the_short_last_block_is_not_asked_for() {
    let image = Bytes(blocks(3).0 + 512);
    let plan = plan(
        SeedSpec::Allocated,
        [extent(Bytes(0), image)],
        image,
        BLOCK,
        10,
    );
    assert_eq!(numbers(&plan), [0, 1, 2]);
    assert_eq!((plan.asked, plan.left_out), (3, 0));
}

#[test]
fn a_tenth_stays_free_unless_the_whole_image_fits() {
    for (capacity, all, expected) in [
        (100, 100, 100),
        (200, 100, 100),
        (99, 100, 89),
        (11, 100, 9),
        (1, 100, 0),
        (0, 100, 0),
        (u64::MAX - 1, u64::MAX, u64::MAX - 1 - (u64::MAX / 10 + 1)),
    ] {
        assert_eq!(room(capacity, all), expected, "{capacity} of {all}");
    }
}

proptest! {
    #[test]
    fn a_plan_is_what_it_says(
        ends in prop::collection::vec((0_u64..3_000_000, 0_u64..300_000), 0..20),
        image in 1_u64..4_000_000,
        first in prop::option::of(1_u64..4_000_000),
        capacity in 0_u64..80,
    ) {
        let extents: Vec<_> = ends.iter().map(|(o, l)| extent(Bytes(*o), Bytes(*l))).collect();
        let spec = first.map_or(SeedSpec::Allocated, |n| SeedSpec::First(Bytes(n)));
        let plan = plan(spec, extents.clone(), Bytes(image), BLOCK, capacity);
        let size = BLOCK.bytes().0;
        // The slow and obvious way.
        let wanted: BTreeSet<u64> = (0..image / size)
            .filter(|n| first.is_none_or(|first| n * size < first))
            .filter(|n| extents.iter().any(|e| {
                e.len.0 > 0 && e.offset.0 < (n + 1) * size && n * size < e.offset.0 + e.len.0
            }))
            .collect();
        prop_assert_eq!(plan.asked, wanted.len() as u64);
        prop_assert_eq!(plan.asked, plan.kept() + plan.left_out);
        let room = room(capacity, image / size);
        prop_assert!(room <= capacity);
        prop_assert_eq!(plan.kept(), plan.asked.min(room));
        let kept: Vec<u64> = wanted.into_iter().take(plan.blocks.len()).collect();
        prop_assert_eq!(numbers(&plan), kept);
    }
}

#[test]
fn what_lies_too_far_is_left_out() {
    let all = [extent(blocks(1), blocks(2)), extent(blocks(6), blocks(3))];
    let plan = plan(SeedSpec::Allocated, all, blocks(10), BLOCK, 10);
    let near = plan.clone().within(Bytes(blocks(7).0 + 1));
    assert_eq!(numbers(&near), [1, 2, 6]);
    assert_eq!((near.asked, near.left_out), (5, 2));
    assert_eq!(plan.clone().within(blocks(10)), plan);
}
