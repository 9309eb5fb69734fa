//! Hosts: whether a job gets there, and which release does it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::clusters::{self, Seen, Store};
use super::pools::Stores;
use crate::doctor::Finding;
use crate::job::{Job, Request, StoreDir};
use crate::model::HostName;
use crate::one::Remote;
use crate::one::call::Node;
use crate::one::plan::host_name;
use crate::{Error, Result};

/// This release.
const OURS: &str = env!("CARGO_PKG_VERSION");

/// How long a host may take to answer.
const DEADLINE: Duration = Duration::from_secs(60);

/// What there is to say of each host and bridge, all of which are asked at once: also which clusters they reach, and of a host
/// whether VMs' directories can be made there.
pub(super) fn examine(hosts: &[Node], stores: &Stores) -> Vec<Finding> {
    let runs_vms: BTreeSet<&Node> = hosts.iter().collect();
    let nodes: BTreeSet<&Node> = hosts.iter().chain(&stores.bridges).collect();
    let remote = Remote::new(DEADLINE);
    let answers = std::thread::scope(|scope| {
        let ask = |node| {
            let dirs = runs_vms.contains(node).then_some(stores.dirs.as_slice());
            let reached = stores.reached.iter();
            let reached: Vec<&Store> = reached
                .filter(|store| dirs.is_some() || store.bridges.contains(node))
                .collect();
            let remote = &remote;
            (
                node,
                scope.spawn(move || of_host(remote, node, dirs, &reached)),
            )
        };
        let asked: Vec<_> = nodes.into_iter().map(ask).collect();
        let said = asked.into_iter().map(|(node, asked)| {
            asked.join().unwrap_or_else(|_| {
                let name = format!("host {node}");
                let broken = Finding::fail(name, "the check broke off", "please report it");
                OfHost {
                    findings: vec![broken],
                    named: None,
                    seen: Vec::new(),
                }
            })
        });
        said.collect::<Vec<_>>()
    });
    let (mut findings, mut named, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    for answer in answers {
        findings.extend(answer.findings);
        named.extend(answer.named);
        seen.extend(answer.seen);
    }
    findings.extend(twins(&named));
    findings.extend(clusters::judged(&stores.reached, &seen));
    findings
}

/// What is known of a host or bridge.
struct OfHost {
    findings: Vec<Finding>,
    /// The name that one that runs VMs has for itself.
    named: Option<(Node, HostName)>,
    seen: Vec<Seen>,
}

/// Hosts that have one name for themselves: each takes the other's leases for its own.
pub(super) fn twins(named: &[(Node, HostName)]) -> Vec<Finding> {
    let twin = |(at, (node, name)): (usize, &(Node, HostName))| {
        let (first, _) = named.iter().take(at).find(|(_, other)| other == name)?;
        Some(Finding::fail(
            format!("host {node}"),
            format!(
                "it calls itself {name}, as {first} does: each would take the other's disks for its own"
            ),
            "give each host a name of its own (hostnamectl), or `host = …` in its /etc/warmblock/warmblock.toml; \
             if it is one machine, have it in OpenNebula once",
        ))
    };
    named.iter().enumerate().filter_map(twin).collect()
}

/// A host of another release is not asked for more: it may not know what that is. One that runs VMs, in these directories, is
/// known by the name that it has for itself.
fn of_host(remote: &Remote, node: &Node, dirs: Option<&[PathBuf]>, stores: &[&Store]) -> OfHost {
    let said = asked(remote, node, Request::Hello);
    let name = said.as_ref().ok().and_then(|said| said["host"].as_str());
    let name: Option<HostName> = name.and_then(|name| name.parse().ok());
    let name = name.filter(|_| dirs.is_some());
    let said = said.map(|said| said["release"].as_str().unwrap_or("another").to_owned());
    let same = said.as_ref().is_ok_and(|release| release == OURS);
    let mut findings = vec![judged(node, said)];
    findings.extend(name.as_ref().and_then(|name| judged_name(node, name)));
    for dir in dirs.into_iter().flatten().filter(|_| same) {
        let path = dir.clone();
        let said = asked(remote, node, Request::LookDir(StoreDir { path }));
        findings.push(judged_dir(node, dir, said));
    }
    let ask = same && !stores.is_empty();
    let seen = ask.then(|| {
        let said = asked(remote, node, clusters::request(stores));
        clusters::seen(node, stores, &said)
    });
    OfHost {
        findings,
        named: name.map(|name| (node.clone(), name)),
        seen: seen.unwrap_or_default(),
    }
}

/// What is wrong with the name that a host has for itself, by which its leases know it: OpenNebula's name for it must lead there.
pub(super) fn judged_name(node: &Node, name: &HostName) -> Option<Finding> {
    let known = host_name(node).ok()?;
    let finding = || {
        Finding::fail(
            format!("host {node}"),
            format!(
                "it calls itself {name} in the leases of its disks: should it die, they are refused elsewhere as another host's"
            ),
            format!(
                "set `host = \"{known}\"` in its /etc/warmblock/warmblock.toml while it has no disk attached"
            ),
        )
    };
    (!known.may_be(name)).then(finding)
}

fn asked(remote: &Remote, node: &Node, request: Request) -> Result<Value> {
    let job = Job {
        dry_run: true,
        ..Job::new(request)
    };
    remote.run(node, &job)
}

/// A release, to be compared; of one that is no three numbers, what can be read of it.
fn numbers(release: &str) -> Vec<u32> {
    let words = release.split(|c: char| !c.is_ascii_digit());
    words.map_while(|word| word.parse().ok()).collect()
}

/// Whether VMs' directories can be made in a datastore's.
pub(super) fn judged_dir(node: &Node, dir: &Path, said: Result<Value>) -> Finding {
    let name = format!("host {node}, {}", dir.display());
    match said {
        Ok(_) => Finding::ok(name, "VMs' directories can be made there"),
        Err(error) => Finding::of_error(name, &error, "see that root may write there"),
    }
}

/// What a host's answer means.
pub(super) fn judged(node: &Node, said: Result<String, Error>) -> Finding {
    let name = format!("host {node}");
    match said {
        Ok(release) if release == OURS => {
            Finding::ok(name, format!("warmblock {release}, by ssh and sudo"))
        }
        Ok(release) => Finding::warn(
            name,
            format!("it has warmblock {release}, and the front-end {OURS}"),
            match numbers(&release) > numbers(OURS) {
                true => format!("install {release} here, on the front-end"),
                false => format!("install {OURS} there"),
            },
        ),
        // An older one knows no such request.
        Err(error) if error.chain().contains("unknown variant `hello`") => Finding::fail(
            name,
            "its warmblock is older than this one",
            format!("install {OURS} there"),
        ),
        Err(error) => Finding::of_error(name, &error, "see that `warmblock host` runs there"),
    }
}
