//! LUNs: those that are missing, and their numbers (facts 3.2).

use std::collections::BTreeMap;

use super::finding::{Rule, Severity};
use super::look::Look;
use crate::tgt::conf::plan::{PlannedLun, PlannedTarget};
use crate::tgt::conf::{Map, Value, show};

pub(super) fn look(look: &mut Look<'_>) {
    let plan = look.plan;
    for target in &plan.targets {
        for skipped in &target.skipped {
            let why = why_skipped(look.target(&target.name));
            let message = format!(
                "no LUN is made of {}: tgt-admin takes it for a file that is not there{why}",
                show(&skipped.path)
            );
            let said = look
                .danger(Rule::LunSkipped, skipped.at, message)
                .of(&target.name);
            if !skipped.path.starts_with('/') {
                let _said = said.mended("bs-type rbd");
            }
        }
        if target.luns.is_empty() && target.skipped.is_empty() && plan.stop.is_none() {
            // That is how a gateway stands by.
            let offline = look
                .target(&target.name)
                .is_some_and(|map| map.text("state") == "offline");
            let severity = if offline {
                Severity::Note
            } else {
                Severity::Warning
            };
            look.say(Rule::NoLun, severity, target.at, "the target has no LUN")
                .of(&target.name);
        }
        numbers(look, target);
        order(look, target);
    }
}

/// Why the type did not help (A03, A04, A22, A25, A26).
fn why_skipped(target: Option<&Map>) -> String {
    let Some(target) = target else {
        return String::new();
    };
    let own = target
        .get("backing-store")
        .and_then(Value::block)
        .is_some_and(|stores| {
            stores.entries.values().any(|store| {
                store
                    .block()
                    .is_some_and(|block| block.get("bs-type").is_some())
            })
        });
    match target.get("bs-type") {
        None if own => {
            "; \"bs-type\" must stand in the target, too, not only in the store's block".into()
        }
        None => ", because the target has no \"bs-type rbd\"".into(),
        Some(Value::Array(_)) => ", because \"bs-type\" is there twice and so is none".into(),
        Some(value) => format!(
            ", because the target's bs-type is \"{}\"",
            show(&value.text())
        ),
    }
}

fn numbers(look: &mut Look<'_>, target: &PlannedTarget) {
    let mut seen: BTreeMap<&str, &PlannedLun> = BTreeMap::new();
    for lun in &target.luns {
        if let Some(first) = seen.insert(&lun.lun, lun) {
            let message = format!(
                "{} and {} are both LUN {}: tgtd refuses the second, and tgt-admin stops there with 22",
                show(&first.path),
                show(&lun.path),
                show(&lun.lun)
            );
            look.danger(Rule::LunNumber, place(lun), message)
                .of(&target.name);
        }
        let number = lun.lun.parse::<u32>().ok();
        let plain = number.filter(|number| number.to_string() == lun.lun);
        let shown = show(&lun.lun);
        match (plain, number) {
            (Some(0), _) | (_, Some(0)) => {
                let message =
                    "LUN 0 is tgtd's own: it refuses this one, and tgt-admin stops there with 22";
                look.danger(Rule::LunNumber, place(lun), message)
                    .of(&target.name);
            }
            (None, _) => {
                let message =
                    format!("{shown} is no LUN number; tgtd takes 1 to 16383, ESXi 1 to 255");
                look.danger(Rule::LunNumber, place(lun), message)
                    .of(&target.name);
            }
            (Some(256..), _) => {
                let message = format!(
                    "LUN {shown}: above 255 older ESXi sees nothing, above 16383 the number wraps around"
                );
                look.warn(Rule::LunNumber, place(lun), message)
                    .of(&target.name);
            }
            _ => {}
        }
    }
}

/// Where the number stands, or else the store.
fn place(lun: &PlannedLun) -> Option<crate::tgt::conf::LineId> {
    lun.option("lun").map(|(_, at)| at).or(lun.at)
}

/// Without numbers they come by the sorted paths, whatever the order of the lines (A06, A07, A12).
fn order(look: &mut Look<'_>, target: &PlannedTarget) {
    let mut free: Vec<&PlannedLun> = target.luns.iter().filter(|lun| !lun.lun_given).collect();
    free.sort_by_key(|lun| lun.at);
    let number = |lun: &PlannedLun| lun.lun.parse::<u64>().unwrap_or(0);
    let Some(wrong) = free.windows(2).find(|two| number(two[0]) > number(two[1])) else {
        return;
    };
    let list: Vec<_> = free
        .iter()
        .take(8)
        .map(|lun| format!("{} = {}", show(&lun.path), lun.lun))
        .collect();
    let message = format!(
        "LUN numbers follow the sorted paths, not the lines: {}. One more image may move them all",
        list.join(", ")
    );
    let said = look
        .warn(Rule::LunOrder, wrong[1].at, message)
        .of(&target.name);
    let path = show(&wrong[1].path);
    said.mended(format!(
        "<backing-store {path}>\n    lun NUMBER\n</backing-store>"
    ));
}
