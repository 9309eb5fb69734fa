//! What every cache driver must do: one table of drivers, one list of cases, and each case for each driver.
//!
//!     cargo test --test lab conformance::bcache        WARMBLOCK_EXHAUSTIVE=1: crashes at every step, not at some
//!
//! A case knows of a driver only what stands in the table. The invariants I1 to I10 are those of a cache beneath a disk:
//! I1 the image's bytes are the guest's alone; I2 the front is as large as the image, in blocks of the same size; I3, I6
//! nothing is given back without the proof that it is clean; I4 a cache is cold unless lease and generation allow it; I5
//! nothing is left; I7 what is read is what is in Ceph; I8 a verb that was killed is finished by running it again; I9 udev
//! does no harm; I10 what another host wrote is never served from before it.

mod table;

use anyhow::{Context as _, Result, ensure};
use warmblock::Kind;

pub use self::table::{DRIVERS, Driver, driver};
use super::main_job::BLOCK;
use super::write_back::make_dirty;
use super::{crash, load, origin, power, recover, same, ssd};
use crate::case::{Body, Case, Need, Test};
use crate::cmd::KILLED;
use crate::host::{changes, front};
use crate::world::{KIB, MIB, STANDARD};

type Applies = fn(&Driver) -> bool;
type ForDriver = fn(&Case, &'static Driver) -> Result<()>;

/// The cases, and to which drivers each says something.
const CASES: &[(&str, Need, ForDriver, Applies)] = &[
    ("life", Need::One, life, |_| true),
    ("knobs", Need::One, restored, |driver| {
        driver.knobs.is_some()
    }),
    ("swap_under_load", Need::One, load::exchange, |_| true),
    ("crash_attach_detach", Need::One, crash::of_driver, |_| true),
    (
        "crash_bypass_insert",
        Need::One,
        crash::bypass_of_driver,
        |driver| !driver.parts.is_empty(),
    ),
    ("crash_modes", Need::One, crash::modes_of_driver, |driver| {
        driver.modes.len() > 1
    }),
    ("ssd_fails_clean", Need::One, ssd::clean, |driver| {
        driver.clean_modes().next().is_some() && !driver.parts.is_empty()
    }),
    ("ssd_fails_dirty", Need::One, ssd::dirty, |driver| {
        driver.dirty_mode().is_some()
    }),
    ("origin_fails_dirty", Need::One, origin::dirty, |driver| {
        driver.dirty_mode().is_some()
    }),
    ("lost_record", Need::One, recover::lost_record, |driver| {
        !driver.parts.is_empty()
    }),
    ("power_cut_clean", Need::One, power::clean, |driver| {
        driver.clean_modes().next().is_some()
    }),
    ("power_cut_dirty", Need::Both, power::dirty, |driver| {
        driver.dirty_mode().is_some()
    }),
];

/// Whether everything is tried: every case for every driver, every way, a crash at every step. Else what a driver's row has.
pub fn exhaustive() -> bool {
    std::env::var("WARMBLOCK_EXHAUSTIVE").is_ok_and(|value| value == "1")
}

/// Every case for every driver.
pub fn all() -> Vec<Test> {
    let mut tests = Vec::new();
    for (case, need, body, applies) in CASES {
        let wanted = |driver: &&Driver| exhaustive() || driver.usual.contains(case);
        for driver in DRIVERS
            .iter()
            .filter(|driver| applies(driver))
            .filter(wanted)
        {
            let name = format!("conformance::{}::{case}", driver.name);
            tests.push(Test {
                name: name.leak(),
                need: *need,
                body: Body::Driver(*body, driver),
            });
        }
    }
    tests
}

impl Driver {
    /// The modes in which Ceph has everything.
    pub fn clean_modes(&self) -> impl Iterator<Item = &'static str> {
        let modes = self.modes.iter().copied();
        modes.filter(|mode| *mode != "writeback")
    }

    /// The mode in which it has not.
    pub fn dirty_mode(&self) -> Option<&'static str> {
        self.modes.iter().copied().find(|mode| *mode == "writeback")
    }

    /// The options to attach a disk with it in a mode, seeded if it can be.
    pub fn options(&self, mode: &'static str) -> Vec<&'static str> {
        let part = self.proof.filter(|_| !self.whole);
        let seed = part.map(|_| ["--seed", "first:8M"]);
        ["--driver", self.name, "--mode", mode]
            .into_iter()
            .chain(seed.into_iter().flatten())
            .collect()
    }
}

/// A disk's whole life, in each mode; and another host that must wait.
fn life(case: &Case, driver: &'static Driver) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    // As large as the image, or nearly, so that reading all of it drives nothing out.
    let mut options = driver.options(driver.modes[0]);
    if !driver.shares {
        options.extend(["--size", "96M"]);
    }
    if driver.proof.is_none() && !driver.parts.is_empty() {
        let line = [
            "attach",
            &image.spec,
            "--driver",
            driver.name,
            "--seed",
            "first:8M",
        ];
        host.wb(&line)
            .run()?
            .refused(Kind::Usage, &["cannot be seeded"])?;
        host.check_gone(&image)?;
    }
    let report = host.attach(&image, &options)?;
    let device = front(&report)?;
    let rbd = host.rbd_device(&image)?;
    if let Some(proof) = driver.proof {
        let seed = &report["seed"];
        let (asked, cached) = match driver.whole {
            true => (image.size / BLOCK, image.size),
            false => (world.allocated_blocks(&image, BLOCK, 8 * MIB)?, 8 * MIB),
        };
        same(
            "the proof",
            (&seed["exact"], seed["method"].as_str()),
            (&true.into(), Some(proof)),
        )?;
        same("resident", seed["resident_blocks"].as_u64(), Some(asked))?;
        let before = host.sectors(&rbd)?.0;
        host.sh(&format!(
            "dd if={device} of=/dev/null bs=64k count={} iflag=direct status=none",
            cached / (64 * KIB)
        ))?;
        same("sectors read from Ceph", host.sectors(&rbd)?.0, before)?;
    }
    let geometry = |device: &str| host.sh(&format!("blockdev --getsz --getss {device}"));
    same(
        "size and block size",
        geometry(&device)?.stdout,
        geometry(&format!("/dev/{rbd}"))?.stdout,
    )?;
    host.check(&device, &image)?;
    let again = host.attach(&image, &options)?;
    let changed: Vec<_> = changes(&again)
        .into_iter()
        .filter(|step| !step.ends_with(" kept"))
        .collect();
    ensure!(changed.is_empty(), "a second attach changed {changed:?}");

    for (mode, seed) in driver.modes.iter().zip(1..) {
        if driver.parts.is_empty() {
            break;
        }
        host.wb(&["mode", &image.spec, mode]).ok()?;
        in_mode(case, driver, &image, &device, mode, seed * 100)
            .with_context(|| format!("in mode {mode}"))?;
    }
    // Leaving what can be dirty, the image is complete; whatever the mode, it is so after detach.
    host.write(&device, &image, 7, 9 * MIB, 128 * KIB)?;
    host.check(&device, &image)?;
    host.detach(&image)?;
    host.check_gone(&image)
}

/// What a seed changes for itself is as before after it: also after one that was killed while it filled, and repeated.
fn restored(case: &Case, driver: &'static Driver) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let (show, wanted) = driver.knobs.context("it changes nothing")?;
    let knobs = || Ok::<_, anyhow::Error>(host.try_sh(show)?.text().to_owned());
    host.attach(&image, &driver.options(driver.modes[0]))?;
    same("knobs after the attach", knobs()?, wanted.to_owned())?;
    let seed = ["seed", &image.spec, "first:8M"];
    for n in (6..200).step_by(2) {
        let out = host.wb(&seed).crash_after(n).run()?;
        ensure!(
            out.code == KILLED,
            "it was never killed while it filled the cache: {out}"
        );
        if knobs()?.ends_with(" 0.0k") {
            break;
        }
    }
    host.wb(&seed).ok()?;
    same("knobs after the seed", knobs()?, wanted.to_owned())?;
    host.detach(&image)?;
    host.check_gone(&image)
}

fn in_mode(
    case: &Case,
    driver: &'static Driver,
    image: &crate::world::Image,
    device: &str,
    mode: &str,
    seed: u64,
) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let dirty = mode == "writeback";
    let status = host.status(image)?;
    same("well", &status["well"], true)?;
    same("mode", status["mode"].as_str(), Some(mode))?;
    same("lease dirty", &status["lease"]["holder"]["dirty"], dirty)?;
    let guarantee = status["guarantee"].as_str().unwrap_or_default();
    same(
        "the guarantee tells of a loss",
        guarantee.contains("lost with the SSD"),
        dirty,
    )?;
    if dirty {
        (driver.keep_dirty)(host, device)?;
        make_dirty(host, image, device, seed)?;
        host.check(device, image)?;
        host.wb(&["flush", &image.spec]).ok()?;
    } else {
        host.write(device, image, seed, MIB, 256 * KIB)?;
        host.write(device, image, seed + 1, 40 * MIB, 512 * KIB)?;
    }
    world.check_ceph(image)?;
    if !dirty {
        let verified = host.wb(&["seed", "--verify", &image.spec]).ok()?;
        same(
            "different blocks",
            verified["verify"]["different"].as_u64(),
            Some(0),
        )?;
    }
    host.check(device, image)
}
