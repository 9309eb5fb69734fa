//! Reverts and what else begins with a snapshot: killed anywhere, they leave nothing that is taken for whole.

use warmblock::Kind;
use warmblock::ceph::{CloneFormat, CreateOptions};
use warmblock::image::{
    Algorithm, CloneImage, ForgetBackups, ImageJob, OneDigest, OneImage, OneSnap, RemoveImage,
    SnapFlatten,
};
use warmblock::job::Attach;
use warmblock::model::{BeforeRevert, Bytes, Change, CopySnap, SnapName, SnapSpec};

use super::manage::{Outcome, made, refused, removal, snap};
use super::{Scratch, Test, crash_after, do_it, host, noise};

pub const TESTS: &[(&str, Test)] = &[
    (
        "revert: killed after any step, the image is the old or the new, or refused",
        crashes,
    ),
    (
        "flatten to a snapshot: killed after any step, it is done by the next one",
        flattens,
    ),
    (
        "revert: one that was begun is in everybody's way",
        in_the_way,
    ),
    ("revert: a snapshot that is retaken is of now", retaken),
    (
        "revert: a snapshot that somebody else took stays",
        somebodys_snapshot,
    ),
    (
        "revert: what is cloned or saved after it is of after it",
        cloned_and_saved,
    ),
    (
        "revert: a copy's snapshot goes with the copy, and an import that was left",
        leftovers,
    ),
];

fn write(image: &Scratch, seed: u64) {
    let open = image.pool.open(&image.spec.image).unwrap();
    open.write_at(0, &noise(seed, 9000)).unwrap();
}

fn holds(image: &Scratch, seed: u64) -> bool {
    image.bytes()[..9000] == noise(seed, 9000)
}

fn names(image: &Scratch) -> Vec<String> {
    let snapshots = image.open().snapshots().unwrap();
    snapshots.iter().map(|snap| snap.name.to_string()).collect()
}

fn before(image: &Scratch) -> OneSnap {
    OneSnap {
        image: image.spec.clone(),
        snap: BeforeRevert.snap().unwrap(),
    }
}

/// An image with snapshots `0` and `1` that holds something else again.
fn snapped() -> Scratch {
    let image = made("reverted");
    for (seed, name) in [(1, "0"), (2, "1")] {
        write(&image, seed);
        do_it(ImageJob::SnapCreate(snap(&image, name))).unwrap();
    }
    write(&image, 3);
    image
}

fn crashes() -> Outcome {
    // All of them are killed before the first is looked at: the watches of the dead expire meanwhile.
    let mut killed = Vec::new();
    for step in 1.. {
        let (image, again) = (snapped(), snapped());
        let through = [&image, &again]
            .map(|image| crash_after(step, &ImageJob::SnapRevert(snap(image, "0"))));
        killed.push((step, image, again));
        if through[0] {
            assert!(step > 3, "only {step} steps");
            break;
        }
    }
    for (step, image, again) in &killed {
        if names(image) == ["0", "1"] {
            // After the first two it is open, and it is noted what is about to be done.
            let held = if *step <= 2 { 3 } else { 1 };
            assert!(holds(image, held), "step {step}");
            continue;
        }
        let undone = do_it(ImageJob::SnapRevert(before(image)))?;
        assert_eq!(undone.change, Some(Change::Altered));
        assert!(holds(image, 3), "step {step}");
        assert_eq!(names(image), ["0", "1"]);
        // Another revert begins with what was before that one.
        let report = do_it(ImageJob::SnapRevert(snap(again, "1")))?;
        assert_eq!(report.steps.len(), 5, "{:?}", report.steps);
        assert!(holds(again, 2), "step {step}");
        assert_eq!(names(again), ["0", "1"]);
    }
    Ok(())
}

fn flattens() -> Outcome {
    let ask = |image: &Scratch, snap: &str| {
        ImageJob::SnapFlatten(SnapFlatten {
            image: image.spec.clone(),
            snap: snap.parse().unwrap(),
            others: ["0", "1"].map(|name| name.parse().unwrap()).into(),
        })
    };
    let mut killed = Vec::new();
    for step in 1.. {
        let image = snapped();
        do_it(ImageJob::SnapProtect(snap(&image, "1")))?;
        let through = crash_after(step, &ask(&image, "0"));
        killed.push((step, image));
        if through {
            assert!(step > 4, "only {step} steps");
            break;
        }
    }
    for (step, image) in &killed {
        let long = std::time::Duration::from_secs(60);
        let done = warmblock::sys::wait::until("the watch to go", long, || {
            match do_it(ask(image, "0")) {
                Err(error) if error.kind() == Kind::Busy => Ok(None),
                done => done.map(Some),
            }
        })?;
        assert!(done.change.is_some(), "step {step}");
        assert!(holds(image, 1), "step {step}");
        assert!(names(image).is_empty(), "step {step}: {:?}", names(image));
    }
    let image = snapped();
    refused(ask(&image, "7"), Kind::NotFound, &["no snapshot 7"]);
    assert!(holds(&image, 3) && names(&image).len() == 2);
    Ok(())
}

fn in_the_way() -> Outcome {
    let image = snapped();
    refused(
        ImageJob::SnapRevert(snap(&image, "7")),
        Kind::NotFound,
        &["no snapshot 7"],
    );
    refused(ImageJob::SnapRevert(before(&image)), Kind::NotFound, &[]);
    do_it(ImageJob::SnapCreate(before(&image)))?;
    write(&image, 4);
    let child = Scratch::new("child");
    let parent = SnapSpec {
        image: image.spec.clone(),
        snap: None,
    };
    let clone = CloneImage::new(parent, child.spec.clone());
    let fresh = CloneImage {
        fresh: true,
        ..clone.clone()
    };
    let digest = OneDigest {
        image: image.spec.clone(),
        algorithm: Algorithm::Md5,
    };
    for job in [
        ImageJob::Clone(clone),
        ImageJob::Clone(fresh),
        ImageJob::SnapCreate(snap(&image, "2")),
        ImageJob::SnapRetake(snap(&image, "2")),
        ImageJob::Digest(digest),
    ] {
        refused(job, Kind::Mismatch, &["revert", "not finished"]);
    }
    let attach = Attach::new(image.spec.clone());
    let error = warmblock::disk::attach(&host(), &attach, true).unwrap_err();
    assert_eq!(error.kind(), Kind::Mismatch, "{error:?}");
    // What the error names: `image snap rollback`.
    do_it(ImageJob::SnapRevert(before(&image)))?;
    assert!(holds(&image, 3));
    assert_eq!(names(&image), ["0", "1"]);
    Ok(())
}

fn retaken() -> Outcome {
    let image = made("retaken");
    write(&image, 1);
    for protected in [false, true] {
        do_it(ImageJob::SnapRetake(snap(&image, "0")))?;
        if protected {
            do_it(ImageJob::SnapProtect(snap(&image, "0")))?;
        }
        write(&image, 2);
        do_it(ImageJob::SnapRetake(snap(&image, "0")))?;
        write(&image, 1);
        do_it(ImageJob::SnapRevert(snap(&image, "0")))?;
        assert!(holds(&image, 2));
        write(&image, 1);
    }
    let child = Scratch::new("child");
    let parent = SnapSpec {
        image: image.spec.clone(),
        snap: Some("0".parse()?),
    };
    do_it(ImageJob::Clone(CloneImage::new(parent, child.spec.clone())))?;
    refused(
        ImageJob::SnapRetake(snap(&image, "0")),
        Kind::Exists,
        &["has clones"],
    );
    Ok(())
}

fn somebodys_snapshot() -> Outcome {
    let image = made("foreign");
    write(&image, 1);
    do_it(ImageJob::SnapCreate(snap(&image, "0")))?;
    write(&image, 2);
    let refuse = |name| {
        refused(
            ImageJob::SnapRetake(snap(&image, name)),
            Kind::Exists,
            &[name, "already", "not left by an attempt"],
        );
    };
    refuse("0");
    // Nor after one of ours, which another of the same name would be older than.
    do_it(ImageJob::SnapRetake(snap(&image, "1")))?;
    refuse("0");
    do_it(ImageJob::SnapRetake(snap(&image, "1")))?;
    assert_eq!(names(&image), ["0", "1"]);
    do_it(ImageJob::SnapRevert(snap(&image, "0")))?;
    assert!(holds(&image, 1));
    Ok(())
}

/// Ceph's quick diff does not tell what a rollback changed past a newer snapshot.
fn cloned_and_saved() -> Outcome {
    let image = made("rolled");
    let clone = |child: &Scratch| {
        let parent = SnapSpec {
            image: image.spec.clone(),
            snap: None,
        };
        do_it(ImageJob::Clone(CloneImage::new(parent, child.spec.clone())))
    };
    let [before, between, after] = [(); 3].map(|()| Scratch::new("child"));
    write(&image, 1);
    clone(&before)?;
    do_it(ImageJob::SnapCreate(snap(&image, "0")))?;
    write(&image, 2);
    clone(&between)?;
    do_it(ImageJob::SnapCreate(snap(&image, "one_backup_0")))?;
    do_it(ImageJob::SnapRevert(snap(&image, "0")))?;
    do_it(ImageJob::SnapCreate(snap(&image, "one_backup_1")))?;
    assert!(holds(&image, 1));
    clone(&after)?;
    assert!(holds(&before, 1) && holds(&between, 2) && holds(&after, 1));
    let save = |snap: &str, since: &str| {
        let file = tempfile::tempfile().unwrap();
        let (snap, since) = (snap.parse().unwrap(), since.parse().unwrap());
        warmblock::image::save(&host(), &image.spec, &snap, Some(&since), &file)
    };
    let error = save("one_backup_1", "one_backup_0").unwrap_err();
    assert_eq!(error.kind(), Kind::Mismatch);
    // What a chain left that is begun anew, but nobody's else.
    let forget = |keep| {
        let image = image.spec.clone();
        do_it(ImageJob::ForgetBackups(ForgetBackups { image, keep }))
    };
    forget(Some(1))?;
    assert_eq!(
        names(&image),
        ["snap", "0", "wb-base-1", "one_backup_1", "wb-base-2"]
    );
    // From one that is newer than the rollback, all is told.
    write(&image, 3);
    do_it(ImageJob::SnapCreate(snap(&image, "one_backup_2")))?;
    assert!(save("one_backup_2", "one_backup_1")?.0 >= 9000);
    Ok(())
}

fn leftovers() -> Outcome {
    let image = made("saved");
    for format in [CloneFormat::V1, CloneFormat::V2] {
        for kind in CopySnap::ALL {
            let copy = Scratch::new("copy");
            let name: SnapName = kind.of(&copy.spec.image)?;
            do_it(ImageJob::SnapCreate(snap(&image, name.as_str())))?;
            let parent = SnapSpec {
                image: image.spec.clone(),
                snap: Some(name),
            };
            do_it(ImageJob::Clone(CloneImage {
                clone_format: format,
                ..CloneImage::new(parent, copy.spec.clone())
            }))?;
            do_it(ImageJob::Remove(removal(&copy)))?;
            assert!(names(&image).is_empty(), "{:?}", names(&image));
        }
    }
    // As mkswap or mkimage leaves it that is killed in its import.
    let gone = Scratch::new("half");
    let options = CreateOptions {
        size: Bytes::mib(8),
        ..CreateOptions::default()
    };
    gone.pool.create(&gone.pending(), &options)?;
    let remove = |dry_run| {
        let ask = RemoveImage {
            missing_ok: true,
            ..removal(&gone)
        };
        warmblock::image::run(&host(), &ImageJob::Remove(ask), dry_run)
    };
    let open = gone.pool.open(&gone.pending())?;
    let told = remove(false)?;
    assert!(told.warnings[0].contains("open at"), "{:?}", told.warnings);
    assert!(gone.pool.image_exists(&gone.pending())?);
    drop(open);
    assert_eq!(remove(true)?.steps.len(), 1);
    assert_eq!(remove(false)?.steps.len(), 1);
    assert!(!gone.pool.image_exists(&gone.pending())?);
    // And where images go into the trash.
    gone.pool.create(&gone.pending(), &options)?;
    let image = gone.spec.clone();
    let report = do_it(ImageJob::Discard(OneImage { image }))?;
    assert_eq!(report.change, Some(Change::Absent));
    assert!(!gone.pool.image_exists(&gone.pending())?);
    Ok(())
}
