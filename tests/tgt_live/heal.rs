//! LUNs that answer ready and fail all I/O, and images with two writers.

use anyhow::{Result, ensure};

use crate::apply::client;
use crate::gateways::{Gateways, complaints};
use crate::initiator::{check, session, write};
use crate::world::{MIB, SMALL};

const SICK: &str = "iqn.2014-02.my.domain:sick.t";
const TWICE: &str = "iqn.2014-02.my.domain:twice.t";

pub fn thrown_out(gateways: &Gateways) -> Result<()> {
    let image = gateways.world.clone_of(SMALL)?;
    gateways.inventory(&client("sick", "", &[&image]))?;
    gateways.apply()?;
    let mut seen = session(gateways.portal(0), SICK)?;
    write(&mut seen, 1, &image, 1, 0, MIB)?;
    gateways.bar(&image)?;
    seen.ready(1)?;
    let error = seen.read(1, 0, 8, 512).unwrap_err();
    ensure!(error.is_medium_error(), "{error}");
    let told = complaints(&gateways.status(1)?);
    ensure!(told.contains("thrown out"), "{told}");
    let sick = gateways.verify(0, &["--heal", "--dry-run"], false)?;
    ensure!(sick["healed"][0]["lun"] == 1, "{sick}");
    seen.read(1, 0, 8, 512).unwrap_err();
    let healed = gateways.verify(0, &["--heal", "--all"], true)?;
    ensure!(healed["healed"][0]["error"].is_null(), "{healed}");
    // the session that was there all the time
    check(&mut seen, 1, &image)?;
    write(&mut seen, 1, &image, 2, 2 * MIB, MIB)?;
    gateways.world.check_ceph(&image)?;
    gateways.verify(0, &[], true).map(drop)
}

pub fn two_writers(gateways: &Gateways) -> Result<()> {
    let image = gateways.world.blank(16 * MIB)?;
    gateways.inventory(&client("twice", "", &[&image]))?;
    gateways.apply()?;
    let mut first = session(gateways.portal(0), TWICE)?;
    first.ready(1)?;
    // by hand, as nobody should: the standby opens it too
    let tid = gateways.tid(1, TWICE)?;
    gateways.tgtadm(
        1,
        &format!(
            "--mode logicalunit --op new --tid {tid} --lun 1 --bstype rbd --bsopts id=admin -b {}",
            image.spec
        ),
    )?;
    gateways.tgtadm(
        1,
        &format!("--mode target --op update --tid {tid} -n state -v ready"),
    )?;
    let mut second = session(gateways.portal(1), TWICE)?;
    second.ready(1)?;
    let told = complaints(&gateways.status(0)?);
    for words in [
        format!("ALARM: {} has live sessions on hv1 and hv2", image.spec),
        format!("{TWICE} takes logins on hv1 and hv2"),
        "another identity on".to_owned(),
    ] {
        ensure!(told.contains(&words), "{words}: {told}");
    }
    // the standby is brought back by its own means
    gateways.tgt(1, &["release", "twice"]).ok()?;
    ensure!(second.ready(1).is_err(), "the standby still serves");
    first.ready(1)?;
    gateways.verify(0, &["--all"], true).map(drop)
}
