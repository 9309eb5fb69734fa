//! What `doctor` says of a gateway whose tgtd runs, listens elsewhere, and is dead.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::gateways::Gateways;

/// A row of the examination: its state and what was found.
fn row(findings: &Value, name: &str) -> (String, String) {
    let rows = findings["findings"].as_array().into_iter().flatten();
    let row = rows.into_iter().find(|row| row["name"] == name);
    let word = |key: &str| {
        let word = row.and_then(|row| row[key].as_str());
        word.unwrap_or("missing").to_owned()
    };
    (word("state"), word("found"))
}

pub fn gateway(gateways: &Gateways) -> Result<()> {
    let expect = |rows: &[(&str, &str, &str)]| -> Result<()> {
        let out = gateways.call(0, &["doctor"]).run()?;
        let findings = out.json()?;
        for (name, state, words) in rows {
            let (is, found) = row(&findings, name);
            ensure!(
                is == *state && found.contains(words),
                "{name}: {is}, {found}"
            );
        }
        Ok(())
    };
    expect(&[
        ("tgt inventory", "ok", "0 clients"),
        ("tgtd", "ok", "version 1."),
        ("tgt-rbd", "ok", "opens RBD images"),
        ("tgt portals", "ok", &gateways.portal(0).to_string()),
        ("tgt Ceph options", "warn", "rados_osd_op_timeout"),
    ])?;
    let other = "10.213.0.99:3260";
    gateways.tgtadm(
        0,
        &format!(
            "--mode portal --op delete --param portal={}",
            gateways.portal(0)
        ),
    )?;
    expect(&[("tgt portals", "fail", "listens nowhere")])?;
    gateways.tgtadm(
        0,
        &format!(
            "--mode portal --op new --param portal={}",
            gateways.portal(0)
        ),
    )?;
    gateways.inventory_with_portals(&[other.to_owned(), other.to_owned()], "")?;
    expect(&[("tgt portals", "fail", other)])?;
    gateways.kill(0)?;
    expect(&[
        ("tgtd", "fail", "no tgtd answers"),
        ("tgt-rbd", "fail", "no tgtd answers"),
    ])
}
