//! What stands there twice, and blocks that stand where a value is wanted.

use std::collections::BTreeSet;

use super::finding::{Rule, Severity};
use super::look::Look;
use crate::tgt::conf::plan::ISCSI;
use crate::tgt::conf::{Map, Value, show};

pub(super) fn look(look: &mut Look<'_>) {
    let tree = look.tree;
    if let Some(value @ Value::Array(_)) = tree.get("ignore-errors") {
        let message = "\"ignore-errors\" twice is neither: it counts only if it is there once";
        look.warn(Rule::Repeated, value.last_at(), message);
    }
    let targets = tree.get("target").and_then(Value::block);
    for (name, value) in targets.into_iter().flat_map(|map| &map.entries) {
        if let Some(target) = value.block() {
            merged(look, name, target);
            options(look, name, target);
            values(look, name, target);
            stores(look, name, target);
        }
    }
}

/// The same target in several places (A22, D09, D10).
fn merged(look: &mut Look<'_>, name: &str, target: &Map) {
    let places: Vec<_> = target
        .opened
        .iter()
        .filter_map(|line| look.conf.lines.place(*line))
        .collect();
    let [first, .., last] = places.as_slice() else {
        return;
    };
    let message = format!(
        "this target was opened before ({} line {}): both are one target, their LUNs and initiators together",
        look.conf.lines.path(*first).display(),
        first.line
    );
    let severity = if first.file == last.file {
        Severity::Warning
    } else {
        Severity::Danger
    };
    look.say(Rule::Merged, severity, *last, message).of(name);
}

/// Options that count once (A23 to A25, C14).
fn options(look: &mut Look<'_>, name: &str, target: &Map) {
    for (option, value) in &target.entries {
        let (severity, effect) = match (value, option.as_str()) {
            (Value::Array(_), "driver") => (
                Severity::Danger,
                "it becomes \"ARRAY(0x…)\": the target is not made",
            ),
            (Value::Array(_), "bs-type") => (
                Severity::Danger,
                "it is no type then: images are passed over as files that are not there",
            ),
            (Value::Array(_), "controller_tid") => (
                Severity::Danger,
                "it becomes \"ARRAY(0x…)\": the target is not made, and later ones get addresses for ids",
            ),
            (Value::Array(_), "write-cache") => (
                Severity::Warning,
                "it is taken for an unknown value: the cache stays on",
            ),
            (Value::Array(_), "allow-in-use") => (Severity::Warning, "it is not \"yes\" then"),
            (Value::Array(_), once)
                if once == "outgoinguser" || once.starts_with("state") || ISCSI.contains(&once) =>
            {
                (Severity::Warning, "only the first one counts")
            }
            (Value::Block(_), "backing-store" | "direct-store") => continue,
            (Value::Block(_), known)
                if super::words::is_known(known, super::words::Scope::Target) =>
            {
                let message =
                    format!("<{known} …> is a block; as a value it becomes \"HASH(0x…)\"");
                look.danger(Rule::BlockForValue, value.at(), message)
                    .of(name);
                continue;
            }
            _ => continue,
        };
        let message = format!("\"{option}\" is there twice: {effect}");
        look.say(Rule::Repeated, severity, value.last_at(), message)
            .of(name);
    }
}

/// The same address, name or store twice (A08, B07).
fn values(look: &mut Look<'_>, name: &str, target: &Map) {
    for option in ["initiator-address", "initiator-name", "backing-store"] {
        let Some(Value::Array(values)) = target.get(option) else {
            continue;
        };
        let mut seen = BTreeSet::new();
        for value in values {
            if value.is_reference() || seen.insert(value.text()) {
                continue;
            }
            let text = show(&value.text());
            let said = if option == "backing-store" {
                let message = format!("{text} is there twice; one LUN is made of it");
                look.warn(Rule::RepeatedValue, value.at(), message)
            } else {
                let message = format!(
                    "{text} is there twice: tgtd refuses the second, and tgt-admin stops there with 22; later targets are missing"
                );
                look.danger(Rule::RepeatedValue, value.at(), message)
            };
            let _said = said.of(name);
        }
    }
}

/// The block of one store in several places (A15).
fn stores(look: &mut Look<'_>, name: &str, target: &Map) {
    for kind in ["backing-store", "direct-store"] {
        let stores = target.get(kind).and_then(Value::block);
        for (path, value) in stores.into_iter().flat_map(|map| &map.entries) {
            let opened = value.block().map_or(&[][..], |block| &block.opened);
            if let [first, .., last] = opened {
                let line = look.conf.lines.place(*first).map_or(0, |at| at.line);
                let message = format!(
                    "{} has a block already, in line {line}: both become one LUN",
                    show(path)
                );
                look.warn(Rule::Merged, *last, message).of(name);
            }
        }
    }
}
