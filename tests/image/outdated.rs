//! Clones of an image that was written since it was cloned last: OpenNebula made it persistent, and a VM ran on it.

use warmblock::Kind;
use warmblock::ceph::{CloneFormat, ignore};
use warmblock::image::{CloneImage, ImageJob};
use warmblock::model::{Bytes, Change, Lease};

use super::clone::{ask, lease, parent, run};
use super::{Scratch, Test, crash_after, noise};

pub const TESTS: &[(&str, Test)] = &[
    (
        "clone: an image that was written since is cloned as it is",
        outdated,
    ),
    (
        "clone: many at once of an image that was written since",
        outdated_at_once,
    ),
    (
        "clone: killed after any step with an outdated snapshot there",
        outdated_crashes,
    ),
];

/// Writes into an image that was cloned, as a VM does while the image is persistent.
fn rewrite(parent: &Scratch, seed: u64) {
    let open = parent.pool.open(&parent.spec.image).unwrap();
    open.write_at(0, &noise(seed, 9000)).unwrap();
}

fn snapshots(parent: &Scratch) -> Vec<String> {
    let snapshots = parent.open().snapshots().unwrap();
    let named = snapshots.iter().map(|snap| snap.name.to_string());
    named.collect()
}

fn outdated() -> Result<(), Box<dyn std::error::Error>> {
    for format in [CloneFormat::Auto, CloneFormat::V1] {
        let parent = parent();
        let sized = |child: &Scratch| CloneImage {
            clone_format: format,
            ..ask(&parent, child)
        };
        let [one, two, three, four, five] = [(); 5].map(|()| Scratch::new("child"));
        run(&sized(&one))?;
        rewrite(&parent, 2);
        let report = run(&sized(&two))?;
        assert_eq!(report.change, Some(Change::Made));
        assert_eq!(snapshots(&parent), ["snap", "wb-base-1"]);
        assert!(one.bytes()[..9000] == noise(1, 9000));
        assert!(two.bytes()[..9000] == noise(2, 9000));
        // The next use it, and what was cloned before is kept.
        assert_eq!(run(&sized(&three))?.steps.len(), 1);
        assert_eq!(run(&sized(&one))?.change, Some(Change::Kept));
        // One that is larger is not what was cloned either.
        let open = parent.pool.open(&parent.spec.image)?;
        open.resize(Bytes::mib(20), false, &mut ignore)?;
        drop(open);
        run(&sized(&four))?;
        assert_eq!(four.open().size()?, Bytes::mib(20));
        assert_eq!(snapshots(&parent), ["snap", "wb-base-1", "wb-base-2"]);
        assert_eq!(run(&sized(&two))?.change, Some(Change::Kept));
        // Without clones it goes with the next one; the first stays.
        for child in [&one, &two, &three, &four] {
            child.pool.remove(&child.spec.image, &mut ignore)?;
        }
        rewrite(&parent, 3);
        let report = run(&sized(&five))?;
        assert!(report.warnings.is_empty(), "{:?}", report.warnings);
        assert_eq!(snapshots(&parent), ["snap", "wb-base-3"]);
        assert!(five.bytes()[..9000] == noise(3, 9000));
        // An image that is attached with data in a cache is not what a clone would get.
        let open = parent.pool.open(&parent.spec.image)?;
        open.metadata_set(Lease::KEY, &lease(true))?;
        drop(open);
        let error = run(&sized(&one)).unwrap_err();
        assert_eq!(error.kind(), Kind::Dirty);
    }
    Ok(())
}

fn outdated_at_once() -> Result<(), Box<dyn std::error::Error>> {
    let parent = parent();
    let first = Scratch::new("child");
    run(&ask(&parent, &first))?;
    first.pool.remove(&first.spec.image, &mut ignore)?;
    for round in 2..5 {
        rewrite(&parent, round);
        let children: Vec<Scratch> = (0..5).map(|_| Scratch::new("child")).collect();
        let asks: Vec<CloneImage> = children.iter().map(|child| ask(&parent, child)).collect();
        std::thread::scope(|scope| {
            let runs: Vec<_> = asks.iter().map(|ask| scope.spawn(|| run(ask))).collect();
            for run in runs {
                assert_eq!(run.join().unwrap().unwrap().change, Some(Change::Made));
            }
        });
        for child in &children {
            assert!(child.bytes()[..9000] == noise(round, 9000));
        }
        assert_eq!(snapshots(&parent).len(), 2, "{:?}", snapshots(&parent));
    }
    Ok(())
}

fn outdated_crashes() -> Result<(), Box<dyn std::error::Error>> {
    for step in 1.. {
        let parent = parent();
        let (first, child) = (Scratch::new("child"), Scratch::new("child"));
        run(&ask(&parent, &first))?;
        rewrite(&parent, 2);
        let through = crash_after(step, &ImageJob::Clone(ask(&parent, &child)));
        run(&ask(&parent, &child))?;
        assert!(child.bytes()[..9000] == noise(2, 9000), "step {step}");
        assert!(first.bytes()[..9000] == noise(1, 9000), "step {step}");
        assert_eq!(snapshots(&parent), ["snap", "wb-base-1"], "step {step}");
        if through {
            assert!(step > 2, "only {step} steps");
            break;
        }
    }
    Ok(())
}
