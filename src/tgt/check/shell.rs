//! Values go through a root shell (facts 0.9, B28 to B38, C06 to C08): most without quotes up to tgt 1.0.95, passwords in
//! every version.

use super::finding::{Rule, Severity};
use super::look::Look;
use super::words::PARAMETERS;
use crate::tgt::conf::plan::ISCSI;
use crate::tgt::conf::{LineId, Map, Value, show};

/// How a value stands in the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quoting {
    /// Bare up to 1.0.95, in single quotes from 1.0.96 on.
    Bare,
    /// Bare in every version.
    Always,
    /// In double quotes up to 1.0.95, in single quotes from 1.0.96 on.
    Double,
}

/// Options whose values stand bare in the command line.
const BARE: [&str; 12] = [
    "driver",
    "controller_tid",
    "lun",
    "device-type",
    "bs-type",
    "bsoflags",
    "block-size",
    "initiator-address",
    "initiator-name",
    "state",
    "default-driver",
    "control-port",
];

const USERS: [&str; 4] = [
    "incominguser",
    "outgoinguser",
    "incomingdiscoveryuser",
    "outgoingdiscoveryuser",
];

pub(super) fn look(look: &mut Look<'_>) {
    let tree = look.tree;
    block(look, tree, None);
    let targets = tree.get("target").and_then(Value::block);
    for (name, value) in targets.into_iter().flat_map(|map| &map.entries) {
        let Some(target) = value.block() else {
            continue;
        };
        value_in(
            look,
            Some(name),
            "the target's name",
            name,
            target.at(),
            Quoting::Bare,
        );
        block(look, target, Some(name));
        for kind in ["backing-store", "direct-store"] {
            stores(look, name, kind, target.get(kind));
        }
    }
}

fn stores(look: &mut Look<'_>, target: &str, kind: &str, value: Option<&Value>) {
    match value {
        Some(Value::Block(map)) => {
            for (path, value) in &map.entries {
                value_in(look, Some(target), kind, path, value.at(), Quoting::Double);
                if let Some(store) = value.block() {
                    block(look, store, Some(target));
                }
            }
        }
        Some(value) => {
            for one in value.each().iter().filter(|one| !one.is_reference()) {
                value_in(
                    look,
                    Some(target),
                    kind,
                    &one.text(),
                    one.at(),
                    Quoting::Double,
                );
            }
        }
        None => {}
    }
}

fn block(look: &mut Look<'_>, map: &Map, target: Option<&str>) {
    for (option, value) in &map.entries {
        let option = option.as_str();
        let quoting = if USERS.contains(&option) {
            Quoting::Always
        } else if BARE.contains(&option) || ISCSI.contains(&option) || option.starts_with("iSNS") {
            Quoting::Bare
        } else if PARAMETERS.contains(&option) {
            Quoting::Double
        } else {
            continue;
        };
        for one in value.each().iter().filter(|one| !one.is_reference()) {
            let text = one.text();
            value_in(look, target, option, &text, one.at(), quoting);
            // In "params" a comma separates.
            if quoting == Quoting::Double && option != "params" && text.contains(',') {
                let message = format!("tgtadm cuts {option} at the comma");
                let said = look.warn(Rule::Comma, one.at(), message);
                let _said = target.map(|target| said.of(target));
            }
        }
    }
}

fn value_in(
    look: &mut Look<'_>,
    target: Option<&str>,
    what: &str,
    text: &str,
    at: LineId,
    quoting: Quoting,
) {
    let Some((severity, rule, effect)) = effect(text, quoting) else {
        return;
    };
    let since = match quoting {
        Quoting::Always => "in every version of tgt",
        _ => "up to tgt 1.0.95",
    };
    let message = if rule == Rule::VersionDependent {
        format!("{what}: {effect}")
    } else {
        format!("{what} goes through a root shell, {since}: {effect}")
    };
    let said = look.say(rule, severity, at, message);
    if let Some(target) = target {
        let _said = said.of(target);
    }
}

/// What the shell makes of a value.
fn effect(text: &str, quoting: Quoting) -> Option<(Severity, Rule, String)> {
    let bare = quoting != Quoting::Double;
    let named = |c: char| format!("{:?}", show(&c.to_string()));
    let runs = |c: char| match c {
        '`' => true,
        '"' => !bare,
        ';' | '&' | '|' | '<' | '>' | '(' | ')' | '\n' => bare,
        _ => false,
    };
    if let Some(c) = text.chars().find(|c| runs(*c)) {
        let effect = format!("{} begins another command, or ends this one", named(c));
        return Some((Severity::Danger, Rule::Shell, effect));
    }
    if text.contains("$(") {
        let effect = "\"$(\" runs another command".to_owned();
        return Some((Severity::Danger, Rule::Shell, effect));
    }
    let changes = |c: char| match c {
        '$' | '\\' => true,
        '\'' | '"' | '~' => bare,
        _ => false,
    };
    if let Some(c) = text.chars().find(|c| changes(*c)) {
        let effect = format!("{} is not what arrives", named(c));
        let severity = if quoting == Quoting::Always {
            Severity::Danger
        } else {
            Severity::Warning
        };
        return Some((severity, Rule::Shell, effect));
    }
    if let Some(c) = text.chars().find(|c| bare && matches!(c, '*' | '?' | '[')) {
        // IPv6 addresses stand in brackets: without a file of one letter they arrive as they are.
        let effect = format!(
            "{} makes it a pattern for files where tgt-admin is started",
            named(c)
        );
        return Some((Severity::Note, Rule::Shell, effect));
    }
    if text.contains('\'') {
        let effect = "from tgt 1.0.96 on an apostrophe leaves a quote open, and the command fails"
            .to_owned();
        return Some((Severity::Warning, Rule::VersionDependent, effect));
    }
    None
}
