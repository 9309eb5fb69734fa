//! A LUN whose backing store is an attached disk's front: read from the gateway's SSD, and moved without losing a byte.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::cmd::eventually;
use crate::gateways::{Gateways, ME, complaints};
use crate::initiator::{check, check_range, session, write};
use crate::world::{Image, MIB, SMALL, noise};

const IQN: &str = "iqn.2014-02.my.domain:fast.t";
const PLAIN: &str = "iqn.2014-02.my.domain:plain.t";

/// A client whose LUN is a disk of the gateway.
fn fast(image: &Image) -> String {
    client(
        "fast",
        &format!("lun = [{{ image = \"{}\", cached = true }}]", image.spec),
    )
}

fn client(name: &str, lun: &str) -> String {
    format!(
        "[client.{name}]\ngateway = \"hv1\"\nstandby = [\"hv2\"]\naddresses = [\"{ME}\"]\n\
         [[client.{name}.target]]\ntitle = \"t\"\n{lun}\n"
    )
}

/// What is read of the image: data with data behind them, since the kernel reads ahead of what tgtd asks for ([`AHEAD`]).
const DATA: [(u64, u64); 3] = [(0, 2 * MIB), (12 * MIB, MIB), (20 * MIB, 4 * MIB)];

/// How many sectors the kernel is to read ahead, 128 KiB: newer ones read further by themselves.
const AHEAD: u32 = 256;

/// Reads the image's data, of which every byte must be right; MB/s.
fn pass(gateways: &Gateways, iqn: &str, image: &Image) -> Result<f64> {
    let mut session = session(gateways.portal(0), iqn)?;
    let began = Instant::now();
    for (offset, len) in DATA {
        check_range(&mut session, 1, image, offset, len)?;
    }
    let bytes: u64 = DATA.iter().map(|(_, len)| len).sum();
    Ok(bytes as f64 / 1e6 / began.elapsed().as_secs_f64())
}

pub fn export(gateways: &Gateways) -> Result<()> {
    let gateways = gateways.far()?;
    let [hv1, hv2] = gateways.hosts.as_ref().context("it runs on hosts")?;
    let (cached, plain) = (
        gateways.world.clone_of(SMALL)?,
        gateways.world.clone_of(SMALL)?,
    );
    let plain_lun = format!("luns = [\"{}\"]", plain.spec);
    gateways.inventory(&[fast(&cached), client("plain", &plain_lun)].concat())?;
    // a disk that is not attached cannot be served
    let out = gateways.tgt(0, &["apply"]).run()?;
    ensure!(
        out.code != 0 && out.stdout.contains("is not attached here"),
        "{out}"
    );
    hv1.attach(
        &cached,
        &[
            "--size",
            "64M",
            "--seed",
            "allocated",
            "--mode",
            "writeback",
        ],
    )?;
    let front = hv1.status(&cached)?["front"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    hv1.sh(&format!("blockdev --setra {AHEAD} {front}"))?;
    gateways.apply()?;
    gateways.verify(0, &["--all"], true)?;

    // from the SSD: the RBD is not read at all, and a slow way to Ceph does not matter
    gateways
        .world
        .lab(&["host", "net", "hv1", "--rate", "100mbit", "--delay", "2ms"])?
        .ok()?;
    let rbd = hv1.rbd_device(&cached)?;
    let before = hv1.sectors(&rbd)?.0;
    let fast = pass(gateways, IQN, &cached)?;
    let read = hv1.sectors(&rbd)?.0 - before;
    ensure!(
        read == 0,
        "{read} sectors were read from Ceph: {}",
        hv1.status(&cached)?["stats"]
    );
    let slow = pass(gateways, PLAIN, &plain)?;
    println!(
        "cached export over 100 Mbit/s and 2 ms to Ceph: {:.0} MB/s, without the cache {:.0} MB/s",
        fast, slow
    );
    gateways
        .world
        .lab(&["host", "net", "hv1", "--none"])?
        .ok()?;

    // what only the SSD has is brought home before the other gateway serves
    // smq writes back as soon as it is idle, unless it may move nothing
    hv1.sh(&format!(
        "dmsetup message {front}-cache 0 migration_threshold 0"
    ))?;
    let mut old = session(gateways.portal(0), IQN)?;
    write(&mut old, 1, &cached, 1, 0, 2 * MIB)?;
    let status = hv1.status(&cached)?;
    ensure!(
        status["stats"]["dirty"].as_u64().unwrap_or(0) > 0,
        "nothing is dirty: {status}"
    );
    let report = gateways.tgt(1, &["failover", "fast", "--to", "hv2"]).ok()?;
    println!(
        "failover of a cached export with dirty data: {:.1} s",
        report["seconds"].as_f64().unwrap_or_default()
    );
    ensure!(
        report["attached"].as_array().map_or(0, Vec::len) == 1,
        "{report}"
    );
    hv1.check_empty()?;
    gateways.world.check_ceph(&cached)?;
    let mut new = session(gateways.portal(1), IQN)?;
    check(&mut new, 1, &cached)?;
    ensure!(
        old.read(1, 0, 8, 512).is_err(),
        "the old gateway still serves"
    );
    drop(new);
    gateways.verify(1, &["--all"], true)?;
    // and away
    gateways.inventory("")?;
    gateways.tgt(1, &["apply", "--force"]).ok()?;
    hv2.detach(&cached)?;
    hv2.check_gone(&cached)
}

/// The gateway was cut off for longer than Ceph remembers it, and wrote nothing: there is neither a watch nor a lock of its kernel.
pub fn forgotten(gateways: &Gateways) -> Result<()> {
    let gateways = gateways.far()?;
    let [hv1, hv2] = gateways.hosts.as_ref().context("it runs on hosts")?;
    let image = gateways.world.clone_of(SMALL)?;
    gateways.inventory(&fast(&image))?;
    hv1.attach(&image, &[])?;
    gateways.apply()?;
    let mut old = session(gateways.portal(0), IQN)?;
    check_range(&mut old, 1, &image, 0, MIB)?;
    // on its way to the gateway; it must never reach the image
    gateways.world.lab(&["host", "net", "hv1", "--cut"])?.ok()?;
    let late = std::thread::spawn(move || old.write(1, 0, &noise(96, 4096), 512));
    eventually("Ceph to forget the kernel's client", 90, || {
        Ok(gateways.world.watchers(&image)?.is_empty())
    })?;
    unlock(gateways, &image)?;
    let report = gateways
        .tgt(1, &["failover", "fast", "--to", "hv2", "--patience", "4"])
        .ok()?;
    let fenced = report["fenced"].as_array().map_or(0, Vec::len);
    println!(
        "failover of a cached export, old gateway forgotten: {:.1} s, {fenced} fenced",
        report["seconds"].as_f64().unwrap_or_default()
    );
    ensure!(fenced == 1, "one client was noted: {report}");
    let mut new = session(gateways.portal(1), IQN)?;
    check(&mut new, 1, &image)?;
    gateways
        .world
        .lab(&["host", "net", "hv1", "--mend"])?
        .ok()?;
    ensure!(
        late.join().unwrap().is_err(),
        "a write of the gateway that was cut off came through"
    );
    check(&mut new, 1, &image)?;
    write(&mut new, 1, &image, 2, 0, MIB)?;
    gateways.world.check_ceph(&image)?;
    // the old gateway lets go, and may serve again
    eventually("the old gateway to be free", 60, || {
        Ok(gateways.tgt(0, &["release", "fast"]).run()?.code == 0)
    })?;
    hv1.check_empty()?;
    gateways.verify(1, &["--all"], true)?;
    gateways.tgt(0, &["failover", "fast", "--to", "hv1"]).ok()?;
    hv2.check_empty()?;
    check(&mut session(gateways.portal(0), IQN)?, 1, &image)?;
    thrown_out(gateways, &image)?;
    gateways.inventory("")?;
    gateways.tgt(1, &["apply", "--force"]).ok()?;
    hv2.detach(&image)?;
    hv2.check_gone(&image)
}

/// Takes the image's lock away without barring its holder, as if nothing had been read or written that needs it.
fn unlock(gateways: &Gateways, image: &Image) -> Result<()> {
    let world = &gateways.world;
    let locks = world.rbd(&["lock", "ls", "--format", "json", &image.spec])?;
    for lock in locks.json()?.as_array().into_iter().flatten() {
        let word = |key: &str| lock[key].as_str().unwrap_or_default();
        let spare = "--rbd-blocklist-on-break-lock=false";
        world.rbd(&["lock", "rm", &image.spec, word("id"), word("locker"), spare])?;
    }
    Ok(())
}

/// The kernel's client of the gateway that serves is barred by somebody else: told, not healed by a new LUN, and the failover
/// that is advised brings the client elsewhere.
fn thrown_out(gateways: &Gateways, image: &Image) -> Result<()> {
    gateways.bar(image)?;
    let told = complaints(&gateways.status(1)?);
    ensure!(told.contains("thrown out the kernel's client"), "{told}");
    let sick = gateways.verify(0, &["--heal"], false)?;
    ensure!(sick["healed"] == serde_json::json!([]), "{sick}");
    gateways.tgt(1, &["failover", "fast", "--to", "hv2"]).ok()?;
    check(&mut session(gateways.portal(1), IQN)?, 1, image)?;
    gateways.verify(1, &["--all"], true).map(drop)
}
