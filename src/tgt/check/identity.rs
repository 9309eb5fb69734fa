//! What an initiator knows a disk by (facts 3.1): it must never change, and never be another's.

use std::collections::HashMap;

use super::finding::Rule;
use super::look::Look;
use crate::tgt::conf::plan::{PlannedLun, PlannedTarget};
use crate::tgt::conf::{LineId, show};

/// What tgtd keeps of each; more is cut off.
const LONGEST: [(&str, usize); 4] = [
    ("vendor_id", 8),
    ("product_id", 16),
    ("product_rev", 4),
    ("scsi_sn", 36),
];

pub(super) fn look(look: &mut Look<'_>) {
    target_ids(look);
    let plan = look.plan;
    for option in ["scsi_id", "scsi_sn"] {
        twice(look, option);
    }
    for target in &plan.targets {
        unpinned(look, target);
        for lun in &target.luns {
            forms(look, target, lun);
        }
    }
}

/// Ids that collide or are none (D22, H04).
fn target_ids(look: &mut Look<'_>) {
    let plan = look.plan;
    let mut seen: HashMap<&str, &PlannedTarget> = HashMap::new();
    for target in &plan.targets {
        let given = look
            .target(&target.name)
            .and_then(|map| map.get("controller_tid"))
            .map(|value| value.at());
        let at = given.or(target.at);
        if let Some(first) = seen.insert(&target.tid, target) {
            let message = format!(
                "{} has the target id {} already: tgtd refuses this target, and tgt-admin stops there with 22",
                show(&first.name),
                show(&target.tid)
            );
            look.danger(Rule::TargetId, at, message).of(&target.name);
        }
        let number = target
            .tid
            .parse::<u32>()
            .ok()
            .filter(|tid| (1..=65535).contains(tid));
        if number.is_none() && given.is_some() && !target.tid.contains("(0x") {
            let message = format!("{} is no target id: 1 to 65535", show(&target.tid));
            look.danger(Rule::TargetId, at, message).of(&target.name);
        }
    }
}

/// One finding per target, and only if it has LUNs.
fn unpinned(look: &mut Look<'_>, target: &PlannedTarget) {
    let Some(first) = target.luns.first() else {
        return;
    };
    let mut missing = Vec::new();
    let has_id = look
        .target(&target.name)
        .is_some_and(|map| map.get("controller_tid").is_some());
    if !has_id {
        missing.push("controller_tid");
    }
    if target.luns.iter().any(|lun| !lun.lun_given) {
        missing.push("lun");
    }
    for option in ["scsi_id", "scsi_sn"] {
        if target.luns.iter().any(|lun| lun.option(option).is_none()) {
            missing.push(option);
        }
    }
    if missing.is_empty() {
        return;
    }
    let at = if has_id { first.at } else { target.at };
    let message = format!(
        "{} not given: target ids follow the alphabet of all targets, so another target may change the identity of these disks, and another host has the same ones",
        missing.join(", ")
    );
    let lines: Vec<_> = missing.iter().map(|option| format!("{option} …")).collect();
    look.warn(Rule::IdentityUnpinned, at, message)
        .of(&target.name)
        .mended(lines.join("\n"));
}

/// One identity on two LUNs (B50).
fn twice(look: &mut Look<'_>, option: &str) {
    let plan = look.plan;
    let mut seen: HashMap<&str, &PlannedLun> = HashMap::new();
    for target in &plan.targets {
        for lun in &target.luns {
            let Some((value, at)) = lun.option(option) else {
                continue;
            };
            if let Some(first) = seen.insert(value, lun) {
                let message = format!(
                    "{} and {} have the same {option}: initiators take them for one disk",
                    show(&first.path),
                    show(&lun.path)
                );
                look.danger(Rule::IdentityTwice, at, message)
                    .of(&target.name);
            }
        }
    }
}

fn forms(look: &mut Look<'_>, target: &PlannedTarget, lun: &PlannedLun) {
    if let Some((value, at)) = lun.option("scsi_id") {
        let hex = value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hex || !value.starts_with('6') {
            let message = "tgtd makes the NAA identity of hexadecimal digits only: anything but 32 of them, a 6 first, comes out changed, and may equal another's";
            look.warn(Rule::IdentityForm, at, message).of(&target.name);
        }
    }
    for (option, longest) in LONGEST {
        if let Some((value, at)) = lun
            .option(option)
            .filter(|(value, _)| value.len() > longest)
        {
            too_long(look, target, option, value, longest, at);
        }
    }
}

fn too_long(
    look: &mut Look<'_>,
    target: &PlannedTarget,
    option: &str,
    value: &str,
    longest: usize,
    at: LineId,
) {
    let message = format!(
        "{option} has {} characters; tgtd keeps {longest}",
        value.chars().count()
    );
    look.warn(Rule::IdentityForm, at, message).of(&target.name);
}
