//! Names of targets and initiators (facts 5): tgtd compares bytes and checks little.

use super::finding::Rule;
use super::look::Look;
use crate::tgt::conf::lines::LineId;
use crate::tgt::conf::{Map, Value, show};

/// RFC 3720: so many bytes.
const LONGEST: usize = 223;

pub(super) fn look(look: &mut Look<'_>) {
    let targets = look.tree.get("target").and_then(Value::block);
    for (name, value) in targets.into_iter().flat_map(|map| &map.entries) {
        if let Some(target) = value.block() {
            target_name(look, name, target.at());
            tags(look, name, target);
        }
    }
    let plan = look.plan;
    for target in &plan.targets {
        for (name, at) in &target.names {
            initiator_name(look, &target.name, name, *at);
        }
    }
}

fn target_name(look: &mut Look<'_>, name: &str, at: LineId) {
    let shown = show(name);
    if name.is_empty() {
        let message = "the target's name is empty";
        look.danger(Rule::BlockName, at, message);
        return;
    }
    if name.contains(['<', '>']) {
        let message =
            "a block begins and ends on lines of its own: all of this line became the name";
        look.danger(Rule::BlockName, at, message).of(name);
        return;
    }
    if name.trim() != name {
        let message = "the blank in front of \">\" belongs to the name: tgt-admin makes the target, does not know it again and deletes it in the same run";
        look.danger(Rule::BlockName, at, message)
            .of(name)
            .mended(format!("<target {}>", shown.trim()));
        return;
    }
    if name.contains(char::is_whitespace) {
        let message = "a blank in the name: tgtadm does not know what to do with the second word, and tgt-admin stops there";
        look.danger(Rule::BlockName, at, message).of(name);
        return;
    }
    characters(look, name, at);
}

fn characters(look: &mut Look<'_>, name: &str, at: LineId) {
    let taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '-');
    if let Some(bad) = name.chars().find(|c| !taken(*c)) {
        let what = if bad == ',' {
            "cuts the name at the comma"
        } else {
            "refuses the name, and tgt-admin stops there"
        };
        let message = format!("tgtd {what}: {:?} may not be in it", show(&bad.to_string()));
        look.danger(Rule::Name, at, message).of(name);
    } else if name.contains(|c: char| c.is_ascii_uppercase()) {
        let message = "iSCSI names are small letters; tgtd keeps capitals, and initiators may ask for another name";
        let small = name.to_ascii_lowercase();
        look.warn(Rule::Name, at, message)
            .of(name)
            .replaced(name, &small);
    } else if let Some(why) = not_iscsi(name) {
        look.warn(Rule::Name, at, format!("this is no iSCSI name: {why}"))
            .of(name);
    }
}

/// Tags that look like blocks but whose names begin with a blank or are lost.
fn tags(look: &mut Look<'_>, name: &str, target: &Map) {
    for (option, value) in &target.entries {
        if value.block().is_some() && option.trim() != option {
            let message = format!(
                "the blank behind \"<\" belongs to the block's kind: {:?}",
                show(option)
            );
            look.danger(Rule::BlockName, value.at(), message).of(name);
        }
    }
}

fn initiator_name(look: &mut Look<'_>, target: &str, name: &str, at: LineId) {
    if name == "ALL" || name.contains([' ', ',']) {
        return;
    }
    let small = name.to_ascii_lowercase();
    if small != name {
        let message = "tgtd compares names letter by letter, and initiators send small ones: this never matches";
        look.warn(Rule::Name, at, message)
            .of(target)
            .replaced(name, &small);
    } else if let Some(why) = not_iscsi(name) {
        let message = format!("{} is no iSCSI name: {why}", show(name));
        look.warn(Rule::Name, at, message).of(target);
    }
}

/// Why a name is none.
fn not_iscsi(name: &str) -> Option<&'static str> {
    if name.len() > LONGEST {
        return Some("it is longer than 223 bytes");
    }
    if let Some(digits) = name.strip_prefix("eui.") {
        return (!is_hex(digits, &[16])).then_some("eui. and 16 hexadecimal digits");
    }
    if let Some(digits) = name.strip_prefix("naa.") {
        return (!is_hex(digits, &[16, 32])).then_some("naa. and 16 or 32 hexadecimal digits");
    }
    let Some(rest) = name.strip_prefix("iqn.") else {
        return Some("it begins with none of iqn., eui., naa");
    };
    let domain = rest.get(8..).unwrap_or_default();
    let is_date = rest.get(..8).is_some_and(is_date);
    let labels = domain.split(':').next().unwrap_or_default();
    let good = is_date && labels.split('.').count() > 1 && labels.split('.').all(is_label);
    (!good).then_some("iqn.YYYY-MM.reversed.domain:anything")
}

/// `YYYY-MM.`
fn is_date(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let [year, month] = [text.get(..4), text.get(5..7)].map(Option::unwrap_or_default);
    digits(year)
        && text.get(4..).is_some_and(|rest| rest.starts_with('-'))
        && text.ends_with('.')
        && matches!(month.parse(), Ok(1..=12))
}

fn is_label(label: &str) -> bool {
    let taken = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !label.is_empty()
        && label.chars().all(taken)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_hex(digits: &str, lengths: &[usize]) -> bool {
    lengths.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::not_iscsi;

    #[test]
    fn iscsi_names() {
        for good in [
            "iqn.2014-02.domain.my:my-client.my-target-name",
            "iqn.1998-01.com.vmware:esx1-12ab",
            "eui.0123456789abcdef",
        ] {
            assert_eq!(not_iscsi(good), None, "{good}");
        }
        for bad in [
            "foo",
            "iqn.2014-13.a.b:c",
            "iqn.2014-02.a:c",
            "iqn.14-02.a.b",
            "iqn.2014-0\u{e4}",
            "iqn.a\u{e4}\u{e4}bcd",
            "eui.12",
            "iqn.",
        ] {
            assert!(not_iscsi(bad).is_some(), "{bad}");
        }
    }
}
