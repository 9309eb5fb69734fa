//! What shows only between gateways: pure, on what each of them told.

use std::collections::BTreeMap;

use super::{GatewayStatus, LunStatus, TargetStatus};

/// Everything that is wrong between them.
pub fn across(gateways: &[GatewayStatus]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut targets: BTreeMap<&str, Vec<(String, &TargetStatus)>> = BTreeMap::new();
    let mut luns: BTreeMap<&str, Vec<(String, &TargetStatus, &LunStatus)>> = BTreeMap::new();
    for gateway in gateways {
        let name = gateway
            .gateway
            .as_ref()
            .map_or_else(|| "this gateway".to_owned(), ToString::to_string);
        for target in gateway.targets.iter().filter(|target| target.tid.is_some()) {
            targets
                .entry(&target.iqn)
                .or_default()
                .push((name.clone(), target));
            for lun in &target.luns {
                luns.entry(&lun.path)
                    .or_default()
                    .push((name.clone(), target, lun));
            }
        }
    }
    for (iqn, known) in &targets {
        of_target(iqn, known, &mut problems);
    }
    for (path, open) in &luns {
        of_image(path, open, &mut problems);
    }
    problems
}

fn of_target(iqn: &str, known: &[(String, &TargetStatus)], problems: &mut Vec<String>) {
    let ready: Vec<&str> = known
        .iter()
        .filter(|(_, target)| target.ready)
        .map(|(name, _)| name.as_str())
        .collect();
    if ready.len() > 1 {
        problems.push(format!(
            "{iqn} takes logins on {}: only one gateway may serve it",
            ready.join(" and ")
        ));
    }
    let tids: Vec<String> = known
        .iter()
        .map(|(name, target)| format!("{} on {name}", target.tid.unwrap_or_default()))
        .collect();
    if known.windows(2).any(|pair| pair[0].1.tid != pair[1].1.tid) {
        problems.push(format!(
            "{iqn} has tid {}: a part of page 83 is made of it",
            tids.join(", ")
        ));
    }
}

fn of_image(path: &str, open: &[(String, &TargetStatus, &LunStatus)], problems: &mut Vec<String>) {
    let [(_, _, first), rest @ ..] = open else {
        return;
    };
    if rest.is_empty() {
        return;
    }
    let names: Vec<&str> = open.iter().map(|(name, ..)| name.as_str()).collect();
    let used: Vec<&str> = open
        .iter()
        .filter(|(_, target, _)| !target.sessions.is_empty())
        .map(|(name, ..)| name.as_str())
        .collect();
    problems.push(if used.len() > 1 {
        format!(
            "ALARM: {path} has live sessions on {}: reservations are not shared, so two initiators write past each other; stop one of them now",
            used.join(" and ")
        )
    } else {
        format!("{path} is open on {}", names.join(" and "))
    });
    let id = |lun: &LunStatus| (lun.scsi_id.clone(), lun.scsi_sn.clone(), lun.number);
    if rest.iter().any(|(_, _, lun)| id(lun) != id(first)) {
        problems.push(format!(
            "{path} has another identity on {}",
            names.join(" than on ")
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tgt::daemon::Nexus;
    use crate::tgt::inventory::ClientRole;

    fn gateway(
        name: &str,
        tid: u16,
        ready: bool,
        luns: &[(&str, &str)],
        session: bool,
    ) -> GatewayStatus {
        let luns = luns
            .iter()
            .map(|(path, id)| LunStatus {
                number: 1,
                path: (*path).into(),
                scsi_id: (*id).into(),
                scsi_sn: "s".into(),
                online: true,
                watchers: None,
                lost: false,
            })
            .collect();
        let target = TargetStatus {
            client: Some("c".into()),
            iqn: "iqn.x".into(),
            role: ClientRole::Active,
            tid: Some(tid),
            ready,
            sessions: if session {
                vec![Nexus::default()]
            } else {
                Vec::new()
            },
            luns,
            drift: Vec::new(),
            problems: Vec::new(),
        };
        GatewayStatus {
            gateway: Some(name.parse().unwrap()),
            targets: vec![target],
            ..GatewayStatus::default()
        }
    }

    #[test]
    fn one_that_serves_and_one_that_stands_by_are_well() {
        let gateways = [
            gateway("gw1", 1001, true, &[("rbd/a", "6001")], true),
            gateway("gw2", 1001, false, &[], false),
        ];
        assert!(across(&gateways).is_empty());
    }

    #[test]
    fn two_writers_and_differing_identities_are_told() {
        let gateways = [
            gateway("gw1", 1001, true, &[("rbd/a", "6001")], true),
            gateway("gw2", 1002, true, &[("rbd/a", "6002")], true),
        ];
        let told = across(&gateways).join("\n");
        for words in [
            "takes logins on gw1 and gw2",
            "tid 1001 on gw1, 1002 on gw2",
            "ALARM: rbd/a has live sessions on gw1 and gw2",
            "rbd/a has another identity on gw1 than on gw2",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        let gateways = [
            gateway("gw1", 1001, true, &[("rbd/a", "6001")], true),
            gateway("gw2", 1001, false, &[("rbd/a", "6001")], false),
        ];
        assert_eq!(across(&gateways), ["rbd/a is open on gw1 and gw2"]);
    }
}
