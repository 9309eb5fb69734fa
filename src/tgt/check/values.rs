//! Values that are taken otherwise than they look: words where a number counts, and the like.

use super::finding::{Rule, Severity};
use super::look::Look;
use crate::tgt::conf::plan::{PlannedLun, PlannedTarget};
use crate::tgt::conf::{LineId, Map, Value, show};

/// Read with `atoi`: words are 0 (B57).
const NUMBERS: [&str; 8] = [
    "readonly",
    "removable",
    "online",
    "sense_format",
    "lbppbe",
    "la_lba",
    "optimal_xfer_gran",
    "optimal_xfer_len",
];

const YES_NO: [&str; 6] = [
    "InitialR2T",
    "ImmediateData",
    "DataPDUInOrder",
    "DataSequenceInOrder",
    "IFMarker",
    "OFMarker",
];

const LENGTHS: [&str; 4] = [
    "MaxRecvDataSegmentLength",
    "MaxXmitDataSegmentLength",
    "FirstBurstLength",
    "MaxBurstLength",
];

pub(super) fn look(look: &mut Look<'_>) {
    if let Some(value) = look
        .tree
        .get("ignore-errors")
        .filter(|value| value.text() != "yes")
    {
        let message = "only \"yes\" counts; this is as if it were not there";
        look.note(Rule::Value, value.at(), message)
            .mended("ignore-errors yes");
    }
    let targets = look.tree.get("target").and_then(Value::block);
    for (name, value) in targets.into_iter().flat_map(|map| &map.entries) {
        if let Some(target) = value.block() {
            driver(look, name, target);
            iscsi(look, name, target);
            quotes(look, name, target);
        }
    }
    let plan = look.plan;
    for target in &plan.targets {
        for lun in &target.luns {
            numbers(look, target, lun);
            write_cache(look, target, lun);
            blocks(look, target, lun);
        }
    }
}

fn driver(look: &mut Look<'_>, name: &str, target: &Map) {
    let driver = target.get("driver").filter(|value| !value.is_reference());
    if let Some(value) = driver.filter(|value| !matches!(&*value.text(), "iscsi" | "iser")) {
        let message = format!("\"{}\" is no driver: iscsi or iser", show(&value.text()));
        look.danger(Rule::Value, value.at(), message)
            .of(name)
            .mended("driver iscsi");
    }
    if let Some(value) = target
        .get("state")
        .filter(|value| !matches!(&*value.each()[0].text(), "ready" | "offline"))
    {
        let message = "a target is \"ready\" or \"offline\"; tgtd refuses anything else";
        look.danger(Rule::Value, value.at(), message).of(name);
    }
}

/// tgtd refuses values out of range, and tgt-admin stops (facts 3.5).
fn iscsi(look: &mut Look<'_>, name: &str, target: &Map) {
    let wrong = |option: &str, text: &str| match option {
        _ if YES_NO.contains(&option) => !matches!(text, "Yes" | "No"),
        _ if LENGTHS.contains(&option) => !text
            .parse::<u32>()
            .is_ok_and(|length| (512..=16_777_215).contains(&length)),
        "HeaderDigest" | "DataDigest" => !text
            .split(',')
            .all(|digest| matches!(digest, "None" | "CRC32C")),
        _ => false,
    };
    for (option, value) in &target.entries {
        let first = &value.each()[0];
        if !first.is_reference() && wrong(option, &first.text()) {
            let message = format!(
                "tgtd does not take \"{}\" for {option} (Yes or No; None or CRC32C; 512 to 16777215): tgt-admin stops there with 22",
                show(&first.text())
            );
            look.danger(Rule::Value, first.at(), message).of(name);
        }
    }
    let length = |option: &str| {
        target
            .get(option)
            .and_then(|value| value.each()[0].text().parse::<u32>().ok())
    };
    let (first, most) = (length("FirstBurstLength"), length("MaxBurstLength"));
    if let (Some(value), true) = (
        target.get("FirstBurstLength"),
        first.unwrap_or(65536) > most.unwrap_or(262_144),
    ) {
        let message = "FirstBurstLength is greater than MaxBurstLength; tgtd does not notice";
        look.warn(Rule::Value, value.at(), message).of(name);
    }
}

/// Quotes are taken off only if they are double ones round the whole value (B16, B22, B23).
fn quotes(look: &mut Look<'_>, name: &str, target: &Map) {
    let stores = ["backing-store", "direct-store"].into_iter();
    let stores = stores
        .filter_map(|kind| target.get(kind)?.block())
        .flat_map(|map| map.entries.values());
    let blocks = std::iter::once(target).chain(stores.filter_map(Value::block));
    let values = blocks
        .flat_map(|block| &block.entries)
        .filter(|(option, _)| *option != "bsopts");
    let found: Vec<_> = values
        .flat_map(|(_, value)| value.each())
        .filter(|value| !value.is_reference())
        .filter_map(|value| Some((kept_quotes(&value.text())?, value.at())))
        .collect();
    for (why, at) in found {
        look.warn(Rule::Quotes, at, why).of(name);
    }
}

fn kept_quotes(text: &str) -> Option<&'static str> {
    let single = text.len() > 1 && text.starts_with('\'') && text.ends_with('\'');
    if single {
        Some("single quotes are part of the value; only double ones round all of it are taken off")
    } else if text.contains('"') {
        Some("a double quote is part of the value; only a pair round all of it is taken off")
    } else {
        None
    }
}

fn numbers(look: &mut Look<'_>, target: &PlannedTarget, lun: &PlannedLun) {
    for option in NUMBERS {
        let Some((value, at)) = lun.option(option) else {
            continue;
        };
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let severity = if option == "readonly" {
            Severity::Danger
        } else {
            Severity::Warning
        };
        let effect = match option {
            "readonly" => ": the disk is writable",
            "online" => ": the disk is offline",
            _ => "",
        };
        let message = format!(
            "{option} is a number, and \"{}\" counts as 0{effect}",
            show(value)
        );
        look.say(Rule::Number, severity, at, message)
            .of(&target.name)
            .replaced(value, "1");
    }
}

fn write_cache(look: &mut Look<'_>, target: &PlannedTarget, lun: &PlannedLun) {
    match lun.option("write-cache") {
        Some(("off", _)) => {}
        Some(("on", _)) | None => {
            if lun.bs_type == "rbd" {
                let message = "the write cache is on: what was acknowledged may be lost with this host, unless the client has \"rbd cache = false\"";
                look.note(Rule::WriteCache, lun.at, message)
                    .of(&target.name)
                    .mended("write-cache off");
            }
        }
        Some((value, at)) => {
            let message = format!(
                "only \"off\" and \"on\" count: with \"{}\" the write cache stays on",
                show(value)
            );
            look.danger(Rule::WriteCache, at, message)
                .of(&target.name)
                .mended("write-cache off");
        }
    }
}

/// Logical and physical block sizes (facts 2.4).
fn blocks(look: &mut Look<'_>, target: &PlannedTarget, lun: &PlannedLun) {
    if let Some((value, at)) = lun.option("block-size") {
        match value.parse::<u32>() {
            Ok(512) => {}
            Ok(size) if size.is_power_of_two() => {
                let message = format!("blocks of {size} bytes: ESXi takes 512 only over iSCSI");
                look.note(Rule::BlockSize, at, message).of(&target.name);
            }
            _ => {
                let message = format!(
                    "\"{}\" is no power of two: tgtd takes 512 without a word",
                    show(value)
                );
                look.warn(Rule::BlockSize, at, message).of(&target.name);
            }
        }
    }
    let exponent = lun.option("lbppbe");
    match exponent {
        None if lun.bs_type == "rbd" => {
            let message = "without lbppbe the physical block is as large as an object (4 MiB), which ESXi does not support";
            look.note(Rule::BlockSize, lun.at, message)
                .of(&target.name)
                .mended("lbppbe 3");
        }
        Some((value, at)) if !matches!(value, "0" | "3") => odd_exponent(look, target, value, at),
        _ => {}
    }
}

fn odd_exponent(look: &mut Look<'_>, target: &PlannedTarget, value: &str, at: LineId) {
    let message = format!(
        "lbppbe {}: ESXi supports 0 (512n) and 3 (512e)",
        show(value)
    );
    look.warn(Rule::BlockSize, at, message)
        .of(&target.name)
        .mended("lbppbe 3");
}
