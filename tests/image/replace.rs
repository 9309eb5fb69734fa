//! Images that are replaced together: killed anywhere, or overtaken by another replacement, they are of one moment or refused.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use warmblock::Kind;
use warmblock::image::{
    Algorithm, CreateImage, ImageJob, Import, Once, OneDigest, OneImage, RemoveImage, ReplaceImage,
    ReplaceStep, import_reader,
};
use warmblock::model::{Beside, Bytes, Change, ReplacedImage, Replacement};
use warmblock::sys::{random, wait};

use super::import::{MIB, write};
use super::manage::{Outcome, made, refused, removal, snap};
use super::{Scratch, Test, crash_after, do_it, host, noise};

pub const TESTS: &[(&str, Test)] = &[
    (
        "replace: killed after any step, the images are of one moment or refused",
        killed,
    ),
    (
        "replace: of two at once, one finds that it is not its own any more",
        overtaken,
    ),
    (
        "replace: what is being brought is waited for, and what came is not taken over",
        being_brought,
    ),
    (
        "replace: snapshots that somebody took are named and stay",
        somebodys_snapshots,
    ),
    (
        "replace: what was stopped is put right when the image's VM goes",
        put_right,
    ),
    (
        "replace: an image that goes leaves nothing of it, and the others what was decided",
        removed,
    ),
];

/// What the images hold before, and after.
pub const OLD: u64 = 100;
const NEW: u64 = 200;

/// Two images that are replaced together.
pub struct Pair {
    pub images: [Scratch; 2],
    dir: tempfile::TempDir,
}

impl Pair {
    pub fn new() -> Self {
        let pair = Self {
            images: ["first", "second"].map(made),
            dir: tempfile::tempdir().unwrap(),
        };
        for image in &pair.images {
            let open = image.pool.open(&image.spec.image).unwrap();
            open.write_at(0, &noise(OLD, MIB)).unwrap();
        }
        pair
    }

    /// A replacement of both.
    pub fn of(&self) -> Replacement {
        Self::of_these(&self.images.each_ref())
    }

    fn of_these(images: &[&Scratch]) -> Replacement {
        let replaced = |scratch: &&Scratch| ReplacedImage {
            image: scratch.spec.clone(),
            access: None,
        };
        Replacement {
            id: random::hex(32).unwrap().parse().unwrap(),
            images: images.iter().map(replaced).collect(),
        }
    }

    fn file(&self, seed: u64) -> PathBuf {
        write(self.dir.path(), "new", &noise(seed, 2 * MIB))
    }

    /// A step of both, in their order.
    pub fn steps(&self, of: &Replacement, step: ReplaceStep) -> Vec<ImageJob> {
        let images = self.images.iter();
        images.map(|image| ask(image, of, step)).collect()
    }

    /// All jobs of a replacement.
    pub fn jobs(&self, of: &Replacement) -> Vec<ImageJob> {
        let mut jobs = self.steps(of, ReplaceStep::Check);
        jobs.extend(self.steps(of, ReplaceStep::Begin));
        let file = self.file(NEW);
        jobs.extend(self.images.iter().map(|image| import(image, of, &file)));
        for step in [
            ReplaceStep::Exchange,
            ReplaceStep::Settle,
            ReplaceStep::Clear,
        ] {
            jobs.extend(self.steps(of, step));
        }
        jobs
    }

    /// What each of them holds; `None` if nobody may use it.
    fn usable(&self) -> [Option<u64>; 2] {
        self.images.each_ref().map(|image| {
            let ask = OneDigest {
                image: image.spec.clone(),
                algorithm: Algorithm::Md5,
            };
            match do_it(ImageJob::Digest(ask)) {
                Ok(_) => Some(holds(image)),
                Err(error) => {
                    let half = matches!(error.kind(), Kind::Mismatch | Kind::NotFound);
                    assert!(half, "{error:?}");
                    None
                }
            }
        })
    }

    /// Nothing is left beside them.
    pub fn alone(&self) {
        for image in &self.images {
            for beside in Beside::ALL {
                let left = beside.of(&image.spec).unwrap();
                assert!(!image.pool.image_exists(&left.image).unwrap(), "{left}");
            }
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for image in &self.images {
            let _left_behind = do_it(ImageJob::Remove(gone(image)));
        }
    }
}

fn gone(image: &Scratch) -> RemoveImage {
    RemoveImage {
        snapshots: true,
        missing_ok: true,
        ..removal(image)
    }
}

fn ask(image: &Scratch, of: &Replacement, step: ReplaceStep) -> ImageJob {
    ImageJob::Replace(ReplaceImage {
        image: image.spec.clone(),
        step,
        of: of.clone(),
        made_for: None,
    })
}

fn incoming(image: &Scratch) -> Scratch {
    Scratch::of(Beside::Incoming.of(&image.spec).unwrap())
}

fn import(image: &Scratch, of: &Replacement, file: &std::path::Path) -> ImageJob {
    let new = Beside::Incoming.of(&image.spec).unwrap();
    ImageJob::Import(Import {
        replacement: Some(of.clone()),
        ..Import::new(file.to_owned(), new)
    })
}

fn holds(image: &Scratch) -> u64 {
    let bytes = image.bytes();
    let seeds = [OLD, NEW, NEW + 1];
    let held = seeds
        .into_iter()
        .find(|seed| bytes[..MIB] == noise(*seed, MIB));
    held.unwrap()
}

pub fn all(jobs: &[ImageJob]) {
    for job in jobs {
        do_it(job.clone()).unwrap();
    }
}

/// Killed within each job; then nothing more comes, or a restore of the second alone that fails, or one of both.
fn killed() -> Outcome {
    /// Checked, begun and brought, both.
    const EXCHANGE: usize = 6;
    let mut seen = std::collections::BTreeSet::new();
    for job in EXCHANGE.. {
        for step in 1.. {
            let pair = Pair::new();
            let of = pair.of();
            let jobs = pair.jobs(&of);
            let Some(next) = jobs.get(job) else {
                assert!(seen.contains("old") && seen.contains("new"), "{seen:?}");
                return Ok(());
            };
            all(&jobs[..job]);
            let through = crash_after(step, next);
            let when = format!("job {job}, step {step}");
            one_moment(&pair, &when, &mut seen);
            if through {
                restored(&pair, &when);
                break;
            }
        }
    }
    Ok(())
}

fn one_moment(pair: &Pair, when: &str, seen: &mut std::collections::BTreeSet<&'static str>) {
    if let [Some(one), Some(other)] = pair.usable() {
        assert_eq!(one, other, "{when}: both are usable");
    }
    // What is begun of one of them puts both right.
    let [_, second] = &pair.images;
    let alone = Pair::of_these(&[second]);
    do_it(ask(second, &alone, ReplaceStep::Begin)).unwrap();
    let [one, other] = pair.usable();
    assert!(one.is_some() && one == other, "{when}: {one:?}, {other:?}");
    seen.insert(if one == Some(OLD) { "old" } else { "new" });
    do_it(ask(second, &alone, ReplaceStep::Undo)).unwrap();
    assert_eq!(pair.usable(), [one, other], "{when}: nothing came");
}

/// Another restore comes through, and leaves nothing.
fn restored(pair: &Pair, when: &str) {
    all(&pair.jobs(&pair.of()));
    assert_eq!(pair.usable(), [Some(NEW); 2], "{when}: restored");
    pair.alone();
}

fn overtaken() -> Outcome {
    // How far the first one is when the second begins: it brought one, brought both, exchanged one, exchanged both.
    for far in [5, 6, 7, 8] {
        let pair = Pair::new();
        let (first, second) = (pair.of(), pair.of());
        let jobs = pair.jobs(&first);
        all(&jobs[..far]);
        all(&pair.steps(&second, ReplaceStep::Begin));
        assert_eq!(pair.usable(), [Some(OLD); 2]);
        let file = pair.file(NEW + 1);
        let bring = |image| do_it(import(image, &second, &file)).unwrap();
        pair.images.iter().for_each(|image| drop(bring(image)));
        // The first goes on, with what is not its own.
        let next = match far {
            5 | 6 => ReplaceStep::Exchange,
            _ => ReplaceStep::Settle,
        };
        for job in pair.steps(&first, next) {
            refused(job, Kind::Cancelled, &["is not what this restore brought"]);
        }
        all(&pair.steps(&first, ReplaceStep::Undo));
        assert_eq!(pair.usable(), [Some(OLD); 2]);
        for step in [
            ReplaceStep::Exchange,
            ReplaceStep::Settle,
            ReplaceStep::Clear,
        ] {
            all(&pair.steps(&second, step));
        }
        assert_eq!(pair.usable(), [Some(NEW + 1); 2], "from job {far} on");
        // Settled is settled, whoever asks for what.
        for job in pair.steps(&first, ReplaceStep::Settle) {
            refused(job, Kind::Cancelled, &[]);
        }
        all(&pair.steps(&second, ReplaceStep::Undo));
        assert_eq!(pair.usable(), [Some(NEW + 1); 2]);
        pair.alone();
    }
    Ok(())
}

fn being_brought() -> Outcome {
    let pair = Pair::new();
    let (first, second) = (pair.of(), pair.of());
    let [image, other] = &pair.images;
    let coming = incoming(image);
    let (mut to, from) = std::os::unix::net::UnixStream::pair()?;
    let ImageJob::Import(bring) = import(image, &first, std::path::Path::new("-")) else {
        unreachable!()
    };
    std::thread::scope(|scope| -> Outcome {
        let running = scope.spawn(|| import_reader(&host(), &bring, from));
        to.write_all(&noise(NEW, 2 * MIB))?;
        wait::until("the import", Duration::from_secs(60), || {
            let open = coming.pool.open_read_only(&coming.pending(), None);
            let marked = |image: &warmblock::ceph::Image| image.metadata_get("warmblock.import");
            Ok(open
                .ok()
                .filter(|image| marked(image).is_ok_and(|mark| mark.is_some())))
        })?;
        for step in [ReplaceStep::Check, ReplaceStep::Begin] {
            let words = ["another restore", "is being imported"];
            refused(ask(image, &second, step), Kind::Busy, &words);
        }
        drop(to);
        running.join().unwrap()?;
        Ok(())
    })?;
    // It came: neither kept nor removed by another one that did not begin.
    let file = pair.file(NEW + 1);
    let error = do_it(import(image, &second, &file)).unwrap_err();
    assert_eq!(error.kind(), Kind::Exists, "{error:?}");
    all(&pair.steps(&second, ReplaceStep::Undo));
    assert!(coming.exists());
    do_it(import(other, &first, &pair.file(NEW)))?;
    for step in [ReplaceStep::Exchange, ReplaceStep::Settle] {
        all(&pair.steps(&first, step));
    }
    assert_eq!(pair.usable(), [Some(NEW); 2]);
    Ok(())
}

fn somebodys_snapshots() -> Outcome {
    let pair = Pair::new();
    let [_, image] = &pair.images;
    let names = |names: &[&str]| {
        for name in names {
            do_it(ImageJob::SnapCreate(snap(image, name))).unwrap();
        }
    };
    names(&["one_backup_1", "snap", "wb-base-1", "mine", "yours"]);
    do_it(ImageJob::SnapProtect(snap(image, "mine")))?;
    for step in [ReplaceStep::Check, ReplaceStep::Begin] {
        let words = [&image.spec.to_string(), "mine, yours"];
        refused(ask(image, &pair.of(), step), Kind::Busy, &words);
    }
    assert_eq!(image.open().snapshots()?.len(), 5);
    do_it(ImageJob::SnapUnprotect(snap(image, "mine")))?;
    for name in ["mine", "yours"] {
        do_it(ImageJob::SnapRemove(snap(image, name)))?;
    }
    all(&pair.jobs(&pair.of()));
    assert_eq!(pair.usable(), [Some(NEW); 2]);
    pair.alone();
    Ok(())
}

/// The VM is deleted after a restore that was killed, and its persistent images stay.
fn put_right() -> Outcome {
    // Brought; exchanged by half; exchanged; settled.
    for (far, stays) in [(6, OLD), (7, OLD), (8, OLD), (9, NEW), (10, NEW)] {
        let pair = Pair::new();
        let jobs = pair.jobs(&pair.of());
        all(&jobs[..far]);
        for image in &pair.images {
            let image = image.spec.clone();
            let done = do_it(ImageJob::PutRight(OneImage { image }))?;
            assert_eq!(done.warnings, [""; 0], "from job {far} on");
        }
        assert_eq!(pair.usable(), [Some(stays); 2], "from job {far} on");
        pair.alone();
    }
    // Killed between the two renames of the first one.
    let pair = Pair::new();
    let jobs = pair.jobs(&pair.of());
    all(&jobs[..6]);
    assert!(!crash_after(1, &jobs[6]));
    for image in &pair.images {
        let image = image.spec.clone();
        do_it(ImageJob::PutRight(OneImage { image }))?;
    }
    assert_eq!(pair.usable(), [Some(OLD); 2]);
    pair.alone();
    Ok(())
}

fn removed() -> Outcome {
    // Between the two renames of the first one: deleted, or made anew.
    for recreate in [false, true] {
        let pair = Pair::new();
        let of = pair.of();
        let jobs = pair.jobs(&of);
        all(&jobs[..6]);
        let [image, other] = &pair.images;
        let open = image.pool.open(&image.spec.image)?;
        let mark = format!(
            "{{\"image\":\"{}\",\"made_for\":\"VM 12, disk 0, stay 0\"}}",
            open.id()
        );
        open.metadata_set("warmblock.made-for", &mark)?;
        drop(open);
        assert!(!crash_after(1, &jobs[6]));
        assert!(!image.exists());
        let job = match recreate {
            false => ImageJob::Remove(gone(image)),
            true => ImageJob::Once(Once {
                image: image.spec.clone(),
                made_for: "VM 12, disk 0, stay 1".into(),
                same: Vec::new(),
                of: vec!["VM 12, disk 0, ".into()],
                left_by: Vec::new(),
                make: Box::new(ImageJob::Create(CreateImage {
                    image: image.spec.clone(),
                    size: Bytes::mib(16),
                    filesystem: None,
                    data_pool: None,
                    staging_dir: None,
                    made_for: None,
                })),
            }),
        };
        do_it(job)?;
        assert_eq!(image.exists(), recreate);
        // The other one was not touched yet, and what came for it went as well.
        assert_eq!(holds(other), OLD);
        pair.alone();
    }
    // The first is settled, and goes before the second is.
    let pair = Pair::new();
    let of = pair.of();
    let jobs = pair.jobs(&of);
    all(&jobs[..8]);
    assert_eq!(pair.usable(), [None, None]);
    assert!(!crash_after(1, &jobs[8]));
    let [first, second] = &pair.images;
    let gone = do_it(ImageJob::Remove(gone(first)))?;
    assert_eq!(gone.change, Some(Change::Removed));
    assert_eq!(pair.usable(), [None, Some(NEW)]);
    do_it(ask(second, &Pair::of_these(&[second]), ReplaceStep::Begin))?;
    assert_eq!(pair.usable(), [None, Some(NEW)]);
    Ok(())
}
