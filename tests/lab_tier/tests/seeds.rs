//! What is seeded: choices, limits, odd sizes.

use anyhow::{Result, ensure};
use serde_json::Value;
use warmblock::Kind;

use super::main_job::BLOCK;
use super::same;
use crate::case::Case;
use crate::guest::Guest;
use crate::host::{Host, changes, front};
use crate::world::{Image, MIB, ODD, STANDARD};

/// A seed must be as asked, serve the image's content, and leave nothing.
fn finish(host: &Host, image: &Image, report: &Value) -> Result<()> {
    let device = front(report)?;
    host.check(&device, image)?;
    let verified = host.wb(&["seed", "--verify", &image.spec]).ok()?;
    same(
        "different blocks",
        verified["verify"]["different"].as_u64(),
        Some(0),
    )?;
    host.detach(image)?;
    host.check_gone(image)
}

fn proof(report: &Value) -> [Option<u64>; 3] {
    ["asked_blocks", "resident_blocks", "left_out"].map(|key| report["seed"][key].as_u64())
}

pub fn none(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let report = host.attach(&image, &["--size", "32M", "--seed", "none"])?;
    same("seed", &report["seed"], &Value::Null)?;
    // A udevd without our rules looks for signatures in the new device, and smq keeps what it reads.
    let resident = host.status(&image)?["stats"]["resident"].as_u64();
    ensure!(
        resident.is_some_and(|resident| resident < 8 * MIB),
        "{resident:?} bytes are resident, and nothing was seeded"
    );
    finish(host, &image, &report)
}

pub fn first(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let asked = world.allocated_blocks(&image, BLOCK, 22 * MIB)?;
    let report = host.attach(&image, &["--size", "64M", "--seed", "first:22M"])?;
    same(
        "asked, resident, left out",
        proof(&report),
        [Some(asked), Some(asked), Some(0)],
    )?;
    finish(host, &image, &report)
}

pub fn larger_than_the_slice(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let asked = world.allocated_blocks(&image, BLOCK, u64::MAX)?;
    let report = host.attach(&image, &["--size", "8M", "--seed", "allocated"])?;
    // Of its 32 blocks a tenth is left to what the guest will ask for.
    same(
        "asked, resident, left out",
        proof(&report),
        [Some(asked), Some(28), Some(asked - 28)],
    )?;
    same("exact", &report["seed"]["exact"], true)?;
    ensure!(
        report["warnings"].to_string().contains("did not fit"),
        "{}",
        report["warnings"]
    );
    finish(host, &image, &report)
}

pub fn odd_size(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(ODD)?;
    let asked = world.allocated_blocks(&image, BLOCK, u64::MAX)?;
    let report = host.attach(&image, &["--size", "16M", "--seed", "allocated"])?;
    same(
        "asked, resident, left out",
        proof(&report),
        [Some(asked), Some(asked), Some(0)],
    )?;
    let device = front(&report)?;
    let size = host.sh(&format!("blockdev --getsize64 {device}"))?;
    same("the front's size", size.text(), image.size.to_string())?;
    host.write(&device, &image, 5, image.size - 3 * 512, 3 * 512)?;
    finish(host, &image, &report)
}

pub fn blank(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.blank(20 * MIB)?;
    let report = host.attach(&image, &["--size", "4M", "--seed", "allocated"])?;
    same("seed", &report["seed"], &Value::Null)?;
    host.write(&front(&report)?, &image, 5, 7 * MIB, MIB)?;
    finish(host, &image, &report)
}

/// Seeded anew with another choice; the last one counts.
pub fn again(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let report = host.attach(&image, &["--size", "64M", "--seed", "none"])?;
    let device = front(&report)?;
    host.write(&device, &image, 5, 30 * MIB, MIB)?;
    for (what, end) in [
        ("first:2M", 2 * MIB),
        ("allocated", u64::MAX),
        ("first:21M", 21 * MIB),
    ] {
        let asked = world.allocated_blocks(&image, BLOCK, end)?;
        let report = host.wb(&["seed", &image.spec, what]).ok()?;
        same(what, proof(&report), [Some(asked), Some(asked), Some(0)])?;
        host.check(&device, &image)?;
    }
    finish(host, &image, &report)
}

/// A kernel that seems to have none of the functions by which a sound one is known, until it is dropped.
struct OddKernel<'h>(&'h Host);

/// Says that dm-cache is older than it may be.
const DMSETUP: &str = "#!/bin/sh
[ \"$*\" = targets ] || exec /run/odd/dmsetup \"$@\"
/run/odd/dmsetup targets | sed 's/^cache .*/cache v2.2.0/'
";

impl<'h> OddKernel<'h> {
    fn pretend(host: &'h Host) -> Result<Self> {
        let odd = Self(host);
        host.sh(
            "modprobe dm-cache; mkdir /run/odd; cp /usr/sbin/dmsetup /run/odd; echo 0 t odd >/run/odd/symbols; \
             mount --bind /run/odd/symbols /proc/kallsyms",
        )?;
        let stub = host.put("dmsetup", DMSETUP.as_bytes())?;
        host.sh(&format!(
            "chmod +x {stub} && mount --bind {stub} /usr/sbin/dmsetup"
        ))?;
        Ok(odd)
    }
}

impl Drop for OddKernel<'_> {
    fn drop(&mut self) {
        if let Err(error) = self
            .0
            .sh("umount /proc/kallsyms /usr/sbin/dmsetup && rm -r /run/odd")
        {
            eprintln!(
                "{} keeps other symbols than its own: {error:#}",
                self.0.name
            );
        }
    }
}

/// On a kernel whose dm-cache mishandles writes in passthrough, a disk is filled before it is in use or not at all.
pub fn beneath_a_guest(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let wb = |more: &[&str]| host.wb(&[&["attach", &image.spec, "--size", "32M"], more].concat());
    let seed = ["--seed", "first:8M"];
    let cached = [&["--driver", "dm-cache"], &seed[..]].concat();
    let local = [
        "attach",
        &image.spec,
        "--driver",
        "local",
        "--mode",
        "writeback",
    ];
    let odd = OddKernel::pretend(host)?;
    let device = front(&wb(&["--driver", "none"]).ok()?)?;
    let guest = Guest::opens(host, &device)?;
    let report = wb(&cached).ok()?;
    same("seed", &report["seed"], &Value::Null)?;
    ensure!(
        report["warnings"].to_string().contains("not seeded"),
        "{report}"
    );
    host.wb(&local)
        .run()?
        .refused(Kind::Busy, &["before the VM is started"])?;
    host.check(&device, &image)?;
    guest.leaves()?;
    same(
        "seeded once it is free",
        &wb(&[&["--driver", "none"], &seed[..]].concat()).ok()?["seed"],
        &Value::Null,
    )?;
    let report = wb(&cached).ok()?;
    same("exact", &report["seed"]["exact"], true)?;
    // Nobody could open it before it was filled.
    let steps = changes(&report);
    let last = |step: &str| steps.iter().rposition(|have| have == step);
    ensure!(
        last("cache altered").is_some() && last("front made") > last("cache altered"),
        "{steps:?}"
    );
    drop(odd);
    host.check(&device, &image)?;
    // A kernel that is in order seeds beneath it.
    wb(&["--driver", "none"]).ok()?;
    let guest = Guest::opens(host, &device)?;
    same("exact", &wb(&cached).ok()?["seed"]["exact"], true)?;
    guest.leaves()?;
    host.detach(&image)?;
    host.check_gone(&image)
}

/// A driver that there is no memory or no room for is refused while the disk has its warm cache, and that stays.
pub fn exchange_that_does_not_fit(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let report = host.attach(&image, &["--size", "32M", "--seed", "first:8M"])?;
    let before = host.status(&image)?;
    let refused = |driver: &str, word: &str| {
        let line = ["attach", &image.spec, "--driver", driver];
        let out = host.wb(&line).run();
        let now = host.status(&image)?;
        for what in ["driver", "mode", "well"] {
            same(what, &now[what], &before[what])?;
        }
        same(
            "resident",
            &now["stats"]["resident"],
            &before["stats"]["resident"],
        )?;
        out?.refused(Kind::NoSpace, &[word]).map(drop)
    };
    host.sh(
        "sed 's/^MemAvailable:.*/MemAvailable: 9000 kB/' /proc/meminfo >/run/meminfo; mount --bind /run/meminfo /proc/meminfo",
    )?;
    let out = refused("dm-writecache", "of memory");
    host.sh("umount /proc/meminfo && rm /run/meminfo")?;
    out?;
    host.sh("lvcreate -qq -an -Zn -n full -l 100%FREE ssd")?;
    let out = refused("local", "keeps its driver dm-cache");
    host.sh("lvremove -qq -y ssd/full")?;
    out?;
    finish(host, &image, &report)
}
