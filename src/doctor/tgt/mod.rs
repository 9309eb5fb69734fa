//! A gateway: tgtd, its RBD back end, where it listens, how it is started, and how its clients of Ceph behave.
//!
//! Only where there is an inventory: other hosts need none of it.

use std::path::{Path, PathBuf};

mod options;
mod portals;
mod unit;

use super::finding::Finding;
use crate::Result;
use crate::exec::Cmd;
use crate::host::Host;
use crate::tgt::daemon::Tgtadm;
use crate::tgt::inventory::Inventory;

/// Everything about a gateway; nothing where there is no inventory.
pub fn gateway(host: &Host) -> Vec<Finding> {
    let file = host.roots.etc.join(Inventory::FILE);
    if !file.exists() {
        return Vec::new();
    }
    let socket = std::env::var_os("TGT_IPC_SOCKET").map(PathBuf::from);
    let tgtadm = Tgtadm::new(&host.exec, socket.as_deref(), 0);
    let inventory = Inventory::load(&file);
    let mut findings = vec![
        inventory_finding(&file, &inventory),
        daemon(host, &tgtadm),
        back_end(&tgtadm),
    ];
    findings.extend(
        inventory
            .as_ref()
            .ok()
            .map(|inventory| portals::ports(host, &tgtadm, inventory)),
    );
    findings.push(unit::unit(host));
    findings.extend(
        inventory
            .iter()
            .map(|inventory| options::options(host, inventory)),
    );
    findings
}

fn inventory_finding(file: &Path, inventory: &Result<Inventory>) -> Finding {
    const NAME: &str = "tgt inventory";
    match inventory {
        Err(error) => Finding::of_error(NAME, error, "`warmblock tgt inventory`"),
        Ok(inventory) => {
            let (clients, targets) = (inventory.clients.len(), inventory.targets().count());
            let found = format!("{}: {clients} clients, {targets} targets", file.display());
            match inventory.warnings.len() {
                0 => Finding::ok(NAME, found),
                count => Finding::warn(
                    NAME,
                    format!("{found}, {count} warnings"),
                    "`warmblock tgt inventory` shows them",
                ),
            }
        }
    }
}

fn daemon(host: &Host, tgtadm: &Tgtadm<'_>) -> Finding {
    const NAME: &str = "tgtd";
    let version = match host.exec.run(&Cmd::query("tgtd").arg("--version")) {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) => return Finding::of_error(NAME, &error.into(), "install the package tgt"),
    };
    if !new_enough(&version) {
        // tgt 1.0.84 made a target that names initiators only open to every address (facts 3.6)
        return Finding::warn(
            NAME,
            format!("version {version} joins access lists otherwise than later ones"),
            "use 1.0.84 or later",
        );
    }
    match tgtadm.targets() {
        Ok(targets) => Finding::ok(
            NAME,
            format!("version {version}, {} targets", targets.len()),
        ),
        Err(error) => Finding::of_error(NAME, &error, "systemctl start tgt"),
    }
}

/// `1.0.85` and later; what cannot be read is taken for new.
fn new_enough(version: &str) -> bool {
    let numbers: Vec<u32> = version
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    numbers.len() < 3 || numbers >= vec![1, 0, 84]
}

fn back_end(tgtadm: &Tgtadm<'_>) -> Finding {
    const NAME: &str = "tgt-rbd";
    match tgtadm.has_backing_store("rbd") {
        Ok(true) => Finding::ok(NAME, "tgtd opens RBD images"),
        Ok(false) => Finding::fail(
            NAME,
            "this tgtd cannot open RBD images",
            "install the package tgt-rbd, and start tgtd again",
        ),
        Err(error) => Finding::of_error(NAME, &error, "systemctl start tgt"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert!(
            new_enough("1.0.84") && new_enough("1.0.97") && new_enough("1.1.0") && new_enough("?")
        );
        assert!(!new_enough("1.0.83") && !new_enough("1.0.51"));
    }
}
