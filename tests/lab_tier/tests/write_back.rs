//! Write-back: what is dirty is told, kept from others, and brought home.

use anyhow::{Result, ensure};
use warmblock::Kind;

use super::same;
use crate::case::Case;
use crate::host::{Host, front};
use crate::world::{Image, KIB, MIB, STANDARD};

/// Keeps dm-cache from writing back by itself when it is idle.
pub fn keep_dirty(host: &Host, front: &str) -> Result<()> {
    (super::conformance::driver("dm-cache")?.keep_dirty)(host, front)
}

/// Writes onto cached blocks, and shows that Ceph lacks it.
pub fn make_dirty(host: &Host, image: &Image, device: &str, seed: u64) -> Result<()> {
    host.write(device, image, seed, MIB, 512 * KIB)?;
    host.write(device, image, seed + 1, 5 * MIB + 4 * KIB, 64 * KIB)?;
    let dirty = host.status(image)?["stats"]["dirty"].as_u64();
    ensure!(dirty >= Some(512 * KIB), "{dirty:?} bytes are dirty");
    ensure!(
        host.world.check_ceph(image).is_err(),
        "Ceph has already what should be dirty"
    );
    Ok(())
}

pub fn life(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let device = front(&host.attach(
        &image,
        &["--size", "32M", "--seed", "first:8M", "--mode", "writeback"],
    )?)?;
    let lease = &world.lease(&image)?["holder"];
    same(
        "the lease",
        (&lease["dirty"], lease["mode"].as_str()),
        (&true.into(), Some("writeback")),
    )?;
    ensure!(
        lease["cache_id"].is_string(),
        "the lease does not name the cache: {lease}"
    );
    keep_dirty(host, &device)?;
    make_dirty(host, &image, &device, 21)?;
    let words = host.sh(&format!("warmblock status {}", image.spec))?;
    ensure!(words.stdout.contains("only on this host's SSD"), "{words}");

    let flushed = host.wb(&["flush", &image.spec]).ok()?;
    ensure!(
        flushed["flush"]["dirty_before"].as_u64() >= Some(3),
        "{}",
        flushed["flush"]
    );
    world.check_ceph(&image)?;
    let status = host.status(&image)?;
    same("dirty bytes", status["stats"]["dirty"].as_u64(), Some(0))?;
    same("mode", status["mode"].as_str(), Some("writeback"))?;
    same(
        "running",
        &status["running"],
        &serde_json::json!({"serving": "writeback"}),
    )?;

    // Leaving write-back brings everything home and says so in the lease; going back marks it again.
    keep_dirty(host, &device)?;
    make_dirty(host, &image, &device, 31)?;
    host.wb(&["mode", &image.spec, "writethrough"]).ok()?;
    world.check_ceph(&image)?;
    same(
        "lease dirty",
        &world.lease(&image)?["holder"]["dirty"],
        false,
    )?;
    host.wb(&["mode", &image.spec, "writeback"]).ok()?;
    same(
        "lease dirty",
        &world.lease(&image)?["holder"]["dirty"],
        true,
    )?;

    keep_dirty(host, &device)?;
    make_dirty(host, &image, &device, 41)?;
    host.check(&device, &image)?;
    host.detach(&image)?;
    host.check_gone(&image)?;

    // Given up on purpose: it says how much goes, and the image is as Ceph had it.
    let before = std::fs::read(&image.model)?;
    let device = front(&host.attach(
        &image,
        &["--size", "32M", "--seed", "first:8M", "--mode", "writeback"],
    )?)?;
    keep_dirty(host, &device)?;
    make_dirty(host, &image, &device, 51)?;
    let gone = host.wb(&["detach", "--discard-dirty", &image.spec]).ok()?;
    ensure!(
        gone["warnings"].to_string().contains("given up"),
        "{}",
        gone["warnings"]
    );
    let mut model = std::fs::File::create(&image.model)?;
    std::io::Write::write_all(&mut model, &before)?;
    host.check_gone(&image)
}

/// dm-writecache takes memory for each of its blocks: where there is too little, it is as with a lack of room on the SSD.
pub fn too_little_memory(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let attach = [
        "attach",
        &image.spec,
        "--driver",
        "dm-writecache",
        "--size",
        "64M",
    ];
    // 64 MiB take 10 MiB.
    host.sh(
        "sed 's/^MemAvailable:.*/MemAvailable: 30000 kB/' /proc/meminfo >/run/meminfo; mount --bind /run/meminfo /proc/meminfo",
    )?;
    let tried = (|| -> Result<()> {
        let fail = [&attach[..], &["--on-full", "fail"]].concat();
        let refused = host.wb(&fail).run()?;
        refused.refused(Kind::NoSpace, &["of memory", "--size"])?;
        host.check_gone(&image)?;
        let report = host.wb(&attach).ok()?;
        ensure!(
            report["warnings"].to_string().contains("served uncached"),
            "{report}"
        );
        same(
            "dirty",
            &host.status(&image)?["lease"]["holder"]["dirty"],
            false,
        )
    })();
    host.sh("umount /proc/meminfo")?;
    tried?;
    host.wb(&["insert", &image.spec]).ok()?;
    let status = host.status(&image)?;
    same("driver", status["driver"].as_str(), Some("dm-writecache"))?;
    let slice = status["layers"][1]["what"].as_str().unwrap_or_default();
    ensure!(slice.contains("MiB of memory"), "{slice}");
    host.detach(&image)?;
    host.check_gone(&image)
}
