//! Options that nobody reads.

use super::finding::{Rule, Severity};
use super::look::Look;
use super::words::{self, Scope};
use crate::tgt::conf::{Map, Value, show};

pub(super) fn look(look: &mut Look<'_>) {
    let tree = look.tree;
    scope(look, tree, Scope::Outside, "");
    let targets = tree.get("target").and_then(Value::block);
    for (name, value) in targets.into_iter().flat_map(|map| &map.entries) {
        let Some(target) = value.block() else {
            continue;
        };
        scope(look, target, Scope::Target, name);
        for kind in ["backing-store", "direct-store"] {
            let stores = target.get(kind).and_then(Value::block);
            for store in stores.into_iter().flat_map(|map| map.entries.values()) {
                if let Some(store) = store.block() {
                    scope(look, store, Scope::Store, name);
                }
            }
        }
    }
}

fn scope(look: &mut Look<'_>, map: &Map, scope: Scope, target: &str) {
    for (option, value) in &map.entries {
        if !words::is_known(option, scope) {
            unknown(look, option, value, scope, target);
        } else if option.starts_with("state") && option != "state" {
            let message = format!(
                "{} is taken for \"state\": only the beginning is looked at",
                show(option)
            );
            look.warn(Rule::Misspelt, value.at(), message).of(target);
        }
    }
}

fn unknown(look: &mut Look<'_>, option: &str, value: &Value, scope: Scope, target: &str) {
    let at = value.at();
    let said = if let Some(said) = no_comment(look, option, value) {
        said
    } else if let Some(said) = elsewhere(look, option, value, scope) {
        said
    } else if let Some(said) = only_tgtadm(look, option, value) {
        said
    } else if let Some(meant) = words::meant(option, scope) {
        let severity = if words::is_vital(meant) {
            Severity::Danger
        } else {
            Severity::Warning
        };
        let message = format!(
            "tgt-admin knows no \"{}\" and drops it without a word; \"{meant}\" is meant (case counts)",
            show(option)
        );
        look.say(Rule::Misspelt, severity, at, message)
            .replaced(option, meant)
    } else {
        let what = if value.block().is_some() {
            "block"
        } else {
            "option"
        };
        let message = format!(
            "tgt-admin knows no {what} \"{}\" {} and drops it without a word",
            show(option),
            scope.words()
        );
        look.warn(Rule::Unknown, at, message)
    };
    if !target.is_empty() {
        let _said = said.of(target);
    }
}

type Answer<'l> = Option<super::look::Said<'l>>;

/// Lines that are meant as comments (B20, B21).
fn no_comment<'l>(look: &'l mut Look<'_>, option: &str, value: &Value) -> Answer<'l> {
    if !option.starts_with(';') && !option.starts_with("//") {
        return None;
    }
    let message =
        "this begins no comment: it is an unknown option, and without a value it would end the run";
    let said = look.note(Rule::Comment, value.at(), message);
    let mark = if option.starts_with(';') { ";" } else { "//" };
    Some(said.replaced(mark, "#"))
}

/// Options that belong elsewhere (A04, B44, E14).
fn elsewhere<'l>(look: &'l mut Look<'_>, option: &str, value: &Value, scope: Scope) -> Answer<'l> {
    let right = Scope::ALL
        .into_iter()
        .find(|other| words::is_known(option, *other))?;
    let severity = if words::is_vital(option) {
        Severity::Danger
    } else {
        Severity::Warning
    };
    let message = format!(
        "\"{option}\" counts only {}; {} it is dropped without a word",
        right.words(),
        scope.words()
    );
    Some(look.say(Rule::WrongPlace, severity, value.at(), message))
}

/// What tgtd has, but tgt-admin does not hand on (B54, G06 to G08).
fn only_tgtadm<'l>(look: &'l mut Look<'_>, option: &str, value: &Value) -> Answer<'l> {
    if words::LUN_PARAMETERS.contains(&option) {
        let message =
            format!("\"{option}\" is no option of its own and is dropped; it is one of \"params\"");
        let line = format!("params {option}={}", show(&value.text()));
        return Some(
            look.warn(Rule::NotAnOption, value.at(), message)
                .mended(line),
        );
    }
    if words::TARGET_PARAMETERS.contains(&option) {
        let message =
            format!("\"{option}\" is dropped: tgtadm can set it on a target, tgt-admin cannot");
        return Some(look.warn(Rule::NotAnOption, value.at(), message));
    }
    None
}
