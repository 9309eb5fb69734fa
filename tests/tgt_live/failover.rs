//! Another gateway serves: asked for, and with the old one frozen, killed and cut off.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::apply::client;
use crate::cmd::eventually;
use crate::gateways::{Gateways, complaints};
use crate::initiator::{check, session, write};
use crate::world::{Image, MIB, SMALL, noise};

pub fn iqn(name: &str) -> String {
    format!("iqn.2014-02.my.domain:{name}.t")
}

/// An image that the first gateway serves and the second stands by for.
fn served(gateways: &Gateways, name: &str) -> Result<Image> {
    let image = gateways.world.clone_of(SMALL)?;
    gateways.inventory(&client(name, "", &[&image]))?;
    gateways.apply()?;
    Ok(image)
}

fn moved(report: &Value, how: &str) -> Result<()> {
    println!(
        "failover, {how}: {:.1} s, {} fenced",
        report["seconds"].as_f64().unwrap_or_default(),
        report["fenced"].as_array().map_or(0, Vec::len)
    );
    ensure!(report["to"] == "hv2" && report["from"] == "hv1", "{report}");
    Ok(())
}

fn fenced(report: &Value) -> usize {
    report["fenced"].as_array().map_or(0, Vec::len)
}

pub fn asked_for(gateways: &Gateways) -> Result<()> {
    let image = served(gateways, "asked")?;
    let mut old = session(gateways.portal(0), &iqn("asked"))?;
    write(&mut old, 1, &image, 1, 0, MIB)?;
    let dry = gateways
        .tgt(1, &["failover", "asked", "--to", "hv2", "--dry-run"])
        .ok()?;
    ensure!(dry.to_string().contains("would be barred"), "{dry}");
    old.ready(1)?;
    // asked on the old one, which passes it on
    let report = gateways
        .tgt(0, &["failover", "asked", "--to", "hv2"])
        .ok()?;
    moved(&report, "asked for")?;
    ensure!(
        fenced(&report) == 0,
        "one that lets go needs no fence: {report}"
    );
    ensure!(
        old.read(1, 0, 8, 512).is_err(),
        "the old gateway still serves"
    );
    let mut new = session(gateways.portal(1), &iqn("asked"))?;
    check(&mut new, 1, &image)?;
    write(&mut new, 1, &image, 2, MIB, MIB)?;
    // a file that still names the old one changes nothing, on either gateway
    gateways.apply()?;
    new.ready(1)?;
    ensure!(
        session(gateways.portal(0), &iqn("asked")).is_err(),
        "two gateways serve"
    );
    gateways.verify(0, &["--all"], true)?;
    // killed after each step in turn, and run again
    drop(new);
    for step in 1..40 {
        let out = gateways
            .tgt(0, &["failover", "asked", "--to", "hv1"])
            .crash_after(step)
            .run()?;
        if out.code == 0 {
            println!("failover: killed after {} steps", step - 1);
            break;
        }
        ensure!(step < 39, "it does not end: {out}");
        if step % 5 == 0 {
            gateways
                .tgt(0, &["failover", "asked", "--to", "hv1"])
                .ok()?;
            gateways
                .tgt(1, &["failover", "asked", "--to", "hv2"])
                .ok()?;
        }
    }
    gateways.verify(0, &["--all"], true)?;
    check(&mut session(gateways.portal(0), &iqn("asked"))?, 1, &image)?;
    gateways.world.check_ceph(&image)
}

pub fn frozen(gateways: &Gateways) -> Result<()> {
    let image = served(gateways, "frozen")?;
    let mut old = session(gateways.portal(0), &iqn("frozen"))?;
    write(&mut old, 1, &image, 1, 0, MIB)?;
    ensure!(gateways.signal(0, "STOP")?);
    // on its way when the gateway froze; it must never reach the image
    let late = std::thread::spawn(move || old.write(1, 0, &noise(99, 4096), 512));
    let report = gateways
        .tgt(1, &["failover", "frozen", "--to", "hv2", "--patience", "3"])
        .ok()?;
    moved(&report, "old gateway frozen")?;
    ensure!(fenced(&report) > 0, "{report}");
    let mut new = session(gateways.portal(1), &iqn("frozen"))?;
    check(&mut new, 1, &image)?;
    write(&mut new, 1, &image, 2, 0, MIB)?;
    ensure!(gateways.signal(0, "CONT")?);
    ensure!(
        late.join().unwrap().is_err(),
        "a write of the frozen gateway came through"
    );
    check(&mut new, 1, &image)?;
    // the old one is brought to its senses by the next apply or release
    eventually("the old gateway to be free", 60, || {
        Ok(gateways.tgt(0, &["release", "frozen"]).run()?.code == 0)
    })?;
    gateways.verify(1, &["--all"], true)?;
    gateways.world.check_ceph(&image)?;
    // and back, with clients that are not barred
    gateways
        .tgt(0, &["failover", "frozen", "--to", "hv1"])
        .ok()?;
    check(&mut session(gateways.portal(0), &iqn("frozen"))?, 1, &image)?;
    gateways.verify(0, &["--all"], true).map(drop)
}

/// The old gateway has been frozen for longer than Ceph remembers it, and never wrote: there is neither a watch nor a lock.
pub fn forgotten(gateways: &Gateways) -> Result<()> {
    let image = served(gateways, "forgotten")?;
    let mut old = session(gateways.portal(0), &iqn("forgotten"))?;
    check(&mut old, 1, &image)?;
    ensure!(gateways.signal(0, "STOP")?);
    let late = std::thread::spawn(move || old.write(1, 0, &noise(97, 4096), 512));
    eventually("Ceph to forget the frozen gateway", 90, || {
        Ok(gateways.world.watchers(&image)?.is_empty())
    })?;
    let report = gateways
        .tgt(
            1,
            &["failover", "forgotten", "--to", "hv2", "--patience", "3"],
        )
        .ok()?;
    moved(&report, "old gateway forgotten")?;
    ensure!(fenced(&report) == 1, "one client was noted: {report}");
    let mut new = session(gateways.portal(1), &iqn("forgotten"))?;
    check(&mut new, 1, &image)?;
    ensure!(gateways.signal(0, "CONT")?);
    ensure!(
        late.join().unwrap().is_err(),
        "a write of the frozen gateway came through"
    );
    check(&mut new, 1, &image)?;
    write(&mut new, 1, &image, 2, 0, MIB)?;
    gateways.world.check_ceph(&image)?;
    eventually("the old gateway to be free", 60, || {
        Ok(gateways.tgt(0, &["release", "forgotten"]).run()?.code == 0)
    })?;
    gateways.verify(1, &["--all"], true).map(drop)
}

/// The old gateway's tgtd was started anew, and the host froze before it noted what that opened: it cannot be barred.
pub fn unnoted(gateways: &Gateways) -> Result<()> {
    let image = served(gateways, "unnoted")?;
    gateways.kill(0)?;
    gateways.tgt(0, &["render", "--starting"]).ok()?;
    gateways.restart(0)?;
    ensure!(gateways.signal(0, "STOP")?);
    let failover = ["failover", "unnoted", "--to", "hv2", "--patience", "3"];
    gateways.tgt(1, &failover).says(
        warmblock::Kind::Busy,
        "did not note by which client of Ceph",
    )?;
    ensure!(
        session(gateways.portal(1), &iqn("unnoted")).is_err(),
        "another gateway serves although the first may write"
    );
    // neither an apply nor a start of the daemon finishes what the fence refused
    let noted = "hv1 noted that it has";
    gateways
        .tgt(1, &["apply"])
        .says(warmblock::Kind::Failed, noted)?;
    gateways.tgt(1, &["render", "--starting"]).ok()?;
    ensure!(
        !gateways.file(1, "unnoted")?.contains("backing-store"),
        "a start would open what the first gateway may have open"
    );
    ensure!(gateways.signal(0, "CONT")?);
    // what it opened is noted by the next look; then all goes on
    gateways.status(0)?;
    let report = gateways.tgt(1, &failover).ok()?;
    ensure!(fenced(&report) == 0, "it let go by itself: {report}");
    let mut new = session(gateways.portal(1), &iqn("unnoted"))?;
    check(&mut new, 1, &image)?;
    gateways.verify(1, &["--all"], true).map(drop)
}

pub fn killed(gateways: &Gateways) -> Result<()> {
    let image = served(gateways, "killed")?;
    let mut old = session(gateways.portal(0), &iqn("killed"))?;
    write(&mut old, 1, &image, 1, 0, MIB)?;
    gateways.kill(0)?;
    let report = gateways
        .tgt(1, &["failover", "killed", "--to", "hv2"])
        .ok()?;
    moved(&report, "old daemon killed")?;
    let mut new = session(gateways.portal(1), &iqn("killed"))?;
    check(&mut new, 1, &image)?;
    write(&mut new, 1, &image, 2, MIB, MIB)?;
    // it comes back, from the files that it had: they are brought up to date before the daemon
    gateways.tgt(0, &["render"]).ok()?;
    gateways.restart(0)?;
    ensure!(
        session(gateways.portal(0), &iqn("killed")).is_err(),
        "the old one serves again"
    );
    gateways.tgt(0, &["apply"]).ok()?;
    gateways.verify(1, &["--all"], true)?;
    gateways.world.check_ceph(&image)
}

pub fn cut_off(gateways: &Gateways) -> Result<()> {
    let gateways = gateways.far()?;
    let image = served(gateways, "cut")?;
    let mut old = session(gateways.portal(0), &iqn("cut"))?;
    write(&mut old, 1, &image, 1, 0, MIB)?;
    gateways.world.lab(&["host", "net", "hv1", "--cut"])?.ok()?;
    let late = std::thread::spawn(move || old.write(1, 0, &noise(98, 4096), 512));
    let report = gateways
        .tgt(1, &["failover", "cut", "--to", "hv2", "--patience", "4"])
        .ok()?;
    moved(&report, "old gateway cut off")?;
    ensure!(fenced(&report) > 0, "{report}");
    let mut new = session(gateways.portal(1), &iqn("cut"))?;
    check(&mut new, 1, &image)?;
    write(&mut new, 1, &image, 2, 0, MIB)?;
    let told = complaints(&gateways.tgt(1, &["status", "--all"]).ok()?);
    ensure!(told.contains("cannot reach root@hv1"), "{told}");
    gateways
        .world
        .lab(&["host", "net", "hv1", "--mend"])?
        .ok()?;
    ensure!(
        late.join().unwrap().is_err(),
        "a write of the barred gateway came through"
    );
    eventually("the old gateway to let go", 60, || {
        Ok(gateways.tgt(0, &["release", "cut"]).run()?.code == 0)
    })?;
    check(&mut new, 1, &image)?;
    gateways.world.check_ceph(&image)?;
    gateways.verify(1, &["--all"], true).map(drop)
}
