//! The main job: a clone gets a warm cache, is used, and is left as a plain image.

use anyhow::{Result, ensure};

use super::same;
use crate::case::Case;
use crate::host::{changes, front};
use crate::world::{KIB, MIB, STANDARD};

pub const BLOCK: u64 = 256 * KIB;

pub fn write_through(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let asked = world.allocated_blocks(&image, BLOCK, u64::MAX)?;
    host.sh("mkdir -p /run/links")?;
    let options = [
        "--size",
        "64M",
        "--seed",
        "allocated",
        "--link",
        "/run/links/disk.0",
    ];
    let report = host.attach(&image, &options)?;
    let (device, seed) = (front(&report)?, &report["seed"]);
    same(
        "blocks asked for",
        seed["asked_blocks"].as_u64(),
        Some(asked),
    )?;
    same(
        "blocks resident",
        seed["resident_blocks"].as_u64(),
        Some(asked),
    )?;
    same(
        "the proof",
        (&seed["exact"], seed["method"].as_str()),
        (&true.into(), Some("mapping")),
    )?;
    same(
        "the link",
        host.sh("readlink /run/links/disk.0")?.text(),
        device.as_str(),
    )?;

    // What was seeded comes from the SSD alone.
    let rbd = host.rbd_device(&image)?;
    let settle = if host.udev {
        "udevadm settle --timeout=20; "
    } else {
        ""
    };
    host.sh(&format!("{settle}true"))?;
    let before = host.sectors(&rbd)?;
    for (offset, len) in STANDARD.data {
        let (offset, len) = (offset / KIB, len / KIB);
        host.sh(&format!("dd if=/run/links/disk.0 of=/dev/null bs=4k iflag=direct,skip_bytes,count_bytes skip={offset}K count={len}K status=none"))?;
    }
    same(
        "sectors read from and written to Ceph while seeded data were read",
        host.sectors(&rbd)?,
        before,
    )?;
    host.check(&device, &image)?;

    // Writes are in Ceph when they are acknowledged, onto cached blocks and beside them.
    host.write(&device, &image, 71, 3 * MIB + 4 * KIB, 128 * KIB)?;
    host.write(&device, &image, 72, 40 * MIB, 512 * KIB)?;
    world.check_ceph(&image)?;
    let status = host.status(&image)?;
    same("dirty bytes", status["stats"]["dirty"].as_u64(), Some(0))?;
    same("well", &status["well"], true)?;
    same(
        "holder",
        status["lease"]["holder"]["host"].as_str(),
        Some(host.name),
    )?;
    same("lease dirty", &status["lease"]["holder"]["dirty"], false)?;
    let words = host.sh(&format!("warmblock status {}", image.spec))?;
    ensure!(
        words.stdout.contains("nothing dirty") && words.stdout.contains("resident"),
        "{words}"
    );

    // Again: nothing to do.
    let again = host.attach(&image, &options)?;
    let changed: Vec<_> = changes(&again)
        .into_iter()
        .filter(|step| !step.ends_with(" kept"))
        .collect();
    ensure!(changed.is_empty(), "a second attach changed {changed:?}");
    same("seeded again", &again["seed"], &serde_json::Value::Null)?;

    let verified = host.wb(&["seed", "--verify", &image.spec]).ok()?;
    same(
        "different blocks",
        verified["verify"]["different"].as_u64(),
        Some(0),
    )?;
    ensure!(
        verified["verify"]["compared"].as_u64() >= Some(asked),
        "{}",
        verified["verify"]
    );
    host.check(&device, &image)?;

    let gone = host.detach(&image)?;
    ensure!(gone["front"].is_null(), "{gone}");
    host.check_gone(&image)?;
    // Again: nothing to do.
    host.detach(&image)?;
    host.check_gone(&image)
}
