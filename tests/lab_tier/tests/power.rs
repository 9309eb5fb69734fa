//! Power cuts: the host is gone from one moment to the next, and comes back.

use anyhow::{Result, ensure};
use warmblock::Kind;

use super::same;
use super::write_back::{keep_dirty, make_dirty};
use crate::case::Case;
use crate::host::front;
use crate::world::{Image, KIB, MIB, STANDARD};

const OPTIONS: &[&str] = &["--size", "32M", "--seed", "first:8M"];

/// A cache in use, a power cut, and somebody else who writes into the image meanwhile.
fn outlived(case: &Case) -> Result<Image> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let device = front(&host.attach(&image, OPTIONS)?)?;
    host.write(&device, &image, 81, MIB, 256 * KIB)?;
    host.cut_power()?;
    world.write_elsewhere(&image, 82, 2 * MIB, MIB)?;
    world.write_elsewhere(&image, 83, MIB, 64 * KIB)?;
    host.boot()?;
    Ok(image)
}

pub fn write_through(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = outlived(case)?;
    let report = host.attach(&image, OPTIONS)?;
    let device = front(&report)?;
    // Seeded anew from what the image holds now, not opened again.
    same(
        "blocks resident",
        report["seed"]["resident_blocks"].as_u64(),
        Some(32),
    )?;
    same(
        "dirty bytes",
        host.status(&image)?["stats"]["dirty"].as_u64(),
        Some(0),
    )?;
    host.check(&device, &image)?;
    world.check_ceph(&image)?;
    host.detach(&image)?;
    host.check_gone(&image)
}

pub fn recover_write_through(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = outlived(case)?;
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

pub fn write_back(case: &Case) -> Result<()> {
    let (world, host, other) = (&*case.world, case.host(), case.other());
    for way in ["attach", "recover", "detach"] {
        let image = world.clone_of(STANDARD)?;
        let device = front(&host.attach(
            &image,
            &["--size", "32M", "--seed", "first:8M", "--mode", "writeback"],
        )?)?;
        keep_dirty(host, &device)?;
        make_dirty(host, &image, &device, 91)?;
        host.cut_power()?;
        let refused = other.wb(&["attach", &image.spec]).run()?;
        refused.refused(Kind::Dirty, &[host.name, "recover"])?;
        let refused = other.wb(&["attach", &image.spec, "--break-lease"]).run()?;
        refused.refused(Kind::Dirty, &[host.name])?;
        host.boot()?;
        match way {
            "attach" => host.attach(&image, &[]).map(drop)?,
            "recover" => host.wb(&["recover"]).ok().map(drop)?,
            _ => {}
        }
        if way != "detach" {
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
