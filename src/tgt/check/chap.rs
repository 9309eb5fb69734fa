//! Accounts (facts 3.6): global to the daemon, their passwords never changed by tgt-admin.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Rule;
use super::look::Look;
use crate::tgt::conf::plan::{PlannedTarget, User};
use crate::tgt::conf::{Value, show};

/// What every peer takes: ceph-iscsi and Windows insist on it.
const LENGTHS: std::ops::RangeInclusive<usize> = 12..=16;

pub(super) fn look(look: &mut Look<'_>) {
    let plan = look.plan;
    let mut passwords: BTreeMap<&str, &str> = BTreeMap::new();
    for target in &plan.targets {
        for user in target.incoming.iter().chain(&target.outgoing) {
            password(look, target, user);
            let first = *passwords.entry(&user.name).or_insert(&user.password);
            if first != user.password {
                let message = format!(
                    "{} has another password already, and accounts belong to the whole daemon: this password is ignored",
                    show(&user.name)
                );
                look.danger(Rule::Chap, user.at, message).of(&target.name);
            }
        }
        mutual(look, target);
    }
    words(look);
    readable(look);
}

fn password(look: &mut Look<'_>, target: &PlannedTarget, user: &User) {
    let length = user.password.chars().count();
    if !LENGTHS.contains(&length) {
        let message = format!(
            "the password has {length} characters; tgtd does not mind, but many initiators insist on 12 to 16"
        );
        look.warn(Rule::Chap, user.at, message).of(&target.name);
    }
}

fn mutual(look: &mut Look<'_>, target: &PlannedTarget) {
    let Some(outgoing) = target.outgoing.first() else {
        return;
    };
    if target.incoming.is_empty() {
        let message = "outgoinguser without incominguser: initiators are not asked for a password";
        look.warn(Rule::Chap, outgoing.at, message).of(&target.name);
    }
    let same = |user: &&User| user.password == outgoing.password;
    if target.incoming.iter().any(|user| same(&user)) {
        let message = "both directions have one password: ESXi refuses that";
        look.warn(Rule::Chap, outgoing.at, message).of(&target.name);
    }
}

/// A third word is dropped (C09).
fn words(look: &mut Look<'_>) {
    let mut cut = Vec::new();
    let outside = ["incomingdiscoveryuser", "outgoingdiscoveryuser"];
    let values = outside.iter().filter_map(|option| look.tree.get(option));
    cut.extend(values.map(|value| (None, value)));
    for (name, target) in look.targets() {
        for option in ["incominguser", "outgoinguser"] {
            let values = target.get(option).into_iter().flat_map(Value::each);
            cut.extend(values.map(|value| (Some(name.to_owned()), value)));
        }
    }
    let cut: Vec<_> = cut
        .into_iter()
        .filter(|(_, value)| value.text().split(' ').nth(2).is_some())
        .filter(|(_, value)| {
            value
                .text()
                .split(' ')
                .nth(1)
                .is_some_and(|word| !word.is_empty())
        })
        .map(|(name, value)| (name, value.at()))
        .collect();
    for (name, at) in cut {
        let message = "the password ends at the first blank: the rest is dropped without a word";
        let said = look.danger(Rule::Chap, at, message);
        if let Some(name) = name {
            let _said = said.of(&name);
        }
    }
}

/// Files with passwords are nobody else's business.
fn readable(look: &mut Look<'_>) {
    let plan = look.plan;
    let users = plan
        .targets
        .iter()
        .flat_map(|target| target.incoming.iter().chain(&target.outgoing));
    let mut seen = BTreeSet::new();
    for user in users {
        let Some(at) = look
            .conf
            .lines
            .place(user.at)
            .filter(|at| seen.insert(at.file))
        else {
            continue;
        };
        let path = look.conf.lines.path(at).to_path_buf();
        if let Some(mode) = look.files.mode(&path).filter(|mode| mode & 0o077 != 0) {
            let message = format!(
                "a password in a file of mode {mode:04o}: chmod 0600 {}",
                path.display()
            );
            look.warn(Rule::SecretsReadable, at, message);
        }
    }
}
