//! Who may log in (facts 3.6): an address *or* a name lets an initiator in.

use std::net::Ipv4Addr;

use super::finding::Rule;
use super::look::Look;
use crate::tgt::conf::lines::LineId;
use crate::tgt::conf::plan::PlannedTarget;
use crate::tgt::conf::show;

/// An address that no initiator can have, for targets that are kept by name.
const NOBODY: &str = "initiator-address 192.0.2.255";

pub(super) fn look(look: &mut Look<'_>) {
    let plan = look.plan;
    let all = plan.targets.len();
    for (nth, target) in plan.targets.iter().enumerate() {
        for (address, at) in &target.addresses {
            look_at(look, target, address, *at);
        }
        for (name, at) in &target.names {
            several(look, target, name, *at, "initiator-name");
        }
        // Of a target that is half made the rest is not known.
        if nth + 1 < all || plan.stop.is_none() {
            whole(look, target);
        }
    }
}

fn whole(look: &mut Look<'_>, target: &PlannedTarget) {
    let chap = !target.incoming.is_empty();
    let (open, at) = match target
        .addresses
        .iter()
        .find(|(address, _)| address == "ALL")
    {
        Some((_, at)) => (true, Some(*at)),
        None => (target.all_added, target.at),
    };
    if open {
        return open_to_all(look, target, chap, at);
    }
    let real = target
        .addresses
        .iter()
        .any(|(address, _)| !is_nobody(address));
    if let (true, Some((name, at))) = (real, target.names.first()) {
        let message = format!(
            "address and name are alternatives: {} gets in from anywhere, and anybody from the addresses",
            show(name)
        );
        look.warn(Rule::AddressOrName, *at, message)
            .of(&target.name);
    }
}

fn open_to_all(look: &mut Look<'_>, target: &PlannedTarget, chap: bool, at: Option<LineId>) {
    let asked = !target.all_added;
    let why = if asked {
        "\"initiator-address ALL\" lets everybody in"
    } else if target.names.is_empty() {
        "there is no initiator-address, so tgt-admin adds \"-I ALL\": every initiator may log in"
    } else {
        "initiator-name alone keeps nobody out: tgt-admin adds \"-I ALL\", and an address is enough"
    };
    let mended = if target.names.is_empty() {
        "initiator-address ADDRESS"
    } else {
        NOBODY
    };
    if chap {
        let message = format!("{why} who knows the password; everybody may see the target");
        let said = if asked {
            look.note(Rule::OpenToAll, at, message)
        } else {
            look.warn(Rule::OpenToAll, at, message)
        };
        let _said = said.of(&target.name).mended(mended);
    } else {
        let said = if asked {
            look.warn(Rule::OpenToAll, at, why)
        } else {
            look.danger(Rule::OpenToAll, at, why)
        };
        let _said = said.of(&target.name).mended(mended);
    }
}

fn look_at(look: &mut Look<'_>, target: &PlannedTarget, address: &str, at: LineId) {
    if several(look, target, address, at, "initiator-address") {
        return;
    }
    if let Some(why) = never_matches(address) {
        let message = format!("{} matches no initiator: {why}", show(address));
        look.warn(Rule::AddressForm, at, message).of(&target.name);
    }
}

/// Several on a line (B04, B05).
fn several(
    look: &mut Look<'_>,
    target: &PlannedTarget,
    text: &str,
    at: LineId,
    option: &str,
) -> bool {
    if text.contains(',') {
        let message = "tgtd takes all of it for one, which matches nobody; one per line";
        let lines = one_per_line(text, option);
        look.danger(Rule::SeveralInOne, at, message)
            .of(&target.name)
            .mended(lines);
        return true;
    }
    if text.split_whitespace().nth(1).is_some() {
        let message = "tgtadm does not know what to do with the second one: tgt-admin stops here, later targets are missing";
        let lines = one_per_line(text, option);
        look.danger(Rule::SeveralInOne, at, message)
            .of(&target.name)
            .mended(lines);
        return true;
    }
    false
}

fn one_per_line(text: &str, option: &str) -> String {
    let words = text.split([',', ' ', '\t']).filter(|word| !word.is_empty());
    let lines: Vec<_> = words
        .map(|word| format!("{option} {}", show(word)))
        .collect();
    lines.join("\n")
}

/// Addresses that are reserved for documents: nobody has one.
fn is_nobody(address: &str) -> bool {
    address
        .parse::<Ipv4Addr>()
        .is_ok_and(|address| address.is_documentation())
}

/// Why an address that tgtadm accepts never matches (facts 3.6: tgtadm validates nothing).
fn never_matches(address: &str) -> Option<&'static str> {
    if address == "ALL" {
        return None;
    }
    if address.eq_ignore_ascii_case("all") {
        return Some("ALL is written in capitals");
    }
    let (host, prefix) = match address.split_once('/') {
        Some((host, prefix)) => (host, Some(prefix)),
        None => (address, None),
    };
    if host.starts_with('[') && host.ends_with(']') {
        return None;
    }
    let Some(bits) = ipv4(host) else {
        return Some("it is no address, and names are not looked up (IPv6 stands in [brackets])");
    };
    match prefix?.parse::<u32>() {
        Ok(prefix @ 1..=31) if bits & (u32::MAX >> prefix) == 0 => None,
        Ok(1..=31) => Some("the address of a network ends with zero bits"),
        Ok(0) => Some("a network of /0 is never matched; ALL means everybody"),
        Ok(32) => Some("a network of /32 is never matched; leave /32 away"),
        _ => Some("that is no network"),
    }
}

/// As C reads it: `127.1` is 127.0.0.1.
fn ipv4(host: &str) -> Option<u32> {
    let parts: Vec<u32> = host
        .split('.')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 255) {
        return None;
    }
    let high = first
        .iter()
        .zip([24, 16, 8])
        .fold(0, |bits, (part, shift)| bits | (part << shift));
    Some(high | last)
}

#[cfg(test)]
mod tests {
    use super::never_matches;

    #[test]
    fn addresses_that_tgtd_matches() {
        for good in [
            "10.0.0.1",
            "127.1",
            "10.0.0.0/24",
            "127.0.0.0/8",
            "[fe80::1]",
            "[fe80::]/64",
            "ALL",
        ] {
            assert_eq!(never_matches(good), None, "{good}");
        }
        for bad in [
            "127.0.0.1/8",
            "10.0.0.1/32",
            "0.0.0.0/0",
            "host",
            "all",
            "10.0.0.0.1",
            "300.0.0.1",
            "10.0.0.0/x",
        ] {
            assert!(never_matches(bad).is_some(), "{bad}");
        }
    }
}
