//! Clones: made once, found afterwards, and never mistaken for something else.

use warmblock::Kind;
use warmblock::ceph::{CloneFormat, CreateOptions, ignore, meta};
use warmblock::image::{CloneImage, ImageJob, ImageReport};
use warmblock::model::{Bytes, Change, Lease, SnapSpec};

use super::{Scratch, Test, crash_after, do_it, host, noise};

pub const TESTS: &[(&str, Test)] = &[
    (
        "clone: the first makes a snapshot, the next use it, the same is kept",
        idempotent,
    ),
    (
        "clone: another parent is refused with both sides",
        other_parent,
    ),
    ("clone: sizes", sizes),
    ("clone: many first ones at once", concurrent),
    ("clone: format 1 protects", format_1),
    ("clone: across namespaces", namespaces),
    ("clone: the parent's lease is not the clone's", leases),
    (
        "clone: half-made ones are made anew, others' images are not touched",
        half_made,
    ),
    (
        "clone: killed after any step, it is done by the next one",
        crashes,
    ),
    ("clone: a dry run only says", dry_run),
];

pub fn parent() -> Scratch {
    let scratch = Scratch::new("parent");
    let options = CreateOptions {
        size: Bytes::mib(16),
        ..CreateOptions::default()
    };
    scratch.pool.create(&scratch.spec.image, &options).unwrap();
    scratch
        .pool
        .open(&scratch.spec.image)
        .unwrap()
        .write_at(0, &noise(1, 9000))
        .unwrap();
    scratch
}

pub fn ask(parent: &Scratch, child: &Scratch) -> CloneImage {
    CloneImage::new(
        SnapSpec {
            image: parent.spec.clone(),
            snap: None,
        },
        child.spec.clone(),
    )
}

pub fn run(ask: &CloneImage) -> warmblock::Result<ImageReport> {
    do_it(ImageJob::Clone(ask.clone()))
}

fn idempotent() -> Result<(), Box<dyn std::error::Error>> {
    let parent = parent();
    let (one, two) = (Scratch::new("child"), Scratch::new("child"));
    let report = run(&ask(&parent, &one))?;
    assert_eq!(report.change, Some(Change::Made));
    assert_eq!(report.steps.len(), 2, "{:?}", report.steps);
    let of = report.facts.unwrap().parent.unwrap();
    assert_eq!((of.image, of.snap.as_str()), (parent.spec.clone(), "snap"));
    assert!(one.bytes()[..9000] == noise(1, 9000));
    let report = run(&ask(&parent, &two))?;
    assert_eq!(report.steps.len(), 1);
    let again = run(&ask(&parent, &one))?;
    assert_eq!((again.change, again.steps.len()), (Some(Change::Kept), 0));
    assert_eq!(parent.open().snapshots()?.len(), 1);
    assert!(!parent.open().snapshots()?[0].protected);
    Ok(())
}

fn other_parent() -> Result<(), Box<dyn std::error::Error>> {
    let (left, right) = (parent(), parent());
    let child = Scratch::new("child");
    run(&ask(&left, &child))?;
    let error = run(&ask(&right, &child)).unwrap_err();
    assert_eq!(error.kind(), Kind::Exists);
    for side in [&left, &right] {
        assert!(
            error.chain().contains(&side.spec.to_string()),
            "{}",
            error.chain()
        );
    }
    let fresh = Scratch::new("child");
    let mut named = ask(&left, &fresh);
    named.parent.snap = Some("other".parse()?);
    let error = run(&named).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.remedy_text().unwrap().contains("snap"));
    let nobody = Scratch::new("nobody");
    let error = run(&ask(&nobody, &fresh)).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.chain().contains(&nobody.spec.to_string()));
    Ok(())
}

fn sizes() -> Result<(), Box<dyn std::error::Error>> {
    let parent = parent();
    let child = Scratch::new("child");
    let sized = |size| CloneImage {
        size: Some(size),
        ..ask(&parent, &child)
    };
    let error = run(&sized(Bytes::mib(8))).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(!child.exists());
    let report = run(&sized(Bytes::mib(32)))?;
    assert_eq!(report.facts.unwrap().size, Bytes::mib(32));
    assert_eq!(child.open().size()?, Bytes::mib(32));
    assert_eq!(run(&sized(Bytes::mib(32)))?.change, Some(Change::Kept));
    assert_eq!(run(&sized(Bytes::mib(48)))?.change, Some(Change::Altered));
    assert_eq!(run(&ask(&parent, &child))?.change, Some(Change::Kept));
    assert_eq!(
        run(&sized(Bytes::mib(32))).unwrap_err().kind(),
        Kind::Exists
    );
    Ok(())
}

fn concurrent() -> Result<(), Box<dyn std::error::Error>> {
    let parent = parent();
    let mut children: Vec<Scratch> = (0..6).map(|_| Scratch::new("child")).collect();
    let same = children.pop().unwrap();
    let asks: Vec<CloneImage> = children
        .iter()
        .map(|child| ask(&parent, child))
        .chain([ask(&parent, &same), ask(&parent, &same)])
        .collect();
    std::thread::scope(|scope| {
        let runs: Vec<_> = asks.iter().map(|ask| scope.spawn(|| run(ask))).collect();
        let changes: Vec<Change> = runs
            .into_iter()
            .map(|run| run.join().unwrap().unwrap().change.unwrap())
            .collect();
        assert!(
            changes[..5].iter().all(|change| *change == Change::Made),
            "{changes:?}"
        );
    });
    assert_eq!(parent.open().children(None)?.len(), 6);
    Ok(())
}

fn format_1() -> Result<(), Box<dyn std::error::Error>> {
    let parent = parent();
    let child = Scratch::new("child");
    let ask = CloneImage {
        clone_format: CloneFormat::V1,
        ..ask(&parent, &child)
    };
    let report = run(&ask)?;
    assert_eq!(report.steps.len(), 3, "{:?}", report.steps);
    assert!(parent.open().snapshots()?[0].protected);
    assert_eq!(run(&ask)?.change, Some(Change::Kept));
    Ok(())
}

fn namespaces() -> Result<(), Box<dyn std::error::Error>> {
    let parent = parent();
    let child = Scratch::in_namespace("child");
    run(&ask(&parent, &child))?;
    assert_eq!(run(&ask(&parent, &child))?.change, Some(Change::Kept));
    let mut nowhere = ask(&parent, &child);
    nowhere.child.namespace = Some("no-such".parse()?);
    assert_eq!(run(&nowhere).unwrap_err().kind(), Kind::NotFound);
    Ok(())
}

pub fn lease(dirty: bool) -> String {
    format!(
        "{{\"version\":1,\"generation\":3,\"holder\":{{\"host\":\"hv9\",\"boot_id\":\"b\",\"since\":1,\"driver\":\
         \"dm-cache\",\"mode\":\"writeback\",\"dirty\":{dirty},\"cache_id\":\"x\"}}}}"
    )
}

fn leases() -> Result<(), Box<dyn std::error::Error>> {
    let parent = parent();
    let child = Scratch::new("child");
    let set = |lease: &str| {
        parent
            .pool
            .open(&parent.spec.image)
            .unwrap()
            .metadata_set(Lease::KEY, lease)
            .unwrap()
    };
    set(&lease(true));
    let error = run(&ask(&parent, &child)).unwrap_err();
    assert_eq!(error.kind(), Kind::Dirty);
    assert!(error.chain().contains("hv9") && parent.open().snapshots()?.is_empty());
    set(&lease(false));
    run(&ask(&parent, &child))?;
    let id = child.open().id().clone();
    assert_eq!(meta::get(&child.pool, &id, Lease::KEY)?, None);
    // As a process leaves it that was killed between the clone and the dropping.
    child
        .pool
        .open(&child.spec.image)?
        .metadata_set(Lease::KEY, &lease(false))?;
    assert_eq!(run(&ask(&parent, &child))?.change, Some(Change::Kept));
    assert_eq!(meta::get(&child.pool, &id, Lease::KEY)?, None);
    // The clone's own lease stays.
    child
        .pool
        .open(&child.spec.image)?
        .metadata_set(Lease::KEY, &lease(true))?;
    run(&ask(&parent, &child))?;
    assert!(meta::get(&child.pool, &id, Lease::KEY)?.is_some());
    Ok(())
}

fn half_made() -> Result<(), Box<dyn std::error::Error>> {
    let parent = parent();
    let child = Scratch::new("child");
    let empty = CreateOptions {
        size: Bytes::mib(16),
        ..CreateOptions::default()
    };
    child.pool.create(&child.spec.image, &empty)?;
    let report = run(&ask(&parent, &child))?;
    assert_eq!(report.change, Some(Change::Made));
    assert!(
        report
            .steps
            .iter()
            .any(|step| step.change == Change::Removed)
    );
    child.pool.remove(&child.spec.image, &mut ignore)?;
    child.pool.create(&child.spec.image, &empty)?;
    child
        .pool
        .open(&child.spec.image)?
        .write_at(1 << 20, b"precious")?;
    let error = run(&ask(&parent, &child)).unwrap_err();
    assert_eq!(error.kind(), Kind::Exists);
    assert!(error.chain().contains("is no clone"), "{}", error.chain());
    assert_eq!(&child.bytes()[1 << 20..][..8], b"precious");
    Ok(())
}

fn crashes() -> Result<(), Box<dyn std::error::Error>> {
    for format in [CloneFormat::Auto, CloneFormat::V1] {
        for step in 1.. {
            let parent = parent();
            let child = Scratch::new("child");
            let size = Some(Bytes::mib(24));
            let ask = CloneImage {
                clone_format: format,
                size,
                ..ask(&parent, &child)
            };
            let through = crash_after(step, &ImageJob::Clone(ask.clone()));
            run(&ask)?;
            assert!(child.bytes()[..9000] == noise(1, 9000), "step {step}");
            assert_eq!(child.open().size()?, Bytes::mib(24));
            assert_eq!(parent.open().children(None)?.len(), 1);
            if through {
                assert!(step > 2, "only {step} steps");
                break;
            }
        }
    }
    Ok(())
}

fn dry_run() -> Result<(), Box<dyn std::error::Error>> {
    let parent = parent();
    let child = Scratch::new("child");
    let job = ImageJob::Clone(ask(&parent, &child));
    let report = warmblock::image::run(&host(), &job, true)?;
    assert_eq!((report.change, report.steps.len()), (Some(Change::Made), 2));
    assert!(!child.exists() && parent.open().snapshots()?.is_empty());
    run(&ask(&parent, &child))?;
    let report = warmblock::image::run(&host(), &job, true)?;
    assert_eq!((report.change, report.steps.len()), (Some(Change::Kept), 0));
    Ok(())
}
