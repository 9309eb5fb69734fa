//! `one doctor`: is the driver there, known to oned, and on every host; and if not, what is to be done. It only looks.
//!
//! Each check answers with findings and never fails itself; what is judged is judged by pure functions.

mod clusters;
mod hosts;
mod pools;

use std::os::unix::fs::PermissionsExt as _;

use super::install::{self, CACHE_ATTRIBUTES, Settings};
use super::oned::{Oned, Surroundings};
use super::tree::Tree;
use crate::doctor::{Finding, Findings, State};
use crate::{Context, Error};

const AS_WHOM: &str = "run it as root or oneadmin, on the front-end";
const INSTALL: &str = "`warmblock one install` mends it";

/// Looks at everything.
pub fn examine(tree: &Tree, around: &Surroundings) -> Findings {
    let mut findings = vec![opennebula(tree), scripts(tree)];
    findings.extend(oned_conf(tree));
    findings.push(execrc(tree));
    findings.extend(running(&Oned::find(around)));
    Findings {
        version: Findings::VERSION,
        findings,
    }
}

fn opennebula(tree: &Tree) -> Finding {
    let place = tree.remotes.display();
    match tree.version() {
        Some(version) => Finding::ok("OpenNebula", format!("{version} at {place}")),
        None => Finding::fail(
            "OpenNebula",
            format!("there is none: no {place}/VERSION says its release"),
            "run this on the front-end; ONE_LOCATION or --location names a self-contained installation",
        ),
    }
}

/// Whether all scripts are there, as this release has them.
fn scripts(tree: &Tree) -> Finding {
    let wanted = install::wanted(tree);
    let differs = |(path, text, mode): &&(std::path::PathBuf, std::borrow::Cow<'_, str>, u32)| {
        let same_mode = |of: std::fs::Metadata| of.permissions().mode() & 0o777 == *mode;
        let same = std::fs::read(path).is_ok_and(|there| there == text.as_bytes());
        !same || !std::fs::metadata(path).is_ok_and(same_mode)
    };
    let other: Vec<String> = wanted
        .iter()
        .filter(differs)
        .map(|(path, ..)| path.display().to_string())
        .collect();
    match other.as_slice() {
        [] => Finding::ok("scripts", format!("{} of the driver's", wanted.len())),
        [first, rest @ ..] => {
            let more = match rest.len() {
                0 => String::new(),
                count => format!(" and {count} more"),
            };
            Finding::fail(
                "scripts",
                format!("{first}{more}: not there, of another release, or without its mode"),
                format!("{INSTALL}; then `onehost sync --force` as oneadmin"),
            )
        }
    }
}

fn oned_conf(tree: &Tree) -> Vec<Finding> {
    let path = tree.oned_conf();
    let text = match Settings::read(&path) {
        Ok(settings) => settings.text,
        Err(error) => return vec![Finding::of_error("oned.conf", &error, AS_WHOM)],
    };
    let lacks = match install::lacks(&text) {
        Ok(lacks) => lacks,
        Err(error) => return vec![Finding::of_error("oned.conf", &error, INSTALL)],
    };
    if lacks.is_empty() {
        return vec![Finding::ok(
            "oned.conf",
            "lists, settings and attributes of the driver",
        )];
    }
    let finding = |lack: &install::Lack| match (lack.is_mended(), is_comfort(&lack.what)) {
        (true, false) => Finding::fail(
            "oned.conf",
            &lack.what,
            format!("{INSTALL}; then restart oned"),
        ),
        (true, true) => Finding::warn(
            "oned.conf",
            &lack.what,
            format!("{INSTALL}; then restart oned"),
        ),
        (false, _) => Finding::warn(
            "oned.conf",
            &lack.what,
            "if that is not on purpose, take the line out, run `warmblock one install` and restart oned",
        ),
    };
    lacks.iter().map(finding).collect()
}

/// Without the attributes' lines the driver works; only nobody can say how a disk is cached.
fn is_comfort(what: &str) -> bool {
    CACHE_ATTRIBUTES.iter().any(|name| what.contains(name))
}

fn execrc(tree: &Tree) -> Finding {
    const WHAT: &str = "live snapshots";
    let path = tree.execrc();
    let text = match Settings::read(&path) {
        Ok(settings) => settings.text,
        Err(error) => return Finding::warn(WHAT, error.chain(), AS_WHOM),
    };
    let lacks = install::lacks_of_execrc(&text);
    let lacks = match lacks.context(|| path.display().to_string()) {
        Ok(lacks) => lacks,
        Err(error) => return Finding::of_error(WHAT, &error, INSTALL).at_most(State::Warn),
    };
    if lacks.is_empty() {
        return Finding::ok(WHAT, format!("registered in {}", path.display()));
    }
    Finding::warn(
        WHAT,
        format!(
            "LIVE_DISK_SNAPSHOTS does not name {}: such snapshots of disks of running VMs are refused",
            lacks.join(", ")
        ),
        format!("{INSTALL}; then restart oned"),
    )
}

/// What only a running oned knows: the datastores, and the hosts.
fn running(oned: &Oned) -> Vec<Finding> {
    let asked = || Ok::<_, Error>((oned.datastores()?, oned.images()?, oned.hosts()?));
    let (stores, images, hosts) = match asked() {
        Ok(known) => known,
        Err(error) => return vec![Finding::of_error("oned", &error, "start oned")],
    };
    let mut stores = pools::datastores(&stores);
    let mut findings = std::mem::take(&mut stores.findings);
    match pools::images(&images, &stores.ids) {
        Err(error) => findings.push(Finding::of_error("images", &error, "please report it")),
        Ok(found) => findings.extend(found),
    }
    match pools::hosts(&hosts, &stores) {
        Err(error) => findings.push(Finding::of_error("hosts", &error, "please report it")),
        Ok((hosts, passed_over)) => {
            findings.extend(passed_over);
            findings.extend(hosts::examine(&hosts, &stores));
        }
    }
    findings
}

#[cfg(test)]
mod tests;
