//! Jobs on images, against a real cluster.
//!
//! `WARMBLOCK_TEST_CEPH_CONF` names its ceph.conf; without it every test is reported as ignored, with the reason.
//! `WARMBLOCK_TEST_CEPH_POOL`, `WARMBLOCK_TEST_CEPH_EC_POOL` (an erasure-coded data pool) and
//! `WARMBLOCK_TEST_CEPH_NAMESPACE` (of the first) default to `one`, `one-ec` and `tenant`. Names are made up for each
//! test, so that tests may run side by side and again.

#![expect(
    clippy::unwrap_used,
    reason = "a test may panic; clippy does not know that this is one"
)]
#![expect(
    clippy::needless_pass_by_value,
    reason = "a job is made where it is done"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use libtest_mimic::{Arguments, Failed, Trial};
use warmblock::cancel::Cancel;
use warmblock::ceph::{Image, Pool, ignore};
use warmblock::config::Config;
use warmblock::exec::{Cmd, Exec};
use warmblock::host::Host;
use warmblock::image::{self, ImageJob, ImageReport};
use warmblock::model::{ImageName, ImageSpec, PoolName};
use warmblock::progress::ProgressMode;
use warmblock::sys::Roots;

#[path = "image/clone.rs"]
mod clone;
#[path = "image/import.rs"]
mod import;
#[path = "image/manage.rs"]
mod manage;
#[path = "image/meanwhile.rs"]
mod meanwhile;
#[path = "image/once.rs"]
mod once;
#[path = "image/outdated.rs"]
mod outdated;
#[path = "image/remove.rs"]
mod remove;
#[path = "image/replace.rs"]
mod replace;
#[path = "image/revert.rs"]
mod revert;
#[path = "image/stopped.rs"]
mod stopped;

const CONF: &str = "WARMBLOCK_TEST_CEPH_CONF";

/// A job as JSON: with it, this binary does the job and nothing else, so that a test can have it killed.
const JOB: &str = "WARMBLOCK_TEST_IMAGE_JOB";

/// A test that may fail with an error of any kind; a panic of an assertion fails it as well.
type Test = fn() -> Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    if let Ok(job) = std::env::var(JOB) {
        let job: ImageJob = serde_json::from_str(&job).unwrap();
        return match image::run(&host(), &job, false) {
            Ok(_) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error:?}");
                ExitCode::from(error.kind().exit_code())
            }
        };
    }
    let arguments = Arguments::from_args();
    let missing = std::env::var_os(CONF).is_none();
    let all = [
        import::TESTS,
        stopped::TESTS,
        clone::TESTS,
        once::TESTS,
        outdated::TESTS,
        manage::TESTS,
        remove::TESTS,
        replace::TESTS,
        revert::TESTS,
        meanwhile::TESTS,
    ];
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

fn host() -> Host {
    let mut config = Config::default();
    config.ceph.conf = std::env::var_os(CONF).map(PathBuf::from);
    Host::new(config, Roots::at("/"), ProgressMode::Quiet, Cancel::new())
}

fn variable(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

fn pool_name() -> PoolName {
    variable("WARMBLOCK_TEST_CEPH_POOL", "one").parse().unwrap()
}

fn ec_pool() -> PoolName {
    variable("WARMBLOCK_TEST_CEPH_EC_POOL", "one-ec")
        .parse()
        .unwrap()
}

fn do_it(job: ImageJob) -> warmblock::Result<ImageReport> {
    image::run(&host(), &job, false)
}

/// A word that no other test, run or machine has.
fn unique(stem: &str) -> ImageName {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    format!("{stem}-{}-{now:x}-{count}", std::process::id())
        .parse()
        .unwrap()
}

/// An image that a test makes, and that is removed with its snapshots at its end. Clones go first if they are named later.
struct Scratch {
    pool: Pool,
    spec: ImageSpec,
}

impl Scratch {
    fn new(stem: &str) -> Self {
        Self::of(ImageSpec {
            pool: pool_name(),
            namespace: None,
            image: unique(stem),
        })
    }

    fn in_namespace(stem: &str) -> Self {
        let namespace = variable("WARMBLOCK_TEST_CEPH_NAMESPACE", "tenant")
            .parse()
            .unwrap();
        Self::of(ImageSpec {
            pool: pool_name(),
            namespace: Some(namespace),
            image: unique(stem),
        })
    }

    fn of(spec: ImageSpec) -> Self {
        let cluster = host().connect().unwrap();
        let pool = cluster.pool(&spec.pool, spec.namespace.as_ref()).unwrap();
        Self { pool, spec }
    }

    fn open(&self) -> Image {
        self.pool.open_read_only(&self.spec.image, None).unwrap()
    }

    fn exists(&self) -> bool {
        self.pool.image_exists(&self.spec.image).unwrap()
    }

    /// The name that an import has until it is complete.
    fn pending(&self) -> ImageName {
        format!("{}.wb-import", self.spec.image).parse().unwrap()
    }

    /// Its bytes.
    fn bytes(&self) -> Vec<u8> {
        let image = self.open();
        let mut bytes = vec![0; usize::try_from(image.size().unwrap().0).unwrap()];
        assert_eq!(image.read_at(0, &mut bytes).unwrap(), bytes.len());
        bytes
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for name in [self.spec.image.clone(), self.pending()] {
            if let Ok(image) = self.pool.open(&name) {
                for snap in image.snapshots().unwrap_or_default() {
                    if snap.protected {
                        let _left_behind = image.snap_unprotect(&snap.name);
                    }
                    let _left_behind = image.snap_remove(&snap.name);
                }
            }
            let _left_behind = self.pool.remove(&name, &mut ignore);
        }
    }
}

/// Does a job in a process that kills itself after so many steps; whether it came through.
fn crash_after(steps: u32, job: &ImageJob) -> bool {
    let exec = Exec::new(vec!["/usr/bin".into()]);
    let this = std::env::current_exe().unwrap();
    let conf = std::env::var_os(CONF).unwrap();
    let cmd = Cmd::change(this.to_str().unwrap())
        .env(CONF, conf)
        .env(JOB, serde_json::to_string(job).unwrap())
        .env("WARMBLOCK_CRASH_AFTER", steps.to_string());
    match exec.run(&cmd) {
        Ok(_) => true,
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains("SIGKILL"), "{error}");
            false
        }
    }
}

/// Bytes that look random, and are the same for the same seed.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = std::iter::repeat_with(&mut next)
        .take(len / 8 + 1)
        .flatten()
        .collect();
    bytes.truncate(len);
    bytes
}
