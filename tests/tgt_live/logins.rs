//! Who is let in, and what `verify` finds when something is otherwise.

use anyhow::{Result, ensure};
use warmblock::iscsi::IscsiError;

use crate::gateways::{Gateways, ME, complaints};
use crate::initiator::{INIT, account, try_login};
use crate::world::MIB;

fn target(client: &str) -> String {
    format!("iqn.2014-02.my.domain:{client}.t")
}

fn client(name: &str, access: &str, luns: &str) -> String {
    format!(
        "[client.{name}]\ngateway = \"hv1\"\n{access}\n[[client.{name}.target]]\ntitle = \"t\"\n{luns}\n"
    )
}

pub fn who_may(gateways: &Gateways) -> Result<()> {
    let image = |_| gateways.world.blank(16 * MIB);
    let images = (0..4).map(image).collect::<Result<Vec<_>>>()?;
    let lun = |n: usize| format!("luns = [\"{}\"]", images[n].spec);
    let (one, other) = (
        gateways.secret("one", "abcDEF123456")?,
        gateways.secret("other", "ghiJKL789012")?,
    );
    let chap = format!(
        "initiators = [\"{INIT}\"]\nchap = {{ user = \"init-user\", secret_file = \"{one}\" }}\n\
         chap_mutual = {{ user = \"target-user\", secret_file = \"{other}\" }}"
    );
    gateways.inventory(
        &[
            client("address", &format!("addresses = [\"{ME}\"]"), &lun(0)),
            client("elsewhere", "addresses = [\"10.213.0.99\"]", &lun(1)),
            client("name", &format!("initiators = [\"{INIT}\"]"), &lun(2)),
            client("chap", &chap, &lun(3)),
        ]
        .concat(),
    )?;
    gateways.apply()?;

    let portal = gateways.portal(0);
    let plain = |client: &str, name: &str| try_login(portal, &target(client), name, None, None);
    let foreign = "iqn.2024-01.lab.test:foreign";
    ensure!(plain("address", foreign).is_ok(), "an allowed address");
    ensure!(
        refused(&plain("elsewhere", INIT), (2, 3)),
        "an address that is not"
    );
    ensure!(plain("name", INIT).is_ok(), "an allowed name");
    ensure!(
        refused(&plain("name", foreign), (2, 3)),
        "a name that is not"
    );

    let right = account("init-user", "abcDEF123456");
    let mutual = account("target-user", "ghiJKL789012");
    let with = |chap, mutual| try_login(portal, &target("chap"), INIT, chap, mutual);
    with(Some(&right), None)?;
    with(Some(&right), Some(&mutual))?;
    let wrong = account("init-user", "abcDEF123457");
    ensure!(refused(&with(Some(&wrong), None), (2, 1)), "a wrong secret");
    let nobody = account("init-nobody", "abcDEF123456");
    ensure!(refused(&with(Some(&nobody), None), (2, 1)), "a wrong user");
    ensure!(with(None, None).is_err(), "no secret");
    let impostor = account("target-user", "ghiJKL789013");
    ensure!(
        matches!(
            with(Some(&right), Some(&impostor)),
            Err(IscsiError::Unproven(_))
        ),
        "a target that does not know its own secret"
    );
    gateways.verify(0, &["--all"], true)?;
    Ok(())
}

fn refused<T>(login: &Result<T, IscsiError>, status: (u8, u8)) -> bool {
    matches!(login, Err(IscsiError::Refused { class, detail }) if (*class, *detail) == status)
}

pub fn verify(gateways: &Gateways) -> Result<()> {
    let image = gateways.world.clone_of(crate::world::SMALL)?;
    let access = format!("standby = [\"hv2\"]\ninitiators = [\"{INIT}\"]");
    let lun = format!("luns = [\"{}\"]", image.spec);
    gateways.inventory(&client("v", &access, &lun))?;
    gateways.apply()?;
    let well = gateways.verify(0, &["--all"], true)?;
    ensure!(
        well["targets"][0]["checks"].as_array().map_or(0, Vec::len) >= 14,
        "{well}"
    );
    gateways.verify(1, &[], true)?;
    let told = complaints(&gateways.status(1)?);
    ensure!(told.is_empty(), "{told}");

    let iqn = target("v");
    let tid = gateways.tid(0, &iqn)?;
    let lu = format!("--mode logicalunit --op update --tid {tid} --lun 1 --params");
    // Each thing that can be wrong, and the words that tell it
    let cases = [
        (format!("{lu} scsi_sn=otherserial"), "page 80"),
        (format!("{lu} lbppbe=13"), "sectors"),
        (format!("{lu} vendor_id=IET"), "vendor and product"),
        (
            format!(
                "{lu} mode_page=8:0:18:0x14:0:0xff:0xff:0:0:0xff:0xff:0xff:0xff:0x80:0x14:0:0:0:0:0:0"
            ),
            "write cache",
        ),
        (
            format!("--mode target --op bind --tid {tid} -I ALL"),
            "login of a stranger",
        ),
        (
            format!("--mode target --op update --tid {tid} -n state -v offline"),
            "login",
        ),
    ];
    for (wrong, check) in cases {
        gateways.tgtadm(0, &wrong)?;
        let told = gateways.verify(0, &["v"], false)?;
        let failed = told["targets"][0]["checks"]
            .as_array()
            .into_iter()
            .flatten();
        let mut failed = failed.filter(|one| one["state"] == "failed");
        ensure!(failed.any(|one| one["what"] == check), "{check}: {told}");
        // what the daemon does not show is set again once it is not known any more
        gateways.forget(0)?;
        gateways.tgt(0, &["apply", "--force"]).ok()?;
        gateways.verify(0, &["v"], true)?;
    }
    gateways.tgtadm(
        0,
        &format!("--mode target --op unbind --tid {tid} -Q {INIT}"),
    )?;
    let told = complaints(&gateways.status(1)?);
    ensure!(told.contains(&format!("admit {INIT}")), "{told}");
    Ok(())
}
