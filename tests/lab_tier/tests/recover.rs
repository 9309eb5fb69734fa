//! Records that are lost: what is ours is found by its names.

use anyhow::{Result, ensure};
use warmblock::Kind;

use super::conformance::Driver;
use super::same;
use crate::case::Case;
use crate::host::front;
use crate::world::{KIB, MIB, STANDARD};

pub fn lost_record(case: &Case, driver: &'static Driver) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    for mode in driver.modes {
        let image = world.clone_of(STANDARD)?;
        let device = front(&host.attach(&image, &driver.options(mode))?)?;
        if *mode == "writeback" {
            (driver.keep_dirty)(host, &device)?;
            super::write_back::make_dirty(host, &image, &device, 5)?;
        } else {
            host.write(&device, &image, 5, MIB, 64 * KIB)?;
        }
        host.sh("rm /var/lib/warmblock/disks/*.json")?;
        let before = host.leftovers()?;
        // Which driver, mode and generation it had is not for an attach to guess.
        let anew = host
            .wb(&["attach", &image.spec, "--driver", "none"])
            .run()?;
        anew.refused(Kind::Exists, &["recover", driver.name])?;
        let plan = host.wb(&["recover", "--dry-run"]).ok()?;
        ensure!(plan["findings"].to_string().contains(&image.spec), "{plan}");
        same("what is there after a dry run", host.leftovers()?, before)?;
        let done = host.wb(&["recover"]).ok()?;
        ensure!(done["findings"].to_string().contains(&image.spec), "{done}");
        host.check_gone(&image)?;
    }
    let nothing = host.wb(&["recover"]).ok()?;
    same(
        "findings where nothing is",
        nothing["findings"].as_array().map(Vec::len),
        Some(0),
    )
}

pub fn dry_run(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let plan = host.wb(&["attach", "--dry-run", &image.spec]).ok()?;
    same("it says that it is a plan", &plan["dry_run"], true)?;
    host.check_gone(&image)?;
    same("the lease", world.lease(&image)?, serde_json::Value::Null)?;
    let device = front(&host.attach(
        &image,
        &["--size", "32M", "--seed", "first:8M", "--mode", "writeback"],
    )?)?;
    super::write_back::keep_dirty(host, &device)?;
    super::write_back::make_dirty(host, &image, &device, 5)?;
    let (status, tables) = (host.status(&image)?, host.sh("dmsetup table")?.stdout);
    let lease = world.lease(&image)?;
    for verb in [
        &["bypass"][..],
        &["flush"],
        &["seed"],
        &["detach"],
        &["mode", "writethrough"],
        &["recover"],
    ] {
        let mut line: Vec<&str> = verb.to_vec();
        if verb[0] != "recover" {
            line.insert(1, &image.spec);
        }
        line.push("--dry-run");
        let plan = host.wb(&line).ok()?;
        same("it says that it is a plan", &plan["dry_run"], true)?;
        same(verb[0], host.sh("dmsetup table")?.stdout, tables.clone())?;
        same(verb[0], world.lease(&image)?, lease.clone())?;
        let now = host.status(&image)?;
        same(
            verb[0],
            (&now["intent"], &now["mode"], &now["running"]),
            (&status["intent"], &status["mode"], &status["running"]),
        )?;
    }
    ensure!(world.check_ceph(&image).is_err(), "a dry run has flushed");
    host.detach(&image)?;
    host.check_gone(&image)
}
