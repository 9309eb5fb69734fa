//! Power cuts: the host is gone from one moment to the next, and comes back.

use anyhow::{Result, ensure};
use warmblock::Kind;

use super::conformance::{Driver, exhaustive};
use super::same;
use super::write_back::make_dirty;
use crate::case::Case;
use crate::host::front;
use crate::world::{Image, KIB, MIB, STANDARD};

/// A cache in use, a power cut, and somebody else who writes into the image meanwhile.
fn outlived(case: &Case, options: &[&str]) -> Result<Image> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let device = front(&host.attach(&image, options)?)?;
    host.write(&device, &image, 81, MIB, 256 * KIB)?;
    host.cut_power()?;
    world.write_elsewhere(&image, 82, 2 * MIB, MIB)?;
    world.write_elsewhere(&image, 83, MIB, 64 * KIB)?;
    host.boot()?;
    Ok(image)
}

/// Where nothing can be dirty, the cache begins anew, from what the image holds now.
pub fn clean(case: &Case, driver: &'static Driver) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let options = driver.options(driver.modes[0]);
    let image = outlived(case, &options)?;
    let report = host.attach(&image, &options)?;
    let device = front(&report)?;
    if driver.proof.is_some() {
        // Seeded anew, not opened again.
        same(
            "blocks resident",
            report["seed"]["resident_blocks"].as_u64(),
            Some(32),
        )?;
        let dirty = host.status(&image)?["stats"]["dirty"].as_u64();
        same("dirty bytes", dirty, Some(0))?;
    }
    host.check(&device, &image)?;
    world.check_ceph(&image)?;
    host.detach(&image)?;
    host.check_gone(&image)
}

pub fn recover_write_through(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = outlived(case, &["--size", "32M", "--seed", "first:8M"])?;
    let words = host.sh("warmblock status")?;
    ensure!(
        words.stdout.contains("recover"),
        "status should send the reader to recover: {words}"
    );
    host.wb(&["recover"]).ok()?;
    let status = host.status(&image)?;
    same("well", &status["well"], true)?;
    same("dirty bytes", status["stats"]["dirty"].as_u64(), Some(0))?;
    let device = status["front"].as_str().unwrap_or_default().to_owned();
    host.check(&device, &image)?;
    world.check_ceph(&image)?;
    host.detach(&image)?;
    host.check_gone(&image)
}

/// What is dirty is kept from the other host, and brought home by the one that has it; on the host with udevd, which takes
/// up by itself what it knows.
pub fn dirty(case: &Case, driver: &'static Driver) -> Result<()> {
    let (world, other, host) = (&*case.world, case.host(), case.other());
    let ways: &[&str] = match driver.name {
        "dm-cache" => &["attach", "recover", "detach"],
        _ if exhaustive() => &["attach", "recover", "detach"],
        _ => &["recover"],
    };
    for way in ways {
        let image = world.clone_of(STANDARD)?;
        let device = front(&host.attach(&image, &driver.options("writeback"))?)?;
        (driver.keep_dirty)(host, &device)?;
        make_dirty(host, &image, &device, 91)?;
        host.cut_power()?;
        let refused = other.wb(&["attach", &image.spec]).run()?;
        refused.refused(Kind::Dirty, &[host.name, "recover"])?;
        let refused = other.wb(&["attach", &image.spec, "--break-lease"]).run()?;
        refused.refused(Kind::Dirty, &[host.name])?;
        host.boot()?;
        host.try_sh(driver.meddle)?;
        match *way {
            "attach" => host.attach(&image, &[]).map(drop)?,
            "recover" => host.wb(&["recover"]).ok().map(drop)?,
            _ => {}
        }
        if *way != "detach" {
            world.check_ceph(&image)?;
            let status = host.status(&image)?;
            same("well", &status["well"], true)?;
            host.check(&device, &image)?;
        }
        host.detach(&image)?;
        host.check_gone(&image)?;
    }
    Ok(())
}
