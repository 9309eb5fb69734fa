//! Copying and comparing on sparse files: the content arrives, and failures say where.

#![expect(clippy::unwrap_used, reason = "a failing helper fails the test")]

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;

use proptest::prelude::*;
use tempfile::NamedTempFile;
use warmblock::cancel::Cancel;
use warmblock::model::{Bytes, SeedSpec};
use warmblock::progress::Progress;
use warmblock::seed::{
    BlockSize, CacheBlock, CopyOptions, CopyReport, Devices, Extent, OriginBlock, SeedPlan,
    bring_home, copy, open_image, open_slice, plan, verify, whole,
};
use warmblock::{Kind, Result};

const BLOCK: Bytes = Bytes::kib(96);

fn block() -> BlockSize {
    BlockSize::new(BLOCK).unwrap()
}

/// A file that differs in every sector, on a file system that takes O_DIRECT.
fn image(size: Bytes) -> NamedTempFile {
    let file = blank(size);
    for sector in 0..size.0 / 512 {
        let line = format!("sector {sector:>8}");
        file.as_file()
            .write_all_at(line.as_bytes(), sector * 512)
            .unwrap();
    }
    file
}

fn blank(size: Bytes) -> NamedTempFile {
    let file = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    file.as_file().set_len(size.0).unwrap();
    file
}

fn bytes_of(file: &NamedTempFile) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.reopen().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn plan_of(origins: &[u64], image: Bytes) -> SeedPlan {
    SeedPlan {
        block: block(),
        blocks: origins.iter().copied().map(OriginBlock).collect(),
        asked: origins.len() as u64,
        left_out: 0,
        image,
        whole: false,
    }
}

fn options() -> CopyOptions {
    CopyOptions {
        depth: 4,
        chunk: Bytes::kib(64),
        rate: None,
    }
}

fn run(plan: &SeedPlan, image: &File, slice: &File) -> Result<CopyReport> {
    let devices = Devices { image, slice };
    let (cancel, progress) = (Cancel::new(), Progress::quiet());
    copy(plan, &devices, &options(), &cancel, &progress)
}

/// The slice as it has to be.
fn expected(plan: &SeedPlan, image: &[u8], slice: Bytes) -> Vec<u8> {
    let mut expected = vec![0; usize::try_from(slice.0).unwrap()];
    let at = |offset: Bytes| usize::try_from(offset.0).unwrap();
    for (cache, origin) in plan.mapping() {
        let from = at(origin.offset(plan.block));
        let bytes = &image[from..image.len().min(from + at(BLOCK))];
        let to = at(cache.offset(plan.block));
        expected[to..to + bytes.len()].copy_from_slice(bytes);
    }
    expected
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_block_arrives_at_its_place(
        origins in prop::collection::btree_set(0_u64..40, 0..40),
        tail in 0_u64..=4,
    ) {
        // The last block may be short, or lie beyond the image's end altogether.
        let size = Bytes(BLOCK.0 * 38 + tail * 4096);
        let origins: Vec<u64> = origins.into_iter().collect();
        let plan = plan_of(&origins, size);
        let slice_size = Bytes(BLOCK.0 * 40);
        let (from, to) = (image(size), blank(slice_size));
        let image_file = open_image(from.path()).unwrap();
        let slice_file = open_slice(to.path()).unwrap();
        let report = run(&plan, &image_file, &slice_file).unwrap();
        let wanted: u64 = origins.iter().map(|o| BLOCK.0.min(size.0.saturating_sub(o * BLOCK.0))).sum();
        prop_assert_eq!(report.bytes, Bytes(wanted));
        let image_bytes: Vec<u8> = bytes_of(&from);
        let short: Vec<u64> = origins.iter().copied().filter(|o| o * BLOCK.0 < size.0).collect();
        prop_assert!(bytes_of(&to) == expected(&plan_of(&short, size), &image_bytes, slice_size));
        prop_assert!(bytes_of(&from) == image_bytes);
    }
}

#[test]
fn what_was_copied_compares_equal_and_what_changed_is_named() {
    let size = Bytes(BLOCK.0 * 30);
    let (from, to) = (image(size), blank(size));
    let odd = (0..30).filter(|n| n % 3 != 0).map(|n| Extent {
        offset: Bytes(n * BLOCK.0),
        len: Bytes(1),
    });
    let plan = plan(SeedSpec::Allocated, odd, size, block(), 30);
    run(&plan, from.as_file(), to.as_file()).unwrap();
    let devices = Devices {
        image: from.as_file(),
        slice: to.as_file(),
    };
    let look = || {
        let (cancel, progress) = (Cancel::new(), Progress::quiet());
        let mapping = plan.mapping();
        verify(
            mapping,
            &devices,
            block(),
            size,
            &options(),
            &cancel,
            &progress,
        )
    };
    let same = look().unwrap();
    assert_eq!((same.compared, same.different), (20, 0));
    assert!(same.check().is_ok());

    for (cache, origin) in [
        plan.mapping().nth(3).unwrap(),
        plan.mapping().nth(19).unwrap(),
    ] {
        let last: Bytes = CacheBlock(cache.0 + 1).offset(block());
        to.as_file().write_all_at(b"!", last.0 - 1).unwrap();
        assert!(look().unwrap().examples.contains(&origin));
    }
    let changed = look().unwrap();
    assert_eq!((changed.compared, changed.different), (20, 2));
    assert_eq!(changed.examples, [OriginBlock(5), OriginBlock(29)]);
    let error = changed.check().unwrap_err();
    assert_eq!(error.kind(), Kind::Mismatch);
    assert!(error.to_string().contains("2 of 20 cached blocks"));
}

#[test]
fn of_a_whole_image_the_holes_are_zeroed_and_never_read() {
    let size = Bytes(BLOCK.0 * 20 + 512);
    // What the image has in its holes must not matter: only what is allocated may be read.
    let (from, to) = (image(size), image(Bytes(BLOCK.0 * 21)));
    let old = bytes_of(&to);
    let allocated = [3, 4, 11].map(|n| Extent {
        offset: Bytes(n * BLOCK.0),
        len: BLOCK,
    });
    let plan = whole(allocated, size, block());
    let report = run(&plan, from.as_file(), to.as_file()).unwrap();
    assert_eq!(report.bytes, Bytes(3 * BLOCK.0));
    let at = |n: usize| n * usize::try_from(BLOCK.0).unwrap();
    let mut wanted = vec![0; at(20)];
    for n in [3, 4, 11] {
        wanted[at(n)..at(n + 1)].copy_from_slice(&bytes_of(&from)[at(n)..at(n + 1)]);
    }
    // Behind the last whole block nothing is touched.
    wanted.extend_from_slice(&old[at(20)..]);
    assert!(bytes_of(&to) == wanted);
}

#[test]
fn only_what_differs_is_written_home() {
    let size = Bytes(BLOCK.0 * 20 + 512);
    let (from, to) = (image(size), image(size));
    let len = usize::try_from(BLOCK.0).unwrap();
    let changed = [0, 11, 12];
    // The slice holds the image's blocks elsewhere; three of them were changed.
    let mapping: Vec<_> = (0..20)
        .map(|n| (CacheBlock((n + 7) % 20), OriginBlock(n)))
        .collect();
    for (cache, origin) in &mapping {
        let mut bytes = vec![0; len];
        from.as_file()
            .read_exact_at(&mut bytes, origin.offset(block()).0)
            .unwrap();
        if changed.contains(&origin.0) {
            bytes[len - 1] ^= 1;
        }
        to.as_file()
            .write_all_at(&bytes, cache.offset(block()).0)
            .unwrap();
    }
    let mut wanted = bytes_of(&from);
    for block in [0, 11, 12] {
        wanted[(block + 1) * len - 1] ^= 1;
    }
    let devices = Devices {
        image: from.as_file(),
        slice: to.as_file(),
    };
    let home = || {
        let (cancel, progress) = (Cancel::new(), Progress::quiet());
        bring_home(
            mapping.clone(),
            &devices,
            block(),
            size,
            &options(),
            &cancel,
            &progress,
        )
        .unwrap()
    };
    let slice = bytes_of(&to);
    let first = home();
    assert_eq!((first.compared, first.written), (20, 3));
    assert!(bytes_of(&from) == wanted && bytes_of(&to) == slice);
    assert_eq!(home().written, 0);
}

#[test]
fn a_read_error_names_offset_and_device() {
    let from = image(Bytes(BLOCK.0 * 2));
    let to = blank(Bytes(BLOCK.0 * 8));
    // The plan believes in an image that is larger than the device.
    let plan = plan_of(&[0, 1, 5], Bytes(BLOCK.0 * 8));
    let error = run(&plan, from.as_file(), to.as_file()).unwrap_err();
    assert_eq!(error.kind(), Kind::Failed);
    let text = error.chain();
    // Of the block's pieces, which are read at once, each lies behind the end.
    let pieces = [BLOCK.0 * 5, options().chunk.0 * 8];
    let named = pieces.map(|offset| format!("at {offset} of"));
    assert!(named.iter().any(|at| text.contains(at)), "{text}");
    assert!(text.contains(&from.path().display().to_string()), "{text}");
}

#[test]
fn a_directory_is_no_image() {
    let from = File::open(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let to = blank(BLOCK);
    let error = run(&plan_of(&[0], BLOCK), &from, to.as_file()).unwrap_err();
    assert!(error.chain().contains("cannot read"), "{error:?}");
}

#[test]
fn a_full_slice_is_told_as_such() {
    let size = Bytes(BLOCK.0 * 20);
    let from = image(size);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let origins: Vec<u64> = (0..20).collect();
    let error = run(&plan_of(&origins, size), from.as_file(), &full).unwrap_err();
    assert_eq!(error.kind(), Kind::NoSpace);
    assert!(error.chain().contains("/dev/full"), "{error:?}");
}

#[test]
fn an_image_is_never_written() {
    let size = Bytes(BLOCK.0);
    let (from, to) = (image(size), blank(size));
    let read_only = open_image(from.path()).unwrap();
    let error = run(&plan_of(&[0], size), to.as_file(), &read_only).unwrap_err();
    assert!(error.chain().contains("cannot write"), "{error:?}");
}
