//! Images that are made for a purpose: killed anywhere they are made again, and what is somebody's stays.

use warmblock::Kind;
use warmblock::image::{CloneImage, CreateImage, ImageJob, Once, RemoveImage};
use warmblock::model::{Bytes, Change};
use warmblock::tools::mkfs::FileSystem;

use super::clone::{ask, parent};
use super::manage::{Outcome, made, refused};
use super::{Scratch, Test, crash_after, do_it, noise};

pub const TESTS: &[(&str, Test)] = &[
    (
        "once: killed after any step, it is made again, and says what it is for when it is there",
        killed,
    ),
    (
        "once: an earlier life is replaced, and nothing of anybody else's",
        somebodys,
    ),
    ("once: the same twice at the same moment", twice),
    (
        "made for: a clone or a new image for one registration, and no other",
        registered,
    ),
];

const SIZE: Bytes = Bytes::mib(16);

fn create(image: &Scratch, filesystem: Option<FileSystem>) -> CreateImage {
    CreateImage {
        image: image.spec.clone(),
        size: SIZE,
        filesystem,
        data_pool: None,
        staging_dir: None,
        made_for: None,
    }
}

fn clone(image: &Scratch, parent: &Scratch) -> CloneImage {
    CloneImage {
        size: Some(Bytes::mib(20)),
        ..ask(parent, image)
    }
}

/// For a VM's disk, as a driver asks for it.
fn once(image: &Scratch, since: u32, stay: u32, make: ImageJob) -> ImageJob {
    let lives = [
        format!("VM 12 of {since}, disk 0, "),
        "VM 12, disk 0, ".into(),
    ];
    ImageJob::Once(Once {
        image: image.spec.clone(),
        made_for: format!("{}stay {stay}", lives[0]),
        same: vec![format!("{}stay {stay}", lives[1])],
        of: lives.into(),
        left_by: Vec::new(),
        make: Box::new(make),
    })
}

fn write(image: &Scratch, seed: u64) {
    let open = image.pool.open(&image.spec.image).unwrap();
    open.write_at(0, &noise(seed, 9000)).unwrap();
}

/// Whether it begins with what was written.
fn holds(image: &Scratch, seed: u64) -> bool {
    image.bytes().starts_with(&noise(seed, 9000))
}

/// What it says that it was made for.
fn says(image: &Scratch) -> Option<String> {
    let mark = image.open().metadata_get("warmblock.made-for").unwrap()?;
    let mark: serde_json::Value = serde_json::from_str(&mark).unwrap();
    assert_eq!(mark["image"].as_str(), Some(image.open().id().as_str()));
    Some(mark["made_for"].as_str()?.to_owned())
}

fn killed() -> Outcome {
    let parent = parent();
    for what in 0..3 {
        for step in 1.. {
            let image = Scratch::new("once");
            let make = match what {
                0 => ImageJob::Clone(clone(&image, &parent)),
                1 => ImageJob::Create(create(&image, None)),
                _ => ImageJob::Create(create(&image, Some(FileSystem::Ext4))),
            };
            let through = crash_after(step, &once(&image, 1, 0, make.clone()));
            // Nothing has the name before it says what it is for.
            let complete = image.exists();
            let words = complete.then(|| "VM 12 of 1, disk 0, stay 0".to_owned());
            assert_eq!(complete.then(|| says(&image)).flatten(), words);
            let again = do_it(once(&image, 1, 0, make.clone()))?;
            let change = if complete { Change::Kept } else { Change::Made };
            assert_eq!(again.change, Some(change), "step {step} of {what}");
            assert!(!image.pool.image_exists(&image.pending())?);
            // The next life of it: killed as well, and from a disk that was written.
            write(&image, 7);
            crash_after(step, &once(&image, 1, 1, make.clone()));
            do_it(once(&image, 1, 1, make))?;
            assert!(!holds(&image, 7));
            assert!(!image.pool.image_exists(&image.pending())?);
            let size = image.open().size()?;
            assert_eq!(size, if what == 0 { Bytes::mib(20) } else { SIZE });
            if through {
                assert!(step > 1, "no step was ever killed");
                break;
            }
        }
    }
    Ok(())
}

/// A driver's call that was given up goes on at its host, and meets the same call there: both come through.
fn twice() -> Outcome {
    let parent = parent();
    for round in 0..12 {
        let image = Scratch::new("once");
        let make = match round % 3 {
            0 => ImageJob::Clone(clone(&image, &parent)),
            1 => ImageJob::Create(create(&image, None)),
            _ => ImageJob::Create(create(&image, Some(FileSystem::Ext4))),
        };
        let job = once(&image, 1, 0, make);
        std::thread::scope(|scope| {
            // Processes, as on a host; threads of one that came and went at once were seen to abort in librados.
            let runs = [(); 3].map(|()| scope.spawn(|| crash_after(u32::MAX, &job)));
            assert!(
                runs.into_iter().all(|run| run.join().unwrap()),
                "round {round}"
            );
        });
        assert_eq!(says(&image).as_deref(), Some("VM 12 of 1, disk 0, stay 0"));
        assert!(!image.pool.image_exists(&image.pending())?);
        let size = image.open().size()?;
        assert_eq!(size, if round % 3 == 0 { Bytes::mib(20) } else { SIZE });
    }
    Ok(())
}

fn somebodys() -> Outcome {
    let parent = parent();
    let image = made("once");
    write(&image, 7);
    let make = || ImageJob::Clone(clone(&image, &parent));
    let name = image.spec.to_string();
    let refused_with = |since, word: &str| {
        let words = [&name, word, "VM 12 of "];
        refused(once(&image, since, 0, make()), Kind::Exists, &words);
        assert!(holds(&image, 7));
    };
    let gone = |of: &str| {
        ImageJob::Remove(RemoveImage {
            of: vec![of.to_owned()],
            ..RemoveImage::whole(image.spec.clone())
        })
    };
    refused_with(1, "does not say");
    // What one of them does not make, for it is somebody's, another one does not remove.
    let kept = do_it(gone("VM 12 of 1, disk 0, "))?;
    assert_eq!((kept.change, kept.warnings.len()), (Some(Change::Kept), 1));
    assert!(kept.warnings[0].contains("image rm") && holds(&image, 7));
    do_it(ImageJob::Remove(RemoveImage::whole(image.spec.clone())))?;
    let nothing = do_it(gone("VM 12 of 1, disk 0, "))?;
    assert_eq!(nothing.change, Some(Change::Absent));
    // Another VM of that number.
    do_it(once(&image, 1, 0, make()))?;
    write(&image, 7);
    let backup = warmblock::image::OneSnap {
        image: image.spec.clone(),
        snap: "one_backup_0".parse()?,
    };
    do_it(ImageJob::SnapCreate(backup))?;
    refused_with(2, "VM 12 of 1, disk 0, stay 0");
    let kept = do_it(gone("VM 12 of 2, disk 0, "))?;
    assert_eq!((kept.change, kept.warnings.len()), (Some(Change::Kept), 1));
    assert!(holds(&image, 7) && image.open().snapshots()?.len() == 1);
    // The same one, at the same stay and at the next.
    assert_eq!(
        do_it(once(&image, 1, 0, make()))?.change,
        Some(Change::Kept)
    );
    assert!(holds(&image, 7));
    let anew = do_it(once(&image, 1, 1, make()))?;
    assert_eq!(anew.change, Some(Change::Made));
    assert!(!holds(&image, 7));
    do_it(gone("VM 12 of 1, disk 0, "))?;
    assert!(!image.exists());
    // As earlier releases said it.
    let earlier = |stay| {
        ImageJob::Once(Once {
            image: image.spec.clone(),
            made_for: format!("VM 12, disk 0, stay {stay}"),
            same: Vec::new(),
            of: vec!["VM 12, disk 0, ".into()],
            left_by: Vec::new(),
            make: Box::new(make()),
        })
    };
    do_it(earlier(0))?;
    write(&image, 7);
    assert_eq!(
        do_it(once(&image, 1, 0, make()))?.change,
        Some(Change::Kept)
    );
    assert!(holds(&image, 7));
    do_it(once(&image, 1, 1, make()))?;
    assert!(!holds(&image, 7));
    Ok(())
}

fn registered() -> Outcome {
    let parent = parent();
    for what in 0..4 {
        let image = Scratch::new("made-for");
        let job = |time: u32| {
            let made_for = Some(format!("image 7, registered at {time}"));
            match what {
                0 | 1 => ImageJob::Clone(CloneImage {
                    made_for,
                    fresh: what == 1,
                    size: None,
                    ..clone(&image, &parent)
                }),
                _ => ImageJob::Create(CreateImage {
                    made_for,
                    ..create(&image, (what == 3).then_some(FileSystem::Ext4))
                }),
            }
        };
        assert!(!crash_after(1, &job(1)), "{what}");
        do_it(job(1))?;
        write(&image, 7);
        assert_eq!(do_it(job(1))?.change, Some(Change::Kept), "{what}");
        let name = image.spec.to_string();
        let words = [name.as_str(), "registered at 1", "registered at 2"];
        refused(job(2), Kind::Exists, &words);
        assert!(holds(&image, 7), "{what}");
        // The copy of an image as it is leaves no snapshot of its own.
        let snaps = parent.open().snapshots()?;
        let own = |name: &str| name.starts_with("wb-clone-") && !name.contains("made-for");
        assert!(
            !snaps.iter().any(|snap| own(snap.name.as_str())),
            "{snaps:?}"
        );
        assert!(!image.pool.image_exists(&image.pending())?);
    }
    Ok(())
}
