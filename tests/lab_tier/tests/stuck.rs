//! Ceph hangs: every command comes back in time, nothing is lost, and goes on when Ceph does.

use std::time::Duration;

use anyhow::{Result, ensure};
use warmblock::Kind;

use super::same;
use super::write_back::make_dirty;
use crate::case::Case;
use crate::cmd::{Out, Running, eventually};
use crate::host::{Host, front};
use crate::world::{KIB, MIB, STANDARD};

const SHORT: &str = "
[ceph]
connect_deadline = \"3s\"
op_deadline = \"4s\"
[deadline]
lock = \"3s\"
tool = \"5s\"
map = \"5s\"
flush = \"5s\"
";

fn in_time(out: Out) -> Result<Out> {
    let codes = [Kind::Timeout, Kind::Ceph, Kind::Dirty, Kind::Busy]
        .map(|kind| i32::from(kind.exit_code()));
    ensure!(
        codes.contains(&out.code),
        "it should have told that Ceph does not answer: {out}"
    );
    Ok(out)
}

pub fn attach_and_bypass(case: &Case) -> Result<()> {
    let (world, host, other) = (&*case.world, case.host(), case.other());
    let new = world.clone_of(STANDARD)?;
    let used = world.clone_of(STANDARD)?;
    let back = world.clone_of(STANDARD)?;
    let config = host.config(SHORT)?;
    let other_config = other.config(SHORT)?;
    let device = front(&host.attach(&used, &["--size", "32M", "--seed", "first:8M"])?)?;
    let dirty = front(&other.attach(
        &back,
        &["--size", "32M", "--seed", "first:8M", "--mode", "writeback"],
    )?)?;
    super::write_back::keep_dirty(other, &dirty)?;
    make_dirty(other, &back, &dirty, 3)?;
    world.lab(&["ceph", "pause", "all-osds"])?.ok()?;
    let tried = (|| -> Result<()> {
        in_time(
            host.wb(&["attach", &new.spec])
                .config(&config)
                .deadline(40)
                .run()?,
        )?;
        // What was seeded is served without Ceph; what the program says of it as well.
        host.sh(&format!(
            "dd if={device} of=/dev/null bs=1M count=4 iflag=direct status=none"
        ))?;
        let status = host
            .wb(&["status", "--lease", &used.spec])
            .config(&config)
            .deadline(20)
            .ok()?;
        ensure!(status["disks"][0]["lease_error"].is_string(), "{status}");
        in_time(
            other
                .wb(&["flush", &back.spec])
                .config(&other_config)
                .deadline(60)
                .run()?,
        )?;
        in_time(
            other
                .wb(&["detach", &back.spec])
                .config(&other_config)
                .deadline(60)
                .run()?,
        )?;
        let out = host
            .wb(&["detach", &used.spec])
            .config(&config)
            .deadline(60)
            .run()?;
        ensure!(out.code == 0 || in_time(out.clone()).is_ok(), "{out}");
        Ok(())
    })();
    world.lab(&["ceph", "resume", "all-osds"])?.ok()?;
    tried?;
    // Everything converges.
    let device = front(&host.attach(&used, &["--size", "32M", "--seed", "first:8M"])?)?;
    host.write(&device, &used, 9, MIB, 64 * KIB)?;
    host.check(&device, &used)?;
    host.detach(&used)?;
    other.wb(&["detach", &back.spec]).ok()?;
    other.check_gone(&back)?;
    host.attach(&new, &["--size", "32M"])?;
    host.detach(&new)?;
    host.check_gone(&new)?;
    same(
        "the lease",
        &world.lease(&used)?["holder"],
        &serde_json::Value::Null,
    )
}

/// It took too long, and nothing tells the operator to give anything up.
fn late(out: Out) -> Result<()> {
    ensure!(
        !out.said().contains("--discard-dirty"),
        "it should not offer to lose data: {out}"
    );
    out.refused(Kind::Timeout, &["nothing is lost"]).map(drop)
}

/// Ceph hangs when dm-writecache is to begin to write back, and has answered for the lease.
pub fn writecache(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let device = front(&host.attach(&image, &["--driver", "dm-writecache", "--size", "32M"])?)?;
    make_dirty(host, &image, &device, 3)?;
    // Holds the table back until Ceph hangs.
    let slow = "#!/bin/sh\ncase $* in load*-cache*) : >/run/tools/reached; while [ ! -e /run/tools/go ]; do sleep 0.1; done;; esac\n\
                exec /usr/sbin/dmsetup \"$@\"\n";
    let slow = host.put("slow-dmsetup", slow.as_bytes())?;
    host.sh(&format!(
        "mkdir -p /run/tools; cp {slow} /run/tools/dmsetup; chmod +x /run/tools/dmsetup"
    ))?;
    let config = host.config(
        "[deadline]\nflush = \"5s\"\n[tools]\npath = [\"/run/tools\", \"/usr/sbin\", \"/usr/bin\"]",
    )?;
    let flush = host.wb(&["flush", &image.spec]).config(&config).spawn()?;
    eventually("the table to be loaded", 60, || {
        Ok(host.try_sh("test -e /run/tools/reached")?.code == 0)
    })?;
    world.lab(&["ceph", "pause", "all-osds"])?.ok()?;
    let tried = (|| -> Result<Running> {
        let guest = host.spawn(&format!(
            "dd if={device} of=/dev/null bs=64k iflag=direct status=none"
        ))?;
        let reads = format!(
            "read reads _ </sys/block/$(dmsetup info -c --noheadings -o blkdevname {device}-cache)/inflight && [ $reads -gt 0 ]"
        );
        eventually("a guest's read to hang", 30, || {
            Ok(host.try_sh(&reads)?.code == 0)
        })?;
        host.sh(": >/run/tools/go")?;
        late(flush.wait(Duration::from_secs(120))?)?;
        Ok(guest)
    })();
    world.lab(&["ceph", "resume", "all-osds"])?.ok()?;
    host.sh("rm -rf /run/tools")?;
    tried?.wait(Duration::from_secs(60))?.ok()?;
    // All of it comes home.
    host.wb(&["flush", &image.spec]).ok()?;
    world.check_ceph(&image)?;
    host.check(&device, &image)?;
    host.detach(&image)?;
    host.check_gone(&image)
}

/// The kernel takes up a device that hangs, and says nothing of any bcache meanwhile.
pub fn bcache(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let device = front(&host.attach(
        &image,
        &["--driver", "bcache", "--size", "32M", "--seed", "first:8M"],
    )?)?;
    let config = host.config(SHORT)?;
    let registering = hang(host)?;
    let tried = (|| -> Result<()> {
        let status = host
            .wb(&["status", &image.spec])
            .config(&config)
            .deadline(60)
            .ok()?;
        let disk = &status["disks"][0];
        same("well", &disk["well"], false)?;
        let state = disk["state"].as_str().unwrap_or_default();
        ensure!(state.contains("nothing of its bcaches"), "{state}");
        for verb in ["flush", "bypass", "detach"] {
            let line = [verb, &image.spec];
            late(host.wb(&line).config(&config).deadline(120).run()?)?;
        }
        // Who uses it notices nothing.
        host.check(&device, &image)
    })();
    host.sh("dmsetup resume hang-data")?;
    registering.wait(Duration::from_secs(60))?.ok()?;
    host.sh(
        "d=/sys/block/$(dmsetup info -c --noheadings -o blkdevname hang)/bcache; echo 1 >$d/stop; \
         while [ -e $d ]; do sleep 0.1; done; dmsetup remove --retry hang; dmsetup remove --retry hang-data; \
         lvremove -qq -y ssd/hang-super ssd/hang-data",
    )?;
    tried?;
    host.attach(
        &image,
        &["--driver", "bcache", "--size", "32M", "--seed", "first:8M"],
    )?;
    same("well", &host.status(&image)?["well"], true)?;
    host.check(&device, &image)?;
    host.detach(&image)?;
    host.check_gone(&image)
}

/// Has the kernel take up a bcache whose data hang, and waits until it keeps its lock for that.
fn hang(host: &Host) -> Result<Running> {
    host.sh(
        "modprobe bcache; for part in super:4 data:16; do lvcreate -qq -y -Wn -n hang-${part%:*} -L ${part#*:}M ssd; done; \
         dd if=/dev/zero of=/dev/ssd/hang-super bs=1M count=4 oflag=direct status=none; \
         make-bcache --block 512 --data-offset 8192 --bdev /dev/ssd/hang-super; \
         dmsetup create hang-data --table '0 32768 linear /dev/ssd/hang-data 0'; \
         printf '0 8192 linear /dev/ssd/hang-super 0\\n8192 32768 linear /dev/mapper/hang-data 0\\n' | dmsetup create hang; \
         dmsetup suspend hang-data",
    )?;
    let registering = host.spawn("echo /dev/mapper/hang >/sys/fs/bcache/register")?;
    eventually("bcache to be silent", 60, || {
        let asked = "rm -f /run/heard; cat /sys/block/bcache*/bcache/state >/run/heard 2>/dev/null & sleep 1; [ ! -s /run/heard ]";
        Ok(host.try_sh(asked)?.code == 0)
    })?;
    Ok(registering)
}
