//! Stopping a copy. A test binary of its own, because it counts the threads of the process.

#![expect(clippy::unwrap_used, reason = "a failing helper fails the test")]

use std::time::{Duration, Instant};

use tempfile::tempfile;
use warmblock::Kind;
use warmblock::cancel::Cancel;
use warmblock::model::{Bytes, SeedSpec};
use warmblock::progress::Progress;
use warmblock::seed::{BlockSize, CopyOptions, Devices, Extent, copy, plan};

fn workers() -> usize {
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok())
        .filter(|name| name.starts_with("seed-"))
        .count()
}

#[test]
fn a_cancelled_copy_stops_and_leaves_no_thread() {
    let size = Bytes::mib(512);
    let (from, to) = (tempfile().unwrap(), tempfile().unwrap());
    from.set_len(size.0).unwrap();
    let all = Extent {
        offset: Bytes(0),
        len: size,
    };
    let block = BlockSize::DEFAULT;
    let plan = plan(SeedSpec::Allocated, [all], size, block, 1 << 20);
    // At this rate it would take 512 s; every worker waits for its turn when it is told to stop.
    let options = CopyOptions {
        depth: 8,
        rate: Some(Bytes::mib(1)),
        ..CopyOptions::default()
    };
    let cancel = Cancel::new();
    let (stop, seen) = (cancel.clone(), std::sync::mpsc::channel::<()>());
    let (ended, has_ended) = seen;
    let stopper = std::thread::spawn(move || {
        let busy = (0..100).any(|_| {
            let _none = has_ended.recv_timeout(Duration::from_millis(10));
            workers() == 7
        });
        stop.cancel();
        busy
    });
    let devices = Devices {
        image: &from,
        slice: &to,
    };
    let error = copy(&plan, &devices, &options, &cancel, &Progress::quiet()).unwrap_err();
    drop(ended);
    assert_eq!(error.kind(), Kind::Cancelled);
    assert!(stopper.join().unwrap(), "the workers were never seen");
    // The kernel lists a thread a moment longer than its work lasts.
    let end = Instant::now() + Duration::from_secs(30);
    while workers() > 0 && Instant::now() < end {
        std::thread::yield_now();
    }
    assert_eq!(workers(), 0);
}
