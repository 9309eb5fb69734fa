//! librados and librbd as `warmblock::ceph` has them, against a real cluster.
//!
//! `WARMBLOCK_TEST_CEPH_CONF` names its ceph.conf; without it every test that needs one is reported as ignored, with the
//! reason. `WARMBLOCK_TEST_CEPH_POOL` and `WARMBLOCK_TEST_CEPH_EC_POOL` (an erasure-coded data pool) default to `one` and
//! `one-ec`. Names are made up for each test, so that tests may run side by side and again.

#![expect(
    clippy::unwrap_used,
    reason = "a test may panic; clippy does not know that this is one"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use libtest_mimic::{Arguments, Failed, Trial};
use warmblock::ceph::{Cluster, ClusterTarget, CreateOptions, Image, Pool, ignore};
use warmblock::model::{Bytes, ImageName, PoolName};

#[path = "ceph/connect.rs"]
mod connect;
#[path = "ceph/data.rs"]
mod data;
#[path = "ceph/images.rs"]
mod images;
#[path = "ceph/locks.rs"]
mod locks;
#[path = "ceph/meta.rs"]
mod meta;
#[path = "ceph/snaps.rs"]
mod snaps;

const CONF: &str = "WARMBLOCK_TEST_CEPH_CONF";

/// A test that may fail with an error of any kind; a panic of an assertion fails it as well.
type Test = fn() -> Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let all = [
        connect::TESTS,
        images::TESTS,
        snaps::TESTS,
        data::TESTS,
        meta::TESTS,
        locks::TESTS,
    ];
    let missing = std::env::var_os(CONF).is_none();
    let trials: Vec<Trial> = all
        .into_iter()
        .flatten()
        .map(|(name, test)| {
            let run = *test;
            Trial::test(*name, move || {
                run().map_err(|error| Failed::from(error.to_string()))
            })
            .with_ignored_flag(missing)
        })
        .collect();
    if missing {
        eprintln!(
            "SKIP {} tests: {CONF} does not name a ceph.conf",
            trials.len()
        );
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn target() -> ClusterTarget {
    ClusterTarget {
        conf: std::env::var_os(CONF).map(PathBuf::from),
        ..ClusterTarget::default()
    }
}

fn pool_name(variable: &str, default: &str) -> PoolName {
    let name = std::env::var(variable);
    name.as_deref().unwrap_or(default).parse().unwrap()
}

fn pool() -> Pool {
    let name = pool_name("WARMBLOCK_TEST_CEPH_POOL", "one");
    let cluster = Cluster::connect(&target()).unwrap();
    cluster.pool(&name, None).unwrap()
}

fn ec_pool() -> PoolName {
    pool_name("WARMBLOCK_TEST_CEPH_EC_POOL", "one-ec")
}

/// A word that no other test, run or machine has.
fn unique(stem: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    format!("{stem}-{}-{now:x}-{count}", std::process::id())
}

/// An image, removed with its snapshots at the end of the test.
struct Scratch {
    pool: Pool,
    name: ImageName,
}

impl Scratch {
    /// Names one that does not exist yet.
    fn named(pool: &Pool, stem: &str) -> Self {
        Self {
            pool: pool.clone(),
            name: unique(stem).parse().unwrap(),
        }
    }

    /// Makes one with objects of 64 KiB, so that small ones have many.
    fn sized(pool: &Pool, stem: &str, size: Bytes) -> Self {
        let scratch = Self::named(pool, stem);
        let options = CreateOptions {
            size,
            object_size: Some(Bytes::kib(64)),
            ..CreateOptions::default()
        };
        pool.create(&scratch.name, &options).unwrap();
        scratch
    }

    fn open(&self) -> Image {
        self.pool.open(&self.name).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Ok(image) = self.pool.open(&self.name) {
            for snap in image.snapshots().unwrap_or_default() {
                if snap.protected {
                    let _left_behind = image.snap_unprotect(&snap.name);
                }
                let _left_behind = image.snap_remove(&snap.name);
            }
        }
        let _left_behind = self.pool.remove(&self.name, &mut ignore);
    }
}

/// Bytes that look random, and are the same for the same seed.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    next.flatten().take(len).collect()
}
