//! The driver `local`: the whole image on the SSD, Ceph left alone, only what changed written back, and the way back if the SSD
//! is lost. What it has in common with the other drivers is tested by `conformance`.

use anyhow::{Result, bail, ensure};
use serde_json::Value;
use warmblock::Kind;

use super::conformance::exhaustive;
use super::main_job::BLOCK;
use super::{same, ssd};
use crate::case::Case;
use crate::cmd::{KILLED, eventually};
use crate::host::{Host, front};
use crate::world::{Image, KIB, MIB, ODD, SMALL, STANDARD};

const LOCAL: &[&str] = &["--driver", "local"];

/// A part of the image, in the middle of blocks and across them, in data and in holes: offset, length, blocks touched.
const PLACES: [(u64, u64, u64); 4] = [
    (MIB + 4 * KIB, 8 * KIB, 1),
    (5 * MIB - 64 * KIB, 128 * KIB, 2),
    (30 * MIB, 512 * KIB, 2),
    (95 * MIB + 768 * KIB, 256 * KIB, 1),
];

/// Holes cost no reads, serving costs nothing at all, and what goes back is what changed, block by block.
#[expect(
    clippy::disallowed_methods,
    reason = "that nothing happens is no condition that could be awaited"
)]
pub fn only_changes_go_back(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let report = host.attach(&image, LOCAL)?;
    let device = front(&report)?;
    let (rbd, of_image) = (host.rbd_device(&image)?, |sectors: u64| sectors * 512);
    let allocated = world.allocated_blocks(&image, BLOCK, image.size)? * BLOCK;
    same(
        "bytes copied",
        report["seed"]["bytes"].as_u64(),
        Some(allocated),
    )?;
    let seeded = host.sectors(&rbd)?;
    // Whoever looks at a new device (udev, LVM) reads a little of it.
    ensure!(
        of_image(seeded.0) < allocated + 2 * MIB,
        "{} bytes were read from Ceph, {allocated} are allocated",
        of_image(seeded.0)
    );
    let generation = world.lease(&image)?["generation"].as_u64().unwrap_or(0);
    same(
        "snapshots",
        world.snapshots(&image)?,
        vec![format!("wb-local-{generation}")],
    )?;

    let before = world.kept(&image)?;
    for ((offset, len, _), seed) in PLACES.iter().zip(1..) {
        host.write(&device, &image, seed, *offset, *len)?;
    }
    host.check(&device, &image)?;
    // The kernel looks once a second whether it is idle.
    std::thread::sleep(std::time::Duration::from_millis(3500));
    same(
        "sectors read and written meanwhile",
        host.sectors(&rbd)?,
        seeded,
    )?;
    world.check_ceph(&before)?;
    let blocks: u64 = PLACES.iter().map(|(_, _, blocks)| blocks).sum();
    same(
        "dirty",
        host.status(&image)?["stats"]["dirty"].as_u64(),
        Some(blocks * BLOCK),
    )?;

    host.wb(&["flush", &image.spec]).ok()?;
    let flushed = host.sectors(&rbd)?;
    same(
        "bytes written back",
        of_image(flushed.1 - seeded.1),
        blocks * BLOCK,
    )?;
    same("sectors read", flushed.0, seeded.0)?;
    world.check_ceph(&image)?;
    same("snapshots", world.snapshots(&image)?.len(), 1)?;

    // The way back leads to the flush now.
    let before = world.kept(&image)?;
    host.write(&device, &image, 9, 40 * MIB, 64 * KIB)?;
    host.wb(&["detach", "--discard-dirty", &image.spec]).ok()?;
    host.check_gone(&before)
}

/// What cannot be had is refused, with the numbers or the way; and a disk that grows or loses its last short block is whole.
pub fn refusals_and_sizes(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let attach = |more: &[&str]| {
        host.wb(&[&["attach", &image.spec], LOCAL, more].concat())
            .run()
    };
    attach(&["--size", "32M"])?.refused(Kind::Usage, &["96 MiB", "whole image"])?;
    attach(&["--seed", "first:8M"])?.refused(Kind::Usage, &["whole image"])?;
    attach(&["--mode", "writethrough"])?.refused(Kind::Usage, &["writeback"])?;
    host.check_gone(&image)?;
    let large = world.blank(3 << 30)?;
    let refused = host
        .wb(&[&["attach", &large.spec, "--on-full", "fail"], LOCAL].concat())
        .run()?;
    refused.refused(Kind::NoSpace, &["3 GiB", "free"])?;
    host.check_gone(&large)?;

    let device = front(&host.attach(&image, LOCAL)?)?;
    host.wb(&["mode", &image.spec, "writethrough"])
        .run()?
        .refused(Kind::Usage, &["--driver"])?;
    host.write(&device, &image, 1, MIB, 64 * KIB)?;
    // It is written back, and filled anew.
    host.wb(&["seed", &image.spec]).ok()?;
    world.check_ceph(&image)?;
    host.write(&device, &image, 2, 2 * MIB, 64 * KIB)?;
    let grown = image.size + 32 * MIB;
    world.rbd(&[
        "resize",
        "--no-progress",
        "--size",
        &format!("{grown}B"),
        &image.spec,
    ])?;
    std::fs::File::options()
        .write(true)
        .open(&image.model)?
        .set_len(grown)?;
    host.wb(&["bypass", &image.spec]).ok()?;
    let inserted = host.wb(&["insert", &image.spec]).ok()?;
    same(
        "blocks",
        inserted["seed"]["resident_blocks"].as_u64(),
        Some(grown / BLOCK),
    )?;
    host.write(&device, &image, 3, grown - 64 * KIB, 64 * KIB)?;
    host.check(&device, &image)?;
    host.detach(&image)?;
    host.check_gone(&image)?;

    let odd = world.clone_of(ODD)?;
    let device = front(&host.attach(&odd, LOCAL)?)?;
    // Across the beginning of the short block.
    host.write(&device, &odd, 4, odd.size - 4 * KIB, 4 * KIB)?;
    host.check(&device, &odd)?;
    host.detach(&odd)?;
    host.check_gone(&odd)
}

/// An attached disk with data that Ceph lacks; and the image as it was.
fn dirty(host: &Host, image: &Image) -> Result<(String, Image)> {
    let before = host.world.kept(image)?;
    let device = front(&host.attach(image, LOCAL)?)?;
    for ((offset, len, _), seed) in PLACES.iter().zip(1..) {
        if offset + len <= image.size {
            host.write(&device, image, seed, *offset, *len)?;
        }
    }
    Ok((device, before))
}

/// After a power cut only what changed goes back, too, and holes stay holes; also if that is killed and run again.
pub fn power_cut(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let (_, before) = dirty(host, &image)?;
    let allocated = world.allocated_blocks(&image, 4 * MIB, image.size)?;
    host.cut_power()?;
    world.check_ceph(&before)?;
    host.boot()?;
    for n in [6, 8, 10] {
        host.wb(&["attach", &image.spec]).crash_after(n).run()?;
    }
    let report = host.wb(&["recover"]).ok()?;
    world.check_ceph(&image)?;
    let device = host.status(&image)?["front"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if device.is_empty() {
        bail!("{report}");
    }
    // One object in a hole was written to.
    same(
        "objects",
        world.allocated_blocks(&image, 4 * MIB, image.size)?,
        allocated + 1,
    )?;
    host.check(&device, &image)?;
    host.detach(&image)?;
    host.check_gone(&image)
}

/// The host comes back with an empty SSD, or not at all: the image goes back to what it was, there or on the other host.
pub fn ssd_lost(case: &Case) -> Result<()> {
    let (world, host, other) = (&*case.world, case.host(), case.other());
    let image = world.clone_of(SMALL)?;
    let (_, before) = dirty(host, &image)?;
    host.cut_power()?;
    host.renew()?;
    host.wb(&["attach", &image.spec])
        .run()?
        .refused(Kind::Dirty, &["--discard-dirty"])?;
    let gone = host.wb(&["detach", "--discard-dirty", &image.spec]).ok()?;
    ensure!(told(&gone, "rolled back"), "{}", gone["warnings"]);
    host.check_gone(&before)?;

    let image = world.clone_of(SMALL)?;
    let (device, before) = dirty(host, &image)?;
    half_way(host, &image, &device)?;
    host.cut_power()?;
    let attach = [&["attach", &image.spec, "--break-lease"], LOCAL].concat();
    other
        .wb(&attach)
        .run()?
        .refused(Kind::Dirty, &[host.name])?;
    let taken = other
        .wb(&[&attach[..], &["--discard-dirty"]].concat())
        .ok()?;
    ensure!(told(&taken, "rolled back"), "{}", taken["warnings"]);
    other.check(&front(&taken)?, &before)?;
    // The dead one comes back with its old data, and writes none of them.
    host.boot()?;
    host.wb(&["recover"]).run()?;
    world.check_ceph(&before)?;
    other.detach(&before)?;
    other.check_gone(&before)?;
    host.wb(&["detach", &image.spec]).run()?;
    host.check_gone(&before)
}

fn told(report: &Value, word: &str) -> bool {
    report["warnings"].to_string().contains(word)
}

/// Some of what is dirty is in Ceph, some is not, and from now on the SSD fails.
fn half_way(host: &Host, image: &Image, device: &str) -> Result<()> {
    let world = &host.world;
    host.write(device, image, 60, 8 * MIB, 12 * MIB)?;
    let dirty = || -> Result<u64> {
        let out = host.sh(&format!("dmsetup status {device}-cache"))?;
        // The 14th word, see the kernel's cache.rst.
        Ok(out
            .text()
            .split_whitespace()
            .nth(13)
            .unwrap_or("0")
            .parse()?)
    };
    let whole = dirty()?;
    world
        .lab(&["host", "net", host.name, "--rate", "16mbit"])?
        .ok()?;
    let config = host.config("[deadline]\nflush = \"6s\"")?;
    let flush = host.wb(&["flush", &image.spec]).config(&config).spawn()?;
    eventually("a half of it in Ceph", 30, || Ok(dirty()? < whole - 8))?;
    ssd::break_slice(host, device, "data")?;
    world.lab(&["host", "net", host.name, "--none"])?.ok()?;
    let out = flush.wait(std::time::Duration::from_secs(60))?;
    ensure!(
        out.code != 0,
        "the flush should not have come through: {out}"
    );
    let left = dirty()?;
    ensure!(
        0 < left && left < whole,
        "{left} of {whole} blocks are dirty"
    );
    Ok(())
}

/// The SSD fails when half of it is written back. What Ceph has then is neither old nor new, and does not stay so.
pub fn ssd_fails_half_way(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(SMALL)?;
    let (device, before) = dirty(host, &image)?;
    half_way(host, &image, &device)?;
    ensure!(
        world.check_ceph(&before).is_err(),
        "nothing was written back"
    );
    ensure!(world.check_ceph(&image).is_err(), "all was written back");
    let config = host.config("[deadline]\nflush = \"5s\"")?;
    let refused = host.wb(&["detach", &image.spec]).config(&config).run()?;
    ensure!(refused.code != 0, "{refused}");
    let gone = host.wb(&["detach", "--discard-dirty", &image.spec]).ok()?;
    ensure!(
        told(&gone, "given up") && told(&gone, "rolled back"),
        "{}",
        gone["warnings"]
    );
    host.sh("rm -f /run/good-*")?;
    host.check_gone(&before)
}

/// Giving up is killed after each of its steps, and run again, in the same words or with what came of it by then.
pub fn killed_while_giving_up(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(SMALL)?;
    let before = world.kept(&image)?;
    let stride = if exhaustive() { 1 } else { 9 };
    for n in (1..100_u32).step_by(stride) {
        let step = |error: anyhow::Error| error.context(format!("killed after step {n}"));
        dirty(host, &image)?;
        let detach = ["detach", "--discard-dirty", &image.spec];
        let out = host.wb(&detach).crash_after(n).run()?;
        if out.code != 0 {
            same("exit code", out.code, KILLED).map_err(step)?;
            let plain = host.wb(&["detach", &image.spec]);
            if n % 2 == 0 && plain.run()?.code == 0 {
                // It was killed before anything was given up: all of it was written back, and none lost.
                host.check_gone(&image).map_err(step)?;
                std::fs::copy(&image.model, &before.model)?;
                continue;
            }
            host.wb(&detach).ok().map_err(step)?;
        }
        host.check_gone(&before).map_err(step)?;
        std::fs::copy(&before.model, &image.model)?;
        if out.code == 0 {
            ensure!(n > 1, "no step was ever killed");
            return Ok(());
        }
    }
    bail!("it has not come through")
}
