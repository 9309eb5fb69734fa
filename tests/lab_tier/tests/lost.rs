//! A host that is cut off for so long that Ceph forgets it, and what it finds when it is back.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::same;
use crate::case::Case;
use crate::cmd::eventually;
use crate::host::{Host, front};
use crate::world::{Image, KIB, MIB, SMALL, World};

const PLAIN: &[&str] = &["--size", "16M", "--seed", "none"];
const BACK: &[&str] = &["--size", "16M", "--seed", "none", "--mode", "writeback"];

/// The client of Ceph's that a lease notes.
fn client(world: &World, image: &Image) -> Result<String> {
    let client = world.lease(image)?["holder"]["client"].clone();
    let client = client.as_str().map(str::to_owned);
    client.ok_or_else(|| anyhow::anyhow!("the lease of {} notes no client", image.spec))
}

/// A lease as an older release leaves it.
fn forget_client(world: &World, image: &Image) -> Result<()> {
    let mut lease = world.lease(image)?;
    if let Some(holder) = lease["holder"].as_object_mut() {
        holder.remove("client");
    }
    let lease = lease.to_string();
    let set = ["image-meta", "set", &image.spec, "warmblock.lease", &lease];
    world.rbd(&set).map(drop)
}

fn warnings(report: &Value) -> String {
    report["warnings"].to_string()
}

pub fn cut_off(case: &Case) -> Result<()> {
    let (world, a, b) = (&*case.world, case.host(), case.other());
    let [taken, gone, back, older] = [SMALL; 4].map(|golden| world.clone_of(golden));
    let (taken, gone, back, older) = (taken?, gone?, back?, older?);
    let on_a = front(&a.attach(&taken, PLAIN)?)?;
    for (image, options) in [(&gone, PLAIN), (&back, BACK), (&older, PLAIN)] {
        a.attach(image, options)?;
    }
    let barred = client(world, &taken)?;
    forget_client(world, &older)?;
    // Nobody has written, so nobody has a lock; and the watches end.
    world.lab(&["host", "net", a.name, "--cut"])?.ok()?;
    for image in [&taken, &gone, &back, &older] {
        eventually("Ceph to forget the host", 120, || {
            Ok(world.watchers(image)?.is_empty())
        })?;
    }
    let report = b.attach(&older, &["--break-lease"])?;
    ensure!(
        warnings(&report).contains("nobody was barred") && warnings(&report).contains(a.name),
        "{report}"
    );
    let report = b.attach(&taken, &["--break-lease"])?;
    ensure!(!warnings(&report).contains("nobody was barred"), "{report}");
    let on_b = front(&report)?;
    let list = world
        .lab(&["exec", "ceph", "osd", "blocklist", "ls"])?
        .ok()?;
    ensure!(list.stdout.contains(&barred), "{barred} is not in {list}");
    b.write(&on_b, &taken, 1, MIB, 256 * KIB)?;
    b.attach(&back, &["--break-lease", "--discard-dirty"])?;
    b.detach(&back)?;
    // It was alive all the time, and what it writes now reaches nobody.
    world.lab(&["host", "net", a.name, "--mend"])?.ok()?;
    let late = a.try_write(&on_a, 2, MIB, 64 * KIB)?;
    ensure!(late.code != 0, "a host that is barred has written: {late}");
    b.check(&on_b, &taken)?;
    a.cut_power()?;
    world.rbd(&["rm", "--no-progress", &gone.spec])?;
    a.boot()?;
    cleaned_up(a, [&taken, &gone, &back, &older])?;
    b.check(&on_b, &taken)?;
    for image in [&taken, &older] {
        b.detach(image)?;
    }
    for image in [&taken, &older] {
        b.check_gone(image)?;
    }
    a.check_gone(&back)
}

/// `recover` takes down what was lost, and keeps what may be the last copy of something.
fn cleaned_up(host: &Host, [taken, gone, back, older]: [&Image; 4]) -> Result<()> {
    let recovered = host.wb(&["recover", "--wait", "2m"]).run()?;
    same("exit code", recovered.code, 13)?;
    let report = recovered.json()?;
    let finding = |image: &Image| {
        let all = report["findings"].as_array().into_iter().flatten();
        let mut of = all.filter(|finding| finding["image"] == image.spec.as_str());
        of.next().cloned().unwrap_or_default()
    };
    for (image, why) in [
        (taken, "host hv2 has it"),
        (older, "host hv2 has it"),
        (gone, "its image is gone"),
    ] {
        let finding = finding(image);
        let found = finding["found"].as_str().unwrap_or_default();
        ensure!(
            found.contains(why) && finding["action"].is_string(),
            "{report}"
        );
    }
    let kept = finding(back);
    ensure!(
        kept["error"].to_string().contains("is kept")
            && kept["remedy"].to_string().contains("--discard-dirty"),
        "{report}"
    );
    let left = host.leftovers()?;
    let others = left.iter().filter(|left| left.starts_with("file"));
    same("records", others.count(), 1)?;
    host.wb(&["detach", &back.spec, "--discard-dirty"]).ok()?;
    host.check_empty()?;
    let nothing = host.wb(&["recover"]).ok()?;
    same(
        "findings",
        nothing["findings"].as_array().map(Vec::len),
        Some(0),
    )
}
