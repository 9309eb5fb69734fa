//! Ceph hangs: every command comes back in time, nothing is lost, and goes on when Ceph does.

use anyhow::{Result, ensure};
use warmblock::Kind;

use super::same;
use crate::case::Case;
use crate::cmd::Out;
use crate::host::front;
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
    super::write_back::make_dirty(other, &back, &dirty, 3)?;
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
