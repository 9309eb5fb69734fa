//! Somebody opens an image between an attach's two looks at who has it: the second, with the lease there, sees him.

use std::time::Duration;

use anyhow::{Result, ensure};
use warmblock::Kind;
use warmblock::fault::LEASE_WRITTEN;

use super::faults::Stranger;
use super::same;
use crate::case::Case;
use crate::cmd::{Out, Running, eventually};
use crate::host::{Host, front};
use crate::world::{Image, SMALL, World};

/// Has the program stop when it has changed a lease.
pub const STOP: (&str, &str) = ("WARMBLOCK_STOP_AFTER", LEASE_WRITTEN);

/// What is being run on a host stops, by [`STOP`]; then a stranger opens the image, it goes on and ends. `has` looks at what it did
/// before it stopped.
pub fn meets_a_stranger(
    host: &Host,
    image: &Image,
    running: Running,
    has: impl FnOnce() -> Result<()>,
) -> Result<Out> {
    let mut pid = String::new();
    eventually("it stops", 120, || {
        ensure!(running.is_running()?, "it did not stop");
        let found = host.sh("pgrep -x -r T warmblock || true")?;
        found.stdout.trim().clone_into(&mut pid);
        Ok(!pid.is_empty())
    })?;
    has()?;
    let stranger = Stranger::opens(&host.world, image)?;
    host.sh(&format!("kill -CONT {pid}"))?;
    let out = running.wait(Duration::from_secs(120));
    stranger.leaves()?;
    out
}

fn holds(world: &World, image: &Image, host: Option<&Host>) -> Result<()> {
    let lease = world.lease(image)?;
    same(
        "who has the lease",
        lease["holder"]["host"].as_str(),
        host.map(|host| host.name),
    )
}

/// A new disk is as if it had never been asked for. One that was there before the host went down is still its own: nobody else
/// has had it.
pub fn alone(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(SMALL)?;
    let call = host.wb(&["attach", &image.spec, "--size", "16M"]);
    let running = call.env(STOP.0, STOP.1).spawn()?;
    let out = meets_a_stranger(host, &image, running, || holds(world, &image, Some(host)))?;
    out.refused(Kind::Busy, &["10.213.0.1"])?;
    holds(world, &image, None)?;
    host.check_gone(&image)?;

    host.attach(&image, &["--size", "16M"])?;
    host.cut_power()?;
    host.boot()?;
    let before = world.lease(&image)?["generation"].as_u64();
    let recover = host.wb(&["recover"]).env(STOP.0, STOP.1);
    let out = meets_a_stranger(host, &image, recover.spawn()?, || {
        let now = world.lease(&image)?["generation"].as_u64();
        ensure!(now > before, "{before:?}, {now:?}");
        holds(world, &image, Some(host))
    })?;
    ensure!(out.code != 0 && out.stdout.contains("10.213.0.1"), "{out}");
    holds(world, &image, None)?;
    host.wb(&["recover"]).ok()?;
    holds(world, &image, Some(host))?;
    let device = front(&host.attach(&image, &[])?)?;
    host.check(&device, &image)?;
    host.detach(&image)?;
    host.check_gone(&image)
}
