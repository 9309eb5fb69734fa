//! Data: read, written, copied by queue, and where they are.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Mutex;
use std::time::Duration;

use warmblock::ceph::aio::Op;
use warmblock::ceph::{
    BulkOptions, CloneFormat, CloneOptions, CreateOptions, DiffOptions, Extent, Image, ParentSnap,
    Range, features, ignore,
};
use warmblock::model::{Bytes, SnapName};

use super::{Scratch, Test, ec_pool, noise, pool};

pub const TESTS: &[(&str, Test)] = &[
    ("data::zeroed_and_discarded", zeroed_and_discarded),
    (
        "data::a_queue_is_bounded_and_gives_buffers_back",
        a_queue_is_bounded_and_gives_buffers_back,
    ),
    ("data::a_queue_tells_failures", a_queue_tells_failures),
    ("data::a_queue_keeps_its_image", a_queue_keeps_its_image),
    (
        "data::copied_to_an_erasure_coded_image",
        copied_to_an_erasure_coded_image,
    ),
    (
        "data::a_clones_data_lie_inside_its_extents",
        a_clones_data_lie_inside_its_extents,
    ),
    (
        "data::what_changed_since_a_snapshot",
        what_changed_since_a_snapshot,
    ),
    (
        "data::a_panicking_listener_is_heard",
        a_panicking_listener_is_heard,
    ),
];

const DEADLINE: Duration = Duration::from_secs(30);

fn read_all(image: &Image) -> Vec<u8> {
    let len = usize::try_from(image.size().unwrap().0).unwrap();
    let mut data = vec![0xaa; len];
    assert_eq!(image.read_at(0, &mut data).unwrap(), len);
    data
}

fn zeroed_and_discarded() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "zero", Bytes::mib(1));
    let image = scratch.open();
    let mut expected = noise(4, 1 << 20);
    image.write_at(0, &expected)?;
    image.write_zeroes(1000, Bytes(3000))?;
    expected[1000..4000].fill(0);
    image.discard(1 << 19, Bytes(1 << 17))?;
    expected[1 << 19..(1 << 19) + (1 << 17)].fill(0);
    image.flush()?;
    assert!(read_all(&image) == expected);
    assert_eq!(image.read_at((1 << 20) - 5, &mut [0; 50])?, 5);
    assert_eq!(
        image.write_zeroes(1 << 20, Bytes(1)).unwrap_err().errno,
        libc::EINVAL
    );
    Ok(())
}

fn a_queue_is_bounded_and_gives_buffers_back() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "queue", Bytes::mib(1));
    let image = scratch.open();
    let mut queue = image.aio_queue(4, DEADLINE);
    for n in 0..4_u8 {
        assert!(!queue.is_full());
        queue.write(u64::from(n) * 5000, vec![n + 1; 5000])?;
    }
    assert!(queue.is_full());
    let refused = queue.write(0, vec![9; 10]).unwrap_err();
    assert_eq!(refused.errno, libc::EAGAIN);
    let mut seen = BTreeMap::new();
    while let Some(done) = queue.next()? {
        done.result?;
        assert_eq!((done.op, done.buffer.len()), (Op::Write, 5000));
        seen.insert(done.offset, done.buffer[0]);
    }
    assert_eq!(
        seen,
        BTreeMap::from([(0, 1), (5000, 2), (10_000, 3), (15_000, 4)])
    );
    queue.write_zeroes(5000, Bytes(2500))?;
    queue.next()?.unwrap().result?;
    queue.discard(1 << 19, Bytes(1 << 18))?;
    queue.flush()?;
    queue.read(4000, vec![0; 2000])?;
    let mut read = Vec::new();
    while let Some(done) = queue.next()? {
        done.result?;
        if done.op == Op::Read {
            read = done.buffer;
        }
    }
    assert_eq!(read, [[1; 1000], [0; 1000]].concat());
    Ok(())
}

fn a_queue_tells_failures() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "failures", Bytes::mib(1));
    let reader = scratch.pool.open_read_only(&scratch.name, None)?;
    let mut queue = reader.aio_queue(4, DEADLINE);
    queue.write(0, vec![1; 10])?;
    assert_eq!(
        queue.next()?.unwrap().result.unwrap_err().errno,
        libc::EROFS
    );
    // librbd would read less, and cut a write off, without a word.
    let writer = scratch.open();
    let mut queue = writer.aio_queue(4, DEADLINE);
    for offset in [(1 << 20) - 5, 1 << 20, u64::MAX - 3] {
        let refused = [
            queue.read(offset, vec![0; 10]),
            queue.write(offset, vec![1; 10]),
            queue.write_zeroes(offset, Bytes(10)),
            queue.discard(offset, Bytes(10)),
        ];
        for refused in refused {
            let error = refused.unwrap_err();
            assert_eq!(error.errno, libc::EINVAL);
            assert!(
                error.to_string().contains("the image ends at 1048576"),
                "{error}"
            );
        }
    }
    assert!(queue.next()?.is_none());
    Ok(())
}

fn a_queue_keeps_its_image() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "keeps", Bytes::mib(8));
    let image = scratch.open();
    let mut queue = image.aio_queue(64, DEADLINE);
    let data = noise(5, 8 << 20);
    for (n, part) in data.chunks(1 << 17).enumerate() {
        queue.write((n << 17) as u64, part.to_vec())?;
    }
    let error = image.close().unwrap_err();
    assert!(error.is_busy());
    drop(queue);
    // Dropping the queue waited for all 64, and closed the image: it has no watcher but this one.
    let again = scratch.open();
    assert_eq!(again.watchers()?.len(), 1);
    assert!(read_all(&again) == data);
    Ok(())
}

fn copied_to_an_erasure_coded_image() -> Result<(), Box<dyn Error>> {
    let size = Bytes::mib(24);
    let source = Scratch::sized(&pool(), "source", size);
    let target = Scratch::named(&source.pool, "target");
    let options = CreateOptions {
        size,
        data_pool: Some(ec_pool()),
        ..CreateOptions::default()
    };
    target.pool.create(&target.name, &options)?;
    let whole = [Range {
        offset: 0,
        len: size.0,
    }];
    let bulk = BulkOptions {
        depth: 8,
        piece: 1_000_003,
        deadline: DEADLINE,
    };
    let data = noise(6, 24 << 20);
    let part = |offset: u64, len: usize| {
        let offset = usize::try_from(offset).unwrap();
        offset..offset + len
    };
    source.open().write_ranges(whole, bulk, |offset, buffer| {
        let range = part(offset, buffer.len());
        buffer.copy_from_slice(&data[range]);
        Ok(())
    })?;
    let copied = target.open();
    let mut pieces = 0;
    source.open().read_ranges(whole, bulk, |offset, bytes| {
        pieces += 1;
        Ok(copied.write_at(offset, bytes)?)
    })?;
    assert_eq!(pieces, (24_usize << 20).div_ceil(1_000_003));
    assert!(read_all(&copied) == data);
    let stopped = source.open().read_ranges(whole, bulk, |_, _| {
        Err(warmblock::Error::new(warmblock::Kind::NoSpace, "no room"))
    });
    assert_eq!(stopped.unwrap_err().kind(), warmblock::Kind::NoSpace);
    Ok(())
}

fn extents(image: &Image, options: &DiffOptions<'_>) -> Vec<Extent> {
    let found = Mutex::new(Vec::new());
    image
        .diff(options, |extent| found.lock().unwrap().push(extent))
        .unwrap();
    found.into_inner().unwrap()
}

/// Every block that is not zero lies in an extent with data; extents rise, do not overlap, and stay in the range.
fn assert_covered(data: &[u8], (start, end): (u64, u64), found: &[Extent], what: &str) {
    let mut at = start;
    for extent in found {
        assert!(extent.offset >= at, "{what}: {extent:?} begins before {at}");
        at = extent.offset + extent.len;
        assert!(at <= end, "{what}: {extent:?} ends behind {end}");
    }
    for (n, block) in data.chunks(512).enumerate() {
        let offset = (n * 512) as u64;
        if offset < start || offset >= end || block.iter().all(|byte| *byte == 0) {
            continue;
        }
        let inside = |extent: &&Extent| {
            extent.exists && (extent.offset..extent.offset + extent.len).contains(&offset)
        };
        assert!(
            found.iter().any(|extent| inside(&extent)),
            "{what}: data at {offset} are in no extent"
        );
    }
}

fn a_clones_data_lie_inside_its_extents() -> Result<(), Box<dyn Error>> {
    let plain = features::LAYERING;
    let fast = plain
        | features::EXCLUSIVE_LOCK
        | features::OBJECT_MAP
        | features::FAST_DIFF
        | features::DEEP_FLATTEN;
    for (parent_features, clone_features) in
        [(fast, fast), (plain, fast), (fast, plain), (plain, plain)]
    {
        let what = format!("features {parent_features:#x} and {clone_features:#x}");
        clone_with_holes(parent_features, clone_features, &what)?;
    }
    Ok(())
}

fn clone_with_holes(
    parent_features: u64,
    clone_features: u64,
    what: &str,
) -> Result<(), Box<dyn Error>> {
    let pool = pool();
    let parent = Scratch::named(&pool, "holes");
    let options = CreateOptions {
        size: Bytes::mib(8),
        object_size: Some(Bytes::kib(256)),
        features: Some(parent_features),
        ..CreateOptions::default()
    };
    pool.create(&parent.name, &options)?;
    let image = parent.open();
    // From the parent: small and large parts, at and across borders of objects, and a hole in an object.
    for (seed, offset, len) in [
        (1, 0, 4096),
        (2, 1 << 20, 300_000),
        (3, (3 << 20) - 512, 1024),
        (4, 7 << 20, 1 << 20),
    ] {
        image.write_at(offset, &noise(seed, len))?;
    }
    image.write_zeroes((1 << 20) + 8192, Bytes(65536))?;
    let snap: SnapName = "base".parse()?;
    image.snap_create(&snap)?;
    image.write_at(5 << 20, b"behind the snapshot")?;
    let clone = Scratch::named(&pool, "clone");
    let from = ParentSnap {
        pool: &pool,
        image: &parent.name,
        snap: &snap,
    };
    let wanted = CloneOptions {
        clone_format: CloneFormat::V2,
        features: Some(clone_features),
        size: Some(Bytes::mib(10)),
        object_size: Some(Bytes::kib(512)),
        ..CloneOptions::default()
    };
    pool.clone_image(&clone.name, from, &wanted)?;
    let image = clone.open();
    // Of its own: over the parent's, beside them, beyond the parent's end, and a part of the parent's taken away.
    image.write_at((1 << 20) + 100_000, &noise(5, 5000))?;
    image.write_at(6 << 20, &noise(6, 4096))?;
    image.write_at(9 << 20, &noise(7, 70_000))?;
    image.write_zeroes((7 << 20) + (1 << 19), Bytes(1 << 19))?;
    image.flush()?;
    assert_eq!(
        image.info()?.has_fast_diff(),
        clone_features & features::FAST_DIFF != 0
    );
    let data = read_all(&image);
    assert!(data[5 << 20..(5 << 20) + 512].iter().all(|byte| *byte == 0));
    for whole_object in [true, false] {
        for (offset, len) in [
            (0, u64::MAX),
            (1 << 20, 4 << 20),
            ((7 << 20) - 100, 1 << 20),
            (123, 7),
        ] {
            let options = DiffOptions {
                range: (offset, len),
                whole_object,
                ..DiffOptions::default()
            };
            let found = extents(&image, &options);
            let end = offset.saturating_add(len).min(10 << 20);
            let what = format!("{what}, whole_object {whole_object}, from {offset} to {end}");
            assert_covered(&data, (offset, end), &found, &what);
            let listed: u64 = found.iter().map(|extent| extent.len).sum();
            assert!(
                len < u64::MAX || listed <= 6 << 20,
                "{what}: {listed} bytes are no help"
            );
        }
    }
    let own = DiffOptions {
        include_parent: false,
        ..DiffOptions::default()
    };
    assert!(
        extents(&image, &own)
            .iter()
            .all(|extent| extent.offset != 0),
        "{what}: the parent's were told"
    );
    assert_eq!(
        extents(
            &image,
            &DiffOptions {
                range: (10 << 20, 5),
                ..own
            }
        ),
        []
    );
    drop((image, clone));
    Ok(())
}

fn what_changed_since_a_snapshot() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "changes", Bytes::mib(1));
    let image = scratch.open();
    let snap: SnapName = "then".parse()?;
    image.write_at(0, &[1; 65536])?;
    image.write_at(1 << 18, &[2; 65536])?;
    image.snap_create(&snap)?;
    image.write_at(1 << 19, &[3; 100])?;
    image.discard(1 << 18, Bytes(65536))?;
    let since = DiffOptions {
        from: Some(&snap),
        include_parent: false,
        ..DiffOptions::default()
    };
    let expected = [
        Extent {
            offset: 1 << 18,
            len: 65536,
            exists: false,
        },
        Extent {
            offset: 1 << 19,
            len: 65536,
            exists: true,
        },
    ];
    assert_eq!(extents(&image, &since), expected);
    let at_snap = scratch.pool.open_read_only(&scratch.name, Some(&snap))?;
    let then: Vec<u64> = extents(&at_snap, &DiffOptions::default())
        .iter()
        .map(|extent| extent.offset)
        .collect();
    assert_eq!(then, [0, 1 << 18]);
    let never = DiffOptions {
        from: Some(&"never".parse()?),
        ..DiffOptions::default()
    };
    assert!(image.diff(&never, |_| {}).unwrap_err().is_not_found());
    Ok(())
}

fn a_panicking_listener_is_heard() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::sized(&pool(), "panic", Bytes::mib(1));
    let image = scratch.open();
    image.write_at(0, &noise(8, 1 << 20))?;
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        image.diff(&DiffOptions::default(), |_| panic!("in the callback"))
    }));
    std::panic::set_hook(quiet);
    assert_eq!(
        caught.unwrap_err().downcast_ref::<&str>(),
        Some(&"in the callback")
    );
    // The handle is still good.
    assert_eq!(extents(&image, &DiffOptions::default()).len(), 16);
    image.resize(Bytes::mib(2), false, &mut ignore)?;
    Ok(())
}
