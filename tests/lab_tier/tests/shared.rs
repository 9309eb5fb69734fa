//! `bcache-shared`: several disks in one cache set. What a single disk does in it is tested by `conformance`.

use anyhow::{Result, ensure};
use warmblock::Kind;

use super::conformance::{Driver, driver, exhaustive};
use super::load::Guest;
use super::same;
use super::write_back::make_dirty;
use crate::case::Case;
use crate::cmd::{KILLED, eventually};
use crate::host::{Host, front};
use crate::world::{Image, KIB, MIB, SMALL, STANDARD};

const THROUGH: &[&str] = &["--driver", "bcache-shared", "--seed", "first:8M"];
const BACK: &[&str] = &[
    "--driver",
    "bcache-shared",
    "--seed",
    "first:8M",
    "--mode",
    "writeback",
];

fn shared() -> Result<&'static Driver> {
    driver("bcache-shared")
}

/// How many shared volumes there are, and how many sets.
fn volumes(host: &Host) -> Result<String> {
    let line = "lvs --noheadings -o lv_name | grep -c wb-shared; ls -d /sys/fs/bcache/*-* 2>/dev/null | wc -l";
    Ok(host.try_sh(line)?.text().replace('\n', " "))
}

/// A disk that is gone while others stay.
fn gone(host: &Host, image: &Image) -> Result<()> {
    host.wb(&["status", &image.spec])
        .run()?
        .refused(Kind::NotFound, &[])?;
    same(
        "the lease's holder",
        &host.world.lease(image)?["holder"],
        &serde_json::Value::Null,
    )?;
    host.world.check_ceph(image)
}

/// Two disks share a set, and one comes and goes while the other is in use; the set goes with the last.
pub fn one_leaves_the_other_works(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let (a, b) = (world.clone_of(STANDARD)?, world.clone_of(STANDARD)?);
    let refused = host
        .wb(&[&["attach", &a.spec], THROUGH, &["--size", "16M"]].concat())
        .run()?;
    refused.refused(Kind::Usage, &["96 MiB", "[slice] shared"])?;
    let report = host.attach(&b, BACK)?;
    let device = front(&report)?;
    for report in [report, host.attach(&a, THROUGH)?] {
        same("exact", &report["seed"]["exact"], true)?;
        same(
            "blocks",
            report["seed"]["resident_blocks"].as_u64(),
            Some(32),
        )?;
    }
    same("volumes and sets", volumes(host)?, "1 1".to_owned())?;
    let other = host.status(&a)?["front"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    host.write(&other, &a, 3, 3 * MIB, 256 * KIB)?;
    let attach = [&["attach", a.spec.as_str()], THROUGH].concat();
    let verbs: [&[&str]; 6] = [
        &["detach", &a.spec],
        &attach,
        &["mode", &a.spec, "writeback"],
        &["bypass", &a.spec],
        &["insert", &a.spec],
        &["attach", &a.spec, "--driver", "bcache"],
    ];
    Guest::start(host, &device)?.during(&verbs)?;
    Guest::note(host, &device, &b)?;
    same("volumes and sets", volumes(host)?, "1 2".to_owned())?;
    host.check(&other, &a)?;
    host.check(&device, &b)?;
    host.detach(&a)?;
    gone(host, &a)?;
    same("well", &host.status(&b)?["well"], true)?;
    host.detach(&b)?;
    host.check_gone(&b)?;
    same("volumes and sets", volumes(host)?, "0 0".to_owned())
}

/// Two disks whose set holds what their images lack, after a power cut; and what the images were before.
fn dirty_and_cut(case: &Case) -> Result<([Image; 2], Vec<Image>)> {
    let (world, host) = (&*case.world, case.host());
    let images = [world.clone_of(STANDARD)?, world.clone_of(STANDARD)?];
    let mut before = Vec::new();
    for (image, seed) in images.iter().zip([61, 71]) {
        before.push(world.kept(image)?);
        let device = front(&host.attach(image, BACK)?)?;
        (shared()?.keep_dirty)(host, &device)?;
        make_dirty(host, image, &device, seed)?;
    }
    host.cut_power()?;
    host.boot()?;
    Ok((images, before))
}

/// What is dirty of one disk outlives the power, and that others come to its set first; and one may be given up without the other.
pub fn dirty_through_a_power_cut(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let (images, before) = dirty_and_cut(case)?;
    host.try_sh(shared()?.meddle)?;
    // Somebody who has nothing to do with them comes first.
    let new = world.clone_of(SMALL)?;
    let device = front(&host.attach(&new, &["--driver", "bcache-shared", "--seed", "first:6M"])?)?;
    host.check(&device, &new)?;
    let [home, lost] = &images;
    let given = host.wb(&["detach", "--discard-dirty", &lost.spec]).ok()?;
    ensure!(
        given["warnings"].to_string().contains("given up"),
        "{given}"
    );
    gone(host, &before[1])?;
    host.wb(&["recover"]).ok()?;
    world.check_ceph(home)?;
    for image in [home, &new] {
        let status = host.status(image)?;
        same("well", &status["well"], true)?;
        host.check(status["front"].as_str().unwrap_or_default(), image)?;
    }
    host.detach(&new)?;
    gone(host, &new)?;
    host.detach(home)?;
    host.check_gone(home)
}

/// The volume's superblock is gone, and it holds what the images of two disks lack: it is not made anew over that for a third one.
pub fn damaged(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let (images, before) = dirty_and_cut(case)?;
    host.sh(
        "vgchange -qq -ay ssd; dd if=/dev/ssd/wb-shared of=/run/head bs=4k count=2 iflag=direct status=none; \
         dd if=/dev/zero of=/dev/ssd/wb-shared bs=4k seek=1 count=1 oflag=direct status=none",
    )?;
    let sum = || Ok::<_, anyhow::Error>(host.sh("sha256sum </dev/ssd/wb-shared")?.stdout);
    let held = sum()?;
    let new = world.clone_of(SMALL)?;
    let attach = [
        "attach",
        &new.spec,
        "--driver",
        "bcache-shared",
        "--seed",
        "none",
    ];
    let names = images.each_ref().map(|image| image.spec.as_str());
    let refused = host.wb(&attach).run()?;
    refused.refused(Kind::Dirty, &[names[0], names[1], "nothing was written"])?;
    same("the shared volume", sum()?, held)?;
    gone_but_for_leftovers(host, &new)?;
    // One comes back when the superblock does; the other is given up.
    host.sh("dd if=/run/head of=/dev/ssd/wb-shared bs=4k oflag=direct status=none")?;
    let given = host
        .wb(&["detach", "--discard-dirty", &images[1].spec])
        .ok()?;
    ensure!(
        given["warnings"].to_string().contains("given up"),
        "{given}"
    );
    gone(host, &before[1])?;
    host.detach(&images[0])?;
    world.check_ceph(&images[0])?;
    host.wb(&attach).ok()?;
    host.detach(&new)?;
    host.check_gone(&new)
}

/// An attach that was refused is undone by a detach.
fn gone_but_for_leftovers(host: &Host, image: &Image) -> Result<()> {
    let out = host.wb(&["detach", &image.spec]).run()?;
    let codes = [0, i32::from(Kind::NotFound.exit_code())];
    ensure!(codes.contains(&out.code), "{out}");
    gone(host, image)
}

/// A set that has given its last number is a lack of room like any other: the disk is refused, or served uncached, as `on_full`
/// has it; and gets its cache when the set was made anew.
pub fn used_up(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let (a, b) = (world.clone_of(SMALL)?, world.clone_of(SMALL)?);
    host.attach(&b, &["--driver", "bcache-shared", "--seed", "none"])?;
    // The kernel's own volumes in a set take its numbers too.
    host.try_sh("cd /sys/fs/bcache/*-*; while echo 4096 >flash_vol_create; do :; done")?;
    let write_back = ["--driver", "bcache-shared", "--mode", "writeback"];
    let seeds: &[&str] = if exhaustive() {
        &["first:6M", "none"]
    } else {
        &["none"]
    };
    for seed in seeds {
        let attach = [&["attach", &a.spec], &write_back[..], &["--seed", seed]].concat();
        let fail = [&attach[..], &["--on-full", "fail"]].concat();
        let refused = host.wb(&fail).run()?;
        refused.refused(Kind::NoSpace, &["no number left", "attach --driver"])?;
        gone(host, &a)?;
        let report = host.wb(&attach).ok()?;
        ensure!(
            report["warnings"].to_string().contains("served uncached"),
            "{report}"
        );
        let status = host.status(&a)?;
        same("driver", status["driver"].as_str(), Some("none"))?;
        same("well", &status["well"], true)?;
        same("dirty", &status["lease"]["holder"]["dirty"], false)?;
        let device = front(&report)?;
        host.write(&device, &a, 5, MIB, 64 * KIB)?;
        world.check_ceph(&a)?;
        if *seed != "none" {
            host.detach(&a)?;
            gone(host, &a)?;
        }
    }
    host.detach(&b)?;
    gone(host, &b)?;
    host.wb(&["insert", &a.spec]).ok()?;
    let status = host.status(&a)?;
    same("driver", status["driver"].as_str(), Some("bcache-shared"))?;
    host.check(status["front"].as_str().unwrap_or_default(), &a)?;
    host.detach(&a)?;
    host.check_gone(&a)
}

/// While the last disk's detach discards the shared volume, another disk comes, long before its lock's deadline, and keeps it.
pub fn slow_to_leave(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let (a, b) = (world.clone_of(SMALL)?, world.clone_of(SMALL)?);
    // As slow as to take longer than anybody waits for the lock.
    let slow = "#!/bin/sh\ncase $* in *wb-shared*) echo x >>/run/tools/pieces; eval \"${2#--}\" \"${3#--}\"; \
                sleep $((${length:-201326592} / 5592405));; esac\nexec /usr/sbin/blkdiscard \"$@\"\n";
    let slow = host.put("slow-blkdiscard", slow.as_bytes())?;
    host.sh(&format!(
        "mkdir -p /run/tools; cp {slow} /run/tools/blkdiscard; chmod +x /run/tools/blkdiscard"
    ))?;
    let config = host.config(
        "[slice]\nshared = \"192M\"\n[deadline]\nlock = \"30s\"\n\
         [tools]\npath = [\"/run/tools\", \"/usr/sbin\", \"/usr/bin\"]",
    )?;
    let wb = |args: &[&str]| host.wb(args).config(&config);
    let outcome = (|| -> Result<()> {
        wb(&[&["attach", b.spec.as_str()], THROUGH].concat()).ok()?;
        let leaving = wb(&["detach", &b.spec]).spawn()?;
        eventually("the shared volume to be discarded", 60, || {
            Ok(host.try_sh("test -s /run/tools/pieces")?.code == 0)
        })?;
        let attach = [&["attach", a.spec.as_str()], THROUGH].concat();
        wb(&attach).ok()?;
        leaving.wait(std::time::Duration::from_secs(120))?.ok()?;
        gone(host, &b)?;
        same("volumes and sets", volumes(host)?, "1 1".to_owned())?;
        let status = host.status(&a)?;
        same("driver", status["driver"].as_str(), Some("bcache-shared"))?;
        host.check(status["front"].as_str().unwrap_or_default(), &a)
    })();
    host.sh("rm -rf /run/tools")?;
    outcome?;
    host.detach(&a)?;
    host.check_gone(&a)
}

/// An attach and a detach are killed beside a disk that is in use, which never notices.
pub fn killed_beside_another(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let (a, b) = (world.clone_of(SMALL)?, world.clone_of(SMALL)?);
    let options = [
        "--driver",
        "bcache-shared",
        "--seed",
        "first:6M",
        "--mode",
        "writeback",
    ];
    let device = front(&host.attach(&b, &options)?)?;
    let attach = [&["attach", a.spec.as_str()], &options[..]].concat();
    let stride = if exhaustive() { 1 } else { 13 };
    for n in (2..200).step_by(stride) {
        let step = |error: anyhow::Error| error.context(format!("killed after step {n}"));
        (shared()?.keep_dirty)(host, &device)?;
        host.write(
            &device,
            &b,
            n.into(),
            u64::from(n % 64) * 64 * KIB,
            64 * KIB,
        )?;
        let came = host.wb(&attach).crash_after(n).run()?.code;
        let other = front(&host.wb(&attach).ok().map_err(step)?)?;
        host.write(&other, &a, n.into(), MIB, 64 * KIB)?;
        let went = host.wb(&["detach", &a.spec]).crash_after(n).run()?.code;
        if went == KILLED {
            let again = host.wb(&["detach", &a.spec]).run()?;
            ensure!(
                again.code == 0 || again.code == i32::from(Kind::NotFound.exit_code()),
                "killed after step {n}: {again}"
            );
        }
        gone(host, &a).map_err(step)?;
        host.check(&device, &b).map_err(step)?;
        if came == 0 && went == 0 {
            super::crash::walked(&attach, 2, n)?;
            host.detach(&b)?;
            return host.check_gone(&b);
        }
    }
    anyhow::bail!("it has not come through after 200 steps")
}
