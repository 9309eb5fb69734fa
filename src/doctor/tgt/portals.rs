//! Where tgtd listens, and where it should.

use super::super::finding::Finding;
use crate::host::Host;
use crate::sys::host::hostname;
use crate::tgt::daemon::Tgtadm;
use crate::tgt::inventory::Inventory;

/// Whether it listens where the inventory says.
pub(super) fn ports(host: &Host, tgtadm: &Tgtadm<'_>, inventory: &Inventory) -> Finding {
    const NAME: &str = "tgt portals";
    let has: Vec<String> = match tgtadm.portals() {
        Ok(portals) => portals.iter().map(ToString::to_string).collect(),
        Err(error) => return Finding::of_error(NAME, &error, "systemctl start tgt"),
    };
    let name = host.config.host.clone().map_or_else(hostname, Ok);
    let own = name.ok().and_then(|name| {
        inventory
            .gateways
            .iter()
            .find(|gateway| gateway.name == name)
    });
    let wanted = own
        .map(|gateway| gateway.portals.clone())
        .unwrap_or_default();
    judge_ports(&has, &wanted)
}

fn judge_ports(has: &[String], wanted: &[String]) -> Finding {
    const NAME: &str = "tgt portals";
    let everywhere = |portal: &str| {
        let port = portal.rsplit(':').next().unwrap_or_default();
        has.iter()
            .any(|has| has == &format!("127.0.0.1:{port}") || has == &format!("[::1]:{port}"))
    };
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|portal| !has.contains(portal) && !everywhere(portal))
        .map(String::as_str)
        .collect();
    if has.is_empty() {
        return Finding::fail(
            NAME,
            "tgtd listens nowhere",
            "start it without --iscsi portal=, or with the right one",
        );
    }
    if !missing.is_empty() {
        return Finding::fail(
            NAME,
            format!("tgtd does not listen at {}", missing.join(", ")),
            format!(
                "tgtadm --lld iscsi --op new --mode portal --param portal={}",
                missing[0]
            ),
        );
    }
    Finding::ok(NAME, has.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_portal_of_all_addresses_is_any_of_them() {
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        let state = |has: &[&str], wanted: &[&str]| judge_ports(&words(has), &words(wanted)).state;
        assert_eq!(state(&["127.0.0.1:3260"], &["10.0.0.1:3260"]), State::Ok);
        assert_eq!(state(&["10.0.0.1:3260"], &["10.0.0.1:3260"]), State::Ok);
        assert_eq!(state(&["10.0.0.2:3260"], &["10.0.0.1:3260"]), State::Fail);
        assert_eq!(state(&[], &[]), State::Fail);
    }
}
