//! A LUN whose backing store is an attached disk's front: read from the gateway's SSD, and moved without losing a byte.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::gateways::{Gateways, ME};
use crate::initiator::{check, check_range, session, write};
use crate::world::{Image, MIB, SMALL};

const IQN: &str = "iqn.2014-02.my.domain:fast.t";
const PLAIN: &str = "iqn.2014-02.my.domain:plain.t";

fn inventory(gateways: &Gateways, cached: &Image, plain: &Image) -> Result<()> {
    let client = |name: &str, lun: String| {
        format!(
            "[client.{name}]\ngateway = \"hv1\"\nstandby = [\"hv2\"]\naddresses = [\"{ME}\"]\n\
             [[client.{name}.target]]\ntitle = \"t\"\n{lun}\n"
        )
    };
    gateways.inventory(
        &[
            client(
                "fast",
                format!("lun = [{{ image = \"{}\", cached = true }}]", cached.spec),
            ),
            client("plain", format!("luns = [\"{}\"]", plain.spec)),
        ]
        .concat(),
    )
}

/// What is read of the image: data with data behind them, since the kernel reads ahead of what tgtd asks for.
const DATA: [(u64, u64); 3] = [(0, 2 * MIB), (12 * MIB, MIB), (20 * MIB, 4 * MIB)];

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
    inventory(gateways, &cached, &plain)?;
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
    let front = hv1.status(&cached)?["front"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
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
