//! The SSD fails under a cache.

use anyhow::{Result, ensure};
use warmblock::Kind;

use super::conformance::Driver;
use super::same;
use super::write_back::make_dirty;
use crate::case::Case;
use crate::host::{Host, front};
use crate::world::{KIB, MIB, STANDARD};

/// Every access to the slice's data fails from now on, or works again.
pub fn break_slice(host: &Host, front: &str, role: &str) -> Result<()> {
    let line = format!(
        "lv=/dev/ssd/$(basename {front})-{role}; [ -e $lv ] || lv=/dev/ssd/wb-shared; name=$(dmsetup info -c --noheadings -o name $lv); \
         dmsetup table $name > /run/good-$name; size=$(blockdev --getsz $lv); \
         dmsetup load $name --table \"0 $size error\" && dmsetup suspend --noflush --nolockfs $name && dmsetup resume $name"
    );
    host.sh(&line).map(drop)
}

fn mend(host: &Host) -> Result<()> {
    host.sh("for f in /run/good-*; do n=${f#/run/good-}; dmsetup load $n <$f && dmsetup suspend --noflush --nolockfs $n && dmsetup resume $n; rm $f; done").map(drop)
}

/// In a mode in which Ceph has everything, nothing is lost and the disk goes on.
pub fn clean(case: &Case, driver: &'static Driver) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    for (mode, role) in driver
        .clean_modes()
        .flat_map(|mode| driver.parts.iter().map(move |part| (mode, part)))
    {
        let image = world.clone_of(STANDARD)?;
        let device = front(&host.attach(&image, &driver.options(mode))?)?;
        host.write(&device, &image, 11, MIB, 256 * KIB)?;
        break_slice(host, &device, role)?;
        // It may fail, and what was acknowledged is in Ceph all the same.
        if host.try_write(&device, 12, 2 * MIB, 64 * KIB)?.code == 0 {
            image.expect(12, 2 * MIB, 64 * KIB)?;
        }
        host.wb(&["bypass", &image.spec]).ok()?;
        host.write(&device, &image, 12, 2 * MIB, 64 * KIB)?;
        host.write(&device, &image, 13, 3 * MIB, 64 * KIB)?;
        host.check(&device, &image)?;
        world.check_ceph(&image)?;
        mend(host)?;
        host.wb(&["insert", &image.spec]).ok()?;
        host.check(&device, &image)?;
        host.detach(&image)?;
        host.check_gone(&image)?;
    }
    Ok(())
}

/// What is dirty is not given up without a word.
pub fn dirty(case: &Case, driver: &'static Driver) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let device = front(&host.attach(&image, &driver.options("writeback"))?)?;
    (driver.keep_dirty)(host, &device)?;
    let before = std::fs::read(&image.model)?;
    make_dirty(host, &image, &device, 11)?;
    break_slice(host, &device, "data")?;
    let config = host.config("[deadline]\nflush = \"5s\"")?;
    for verb in ["bypass", "flush", "detach"] {
        let out = host.wb(&[verb, &image.spec]).config(&config).run()?;
        let codes = [Kind::Dirty, Kind::Timeout].map(|kind| i32::from(kind.exit_code()));
        ensure!(
            codes.contains(&out.code),
            "{verb} should refuse to lose dirty data: {out}"
        );
    }
    if driver.name == "dm-writecache" {
        // Now the kernel has given it up, and nobody can tell what is dirty: not even a host that the lease does not know.
        host.try_write(&device, 12, 2 * MIB, 64 * KIB)?;
        let renamed = host.config("host = \"renamed\"")?;
        let out = host.wb(&["detach", &image.spec]).config(&renamed).run()?;
        out.refused(Kind::Dirty, &["set host"])?;
    }
    same(
        "lease dirty",
        &world.lease(&image)?["holder"]["dirty"],
        true,
    )?;
    let gone = host.wb(&["detach", "--discard-dirty", &image.spec]).ok()?;
    ensure!(
        gone["warnings"].to_string().contains("given up"),
        "{}",
        gone["warnings"]
    );
    let mut model = std::fs::File::create(&image.model)?;
    std::io::Write::write_all(&mut model, &before)?;
    host.sh("rm -f /run/good-*")?;
    host.check_gone(&image)
}

/// The slice cannot be written while it is filled: the attach fails, and nothing of it is left.
pub fn while_seeding(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let slow = host.config("[seed]\nrate = \"2M\"\nchunk = \"256K\"\ndepth = 1")?;
    let running = host
        .wb(&[
            "attach",
            &image.spec,
            "--size",
            "32M",
            "--seed",
            "allocated",
        ])
        .config(&slow)
        .spawn()?;
    crate::cmd::eventually("the seeding", 30, || {
        Ok(host
            .try_sh("dmsetup table | grep -q ' cache .*passthrough'")?
            .code
            == 0)
    })?;
    let name = host.sh("dmsetup ls | grep -o '^wb-[^[:space:]]*-cache'")?;
    let device = format!("/dev/mapper/{}", name.text().trim_end_matches("-cache"));
    break_slice(host, &device, "data")?;
    let out = running.wait(std::time::Duration::from_secs(60))?;
    same("exit code", out.code, i32::from(Kind::Failed.exit_code()))
        .map_err(|error| error.context(out.to_string()))?;
    host.sh("rm -f /run/good-*")?;
    host.check_gone(&image)?;
    // And it works once the SSD does.
    host.attach(&image, &["--size", "32M"])?;
    host.detach(&image)?;
    host.check_gone(&image)
}
