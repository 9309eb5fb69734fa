//! Standbys that send initiators to whoever serves.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use warmblock::iscsi::IscsiError;

use crate::apply::client;
use crate::cmd;
use crate::failover::iqn;
use crate::gateways::Gateways;
use crate::initiator::{INIT, check, session, try_login, write};
use crate::world::{Image, MIB, SMALL};

/// A login at `from` is sent to `to`.
fn sent(from: SocketAddr, client: &str, to: SocketAddr) -> Result<()> {
    match try_login(from, &iqn(client), INIT, None, None) {
        Err(IscsiError::Redirected(place)) => {
            let wanted = to.to_string();
            ensure!(place.starts_with(&wanted), "to {place}, not {wanted}");
            Ok(())
        }
        Err(error) => Err(error.into()),
        Ok(_) => bail!("the standby lets in"),
    }
}

/// libiscsi's own tool follows, and finds the LUN.
fn follows(from: SocketAddr, client: &str, image: &Image) -> Result<()> {
    let url = format!("iscsi://{from}/{}/1", iqn(client));
    let tool = ["iscsi-readcapacity16", "-i", INIT, &url];
    let found = cmd::run(&tool, Duration::from_secs(30))?.ok()?;
    ensure!(found.stdout.contains(&image.size.to_string()), "{found}");
    Ok(())
}

/// A standby that sends initiators to whoever serves.
pub fn to_who_serves(gateways: &Gateways) -> Result<()> {
    let gateways = gateways.far()?;
    let image = gateways.world.clone_of(SMALL)?;
    let redirect = "standby_login = \"redirect\"";
    gateways.inventory(&client("sent", redirect, &[&image]))?;
    gateways.apply()?;
    let sent = |from: usize, to: usize| sent(gateways.portal(from), "sent", gateways.portal(to));
    sent(1, 0)?;
    follows(gateways.portal(1), "sent", &image)?;
    for n in 0..2 {
        let again = gateways.tgt(n, &["apply"]).ok()?;
        ensure!(again["targets"][0]["change"] == "kept", "{again}");
    }
    gateways.verify(1, &["--all"], true)?;
    let mut old = session(gateways.portal(0), &iqn("sent"))?;
    write(&mut old, 1, &image, 1, 0, MIB)?;
    gateways.tgt(1, &["failover", "sent", "--to", "hv2"]).ok()?;
    sent(0, 1)?;
    let mut new = session(gateways.portal(1), &iqn("sent"))?;
    check(&mut new, 1, &image)?;
    write(&mut new, 1, &image, 2, 0, MIB)?;
    gateways.verify(0, &["--all"], true)?;
    gateways.verify(1, &["--all"], true)?;
    // sent away no more, once that is no longer wanted
    gateways.inventory(&client("sent", "", &[&image]))?;
    gateways.apply()?;
    ensure!(
        matches!(
            try_login(gateways.portal(0), &iqn("sent"), INIT, None, None),
            Err(IscsiError::Refused { class: 3, .. })
        ),
        "the standby still sends initiators away"
    );
    gateways.world.check_ceph(&image)
}

/// The same where the gateway that serves listens on IPv6.
pub fn over_ipv6(gateways: &Gateways) -> Result<()> {
    let image = gateways.world.blank(16 * MIB)?;
    let six: SocketAddr = "[::1]:3290".parse()?;
    let portal = |op: &str| {
        let change = format!("--mode portal --op {op} --param portal={six}");
        gateways.tgtadm(0, &change)
    };
    let _left_by_a_turn_that_failed = portal("delete");
    portal("new")?;
    let portals = [six.to_string(), gateways.portal(1).to_string()];
    let more = format!("initiators = [\"{INIT}\"]\nstandby_login = \"redirect\"");
    gateways.inventory_with_portals(&portals, &client("six", &more, &[&image]))?;
    gateways.apply()?;
    sent(gateways.portal(1), "six", six)?;
    check(&mut session(six, &iqn("six"))?, 1, &image)?;
    follows(six, "six", &image).context("directly")?;
    follows(gateways.portal(1), "six", &image)?;
    for n in 0..2 {
        let again = gateways.tgt(n, &["apply"]).ok()?;
        ensure!(again["targets"][0]["change"] == "kept", "{again}");
        gateways.verify(n, &["--all"], true)?;
    }
    portal("delete").map(drop)
}
