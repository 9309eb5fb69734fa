//! Changes under live sessions, data, sizes, and who a LUN is after all of that.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::cmd;
use crate::gateways::{Gateways, ME};
use crate::initiator::{Load, check, session, write};
use crate::world::{Image, MIB, STANDARD};

/// tgtd stands while it opens an image; an initiator's own deadlines begin at 10 s.
const PAUSE: Duration = Duration::from_secs(3);

fn target(name: &str) -> String {
    format!("iqn.2014-02.my.domain:{name}.t")
}

/// A client of this machine that hv1 serves and hv2 stands by for.
pub fn client(name: &str, more: &str, images: &[&Image]) -> String {
    let luns: Vec<String> = images
        .iter()
        .map(|image| format!("\"{}\"", image.spec))
        .collect();
    format!(
        "[client.{name}]\ngateway = \"hv1\"\nstandby = [\"hv2\"]\naddresses = [\"{ME}\"]\n{more}\n\
         [[client.{name}.target]]\ntitle = \"t\"\nluns = [{}]\n",
        luns.join(", ")
    )
}

pub fn under_load(gateways: &Gateways) -> Result<()> {
    let blank = || gateways.world.blank(16 * MIB);
    let (one, two, other) = (blank()?, blank()?, blank()?);
    gateways.inventory(&client("load", "", &[&one]))?;
    gateways.apply()?;
    let load = Load::start(session(gateways.portal(0), &target("load"))?, 1);
    let secret = gateways.secret("load", "abcDEF123456")?;
    let chap = format!(
        "chap = {{ user = \"load-user\", secret_file = \"{secret}\" }}\ninitiators = [\"iqn.2024-01.lab.test:more\"]"
    );
    // another LUN, an account, a name more in the access list, and another client
    let all = [
        client("load", &chap, &[&one, &two]),
        client("next", "", &[&other]),
    ]
    .concat();
    gateways.inventory(&all)?;
    let report = gateways.tgt(0, &["apply"]).ok()?;
    ensure!(report.to_string().contains("make LUN 2 of"), "{report}");
    let again = gateways.tgt(0, &["apply"]).ok()?;
    let changed = again["targets"].as_array().into_iter().flatten();
    ensure!(changed.clone().count() == 2, "{again}");
    ensure!(
        changed.clone().all(|target| target["change"] == "kept"),
        "{again}"
    );
    // what would disturb it is held back
    gateways.inventory(&client("load", &chap, &[&two]))?;
    gateways
        .tgt(0, &["apply"])
        .says(warmblock::Kind::Busy, "remove LUN 1")?;
    let told = load.end()?;
    println!(
        "apply under a session: {} writes read back, the longest pause {:.0} ms",
        told.operations,
        told.longest.as_secs_f64() * 1e3
    );
    ensure!(told.operations > 100 && told.longest < PAUSE, "{told:?}");
    Ok(())
}

pub fn data(gateways: &Gateways) -> Result<()> {
    let image = gateways.world.clone_of(STANDARD)?;
    gateways.inventory(&client("data", "", &[&image]))?;
    gateways.apply()?;
    let mut session = session(gateways.portal(0), &target("data"))?;
    check(&mut session, 1, &image)?;
    for (seed, offset, len) in [
        (1, 0, MIB),
        (2, 21 * MIB + 512, 3 * MIB),
        (3, 95 * MIB, MIB),
    ] {
        write(&mut session, 1, &image, seed, offset, len)?;
    }
    check(&mut session, 1, &image)?;
    gateways.world.check_ceph(&image)
}

pub fn resize(gateways: &Gateways) -> Result<()> {
    let image = gateways.world.blank(16 * MIB)?;
    gateways.inventory(&client("size", "", &[&image]))?;
    gateways.apply()?;
    let mut seen = session(gateways.portal(0), &target("size"))?;
    ensure!(seen.capacity(1)?.size.0 == 16 * MIB);
    gateways
        .world
        .rbd(&["resize", "--no-progress", "--size", "48M", &image.spec])?;
    ensure!(
        seen.capacity(1)?.size.0 == 16 * MIB,
        "tgtd sees a new size by itself"
    );
    let out = gateways.tgt(0, &["resize", &image.spec]).run()?;
    ensure!(
        out.code != 0 && out.stdout.contains("1 initiators are connected"),
        "{out}"
    );
    let dry = gateways
        .tgt(0, &["resize", &image.spec, "--force", "--dry-run"])
        .ok()?;
    ensure!(
        dry["luns"][0]["after"] == 48 * MIB && seen.capacity(1)?.size.0 == 16 * MIB,
        "{dry}"
    );
    gateways.verify(0, &[], false)?;
    let client = gateways.world.watchers(&image)?;
    let report = gateways.tgt(0, &["resize", &image.spec, "--force"]).ok()?;
    ensure!(
        client == gateways.world.watchers(&image)?,
        "opened by another client than the registry notes"
    );
    ensure!(report["luns"][0]["change"] == "altered", "{report}");
    ensure!(
        seen.capacity(1)?.size.0 == 48 * MIB,
        "the session does not see the new size"
    );
    seen.write(1, 40 * MIB / 512, &[7; 4096], 512)?;
    gateways.verify(0, &[], true)?;
    // smaller: refused
    gateways.world.rbd(&[
        "resize",
        "--no-progress",
        "--allow-shrink",
        "--size",
        "8M",
        &image.spec,
    ])?;
    let out = gateways.tgt(0, &["resize", "--force"]).run()?;
    ensure!(out.code != 0 && out.stdout.contains("smaller"), "{out}");
    Ok(())
}

pub fn identity(gateways: &Gateways) -> Result<()> {
    let blank = || gateways.world.blank(16 * MIB);
    let (image, before) = (blank()?, blank()?);
    gateways.inventory(&client("middle", "", &[&image]))?;
    gateways.apply()?;
    let seen = |n: usize| self::identity_of(gateways, n);
    let first = seen(0)?;
    // a client whose name comes first, and a restart as the distribution does it: from tgt-admin's files
    let all = [
        client("early", "", &[&before]),
        client("middle", "", &[&image]),
    ]
    .concat();
    gateways.inventory(&all)?;
    gateways.apply()?;
    gateways.kill(0)?;
    gateways.restart(0)?;
    ensure!(seen(0)? == first, "another identity after a restart");
    gateways.tgt(0, &["apply"]).ok()?;
    ensure!(seen(0)? == first, "another identity after apply");
    gateways.verify(0, &["--all"], true)?;
    gateways
        .tgt(1, &["failover", "middle", "--to", "hv2"])
        .ok()?;
    ensure!(seen(1)? == first, "another identity on the other gateway");
    let file = gateways.file(1, "middle")?;
    let path = gateways.world.file("middle.conf");
    warmblock::sys::atomic::write(&path, file.as_bytes())?;
    let checked = [
        env!("CARGO_BIN_EXE_warmblock"),
        "tgt",
        "check",
        crate::world::path(&path)?,
    ];
    cmd::run(&checked, Duration::from_secs(30))?.ok().map(drop)
}

fn identity_of(gateways: &Gateways, n: usize) -> Result<Vec<Vec<u8>>> {
    identity_pages(gateways, n, &target("middle"))
}

fn identity_pages(gateways: &Gateways, n: usize, iqn: &str) -> Result<Vec<Vec<u8>>> {
    crate::initiator::identity(&mut session(gateways.portal(n), iqn)?, 1)
}
