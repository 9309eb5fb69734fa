//! Removals: what they refuse, and what they leave when they are killed.

use warmblock::Kind;
use warmblock::ceph::CreateOptions;
use warmblock::image::{CloneImage, ImageJob, RemoveImage};
use warmblock::model::{Bytes, Change, SnapSpec};

use super::manage::{Outcome, cloned, drop_lease, made, one, refused, removal, set_lease, snap};
use super::{Scratch, Test, crash_after, do_it};

pub const TESTS: &[(&str, Test)] = &[
    (
        "manage: a removal refuses what it must, and says who",
        remove_refuses,
    ),
    (
        "manage: a removal with snapshots, again, and of nothing",
        remove,
    ),
    (
        "manage: a removal of what was never complete, and of nothing",
        never_complete,
    ),
    (
        "manage: a parent whose snapshot is kept for its clones",
        trash_snapshot,
    ),
    (
        "manage: killed after any step, a removal is done by the next one",
        crashes,
    ),
];

fn remove_refuses() -> Outcome {
    let image = made("stays");
    let job = || {
        ImageJob::Remove(RemoveImage {
            snapshots: true,
            ..removal(&image)
        })
    };
    let open = image.pool.open(&image.spec.image)?;
    refused(job(), Kind::Busy, &["open at", "client."]);
    drop(open);
    set_lease(&image, false);
    refused(job(), Kind::LeaseHeld, &["hv9"]);
    set_lease(&image, true);
    refused(job(), Kind::Dirty, &["hv9"]);
    drop_lease(&image);
    do_it(ImageJob::SnapCreate(snap(&image, "one")))?;
    refused(
        ImageJob::Remove(removal(&image)),
        Kind::Busy,
        &["snapshots (one)"],
    );
    let child = cloned(&image);
    refused(job(), Kind::Busy, &["clones", &child.spec.to_string()]);
    refused(
        ImageJob::Remove(removal(&Scratch::new("nobody"))),
        Kind::NotFound,
        &[],
    );
    assert_eq!(
        image.open().snapshots()?.len(),
        2,
        "a refused removal removed a snapshot"
    );
    Ok(())
}

fn remove() -> Outcome {
    let image = made("goes");
    do_it(ImageJob::SnapCreate(snap(&image, "one")))?;
    do_it(ImageJob::SnapCreate(snap(&image, "two")))?;
    do_it(ImageJob::SnapProtect(snap(&image, "two")))?;
    let ask = RemoveImage {
        snapshots: true,
        ..removal(&image)
    };
    let report = do_it(ImageJob::Remove(ask.clone()))?;
    assert_eq!(
        (report.change, report.steps.len()),
        (Some(Change::Removed), 3)
    );
    assert!(!image.exists());
    let again = RemoveImage {
        missing_ok: true,
        ..ask
    };
    assert_eq!(do_it(ImageJob::Remove(again))?.change, Some(Change::Absent));
    Ok(())
}

fn never_complete() -> Outcome {
    let image = Scratch::new("half");
    let job = || ImageJob::Remove(removal(&image));
    refused(job(), Kind::NotFound, &[]);
    let options = CreateOptions {
        size: Bytes::mib(1),
        ..CreateOptions::default()
    };
    image.pool.create(&image.pending(), &options)?;
    let report = do_it(job())?;
    assert_eq!(
        (report.change, report.steps.len()),
        (Some(Change::Absent), 1)
    );
    assert!(!image.pool.image_exists(&image.pending())?);
    refused(job(), Kind::NotFound, &[]);
    Ok(())
}

fn trash_snapshot() -> Outcome {
    let image = made("old");
    let child = cloned(&image);
    let report = do_it(ImageJob::SnapRemove(snap(&image, "snap")))?;
    assert_eq!(report.warnings.len(), 1);
    refused(
        ImageJob::Remove(removal(&image)),
        Kind::Busy,
        &[&child.spec.to_string()],
    );
    let kept = do_it(ImageJob::SnapList(one(&image)))?.snapshots.unwrap();
    assert_eq!(kept[0].namespace, warmblock::ceph::SnapNamespace::Trash);
    // A new snapshot of the default name is another one: the old clone is not taken for a clone of it.
    let second = cloned(&image);
    let parent = SnapSpec {
        image: image.spec.clone(),
        snap: None,
    };
    let again = ImageJob::Clone(CloneImage::new(parent, child.spec.clone()));
    assert_eq!(do_it(again).unwrap_err().kind(), Kind::Exists);
    for clone in [&child, &second] {
        do_it(ImageJob::Remove(removal(clone)))?;
    }
    do_it(ImageJob::Remove(RemoveImage {
        snapshots: true,
        ..removal(&image)
    }))?;
    assert!(!image.exists());
    Ok(())
}

fn crashes() -> Outcome {
    for step in 1.. {
        let image = made("crash");
        do_it(ImageJob::SnapCreate(snap(&image, "one")))?;
        do_it(ImageJob::SnapProtect(snap(&image, "one")))?;
        let ask = RemoveImage {
            snapshots: true,
            missing_ok: true,
            ..removal(&image)
        };
        let through = crash_after(step, &ImageJob::Remove(ask.clone()));
        // The killed process's watch is on the image until Ceph has forgotten it; a removal says so.
        let done = warmblock::sys::wait::until(
            "the watch to go",
            std::time::Duration::from_secs(60),
            || match do_it(ImageJob::Remove(ask.clone())) {
                Err(error) if error.kind() == Kind::Busy => Ok(None),
                done => done.map(Some),
            },
        )?;
        assert!(done.change.is_some() && !image.exists());
        if through {
            assert!(step > 2, "only {step} steps");
            return Ok(());
        }
    }
    Ok(())
}
