//! Hosts: whether a job gets there, and which release does it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::doctor::Finding;
use crate::job::{Job, Request, StoreDir};
use crate::one::Remote;
use crate::one::call::Node;
use crate::{Error, Result};

/// This release.
const OURS: &str = env!("CARGO_PKG_VERSION");

/// How long a host may take to answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// What there is to say of each host and bridge, all of which are asked at once; of a host also whether VMs' directories can be
/// made in these.
pub(super) fn examine(hosts: &[Node], bridges: &[Node], dirs: &[PathBuf]) -> Vec<Finding> {
    let runs_vms: BTreeSet<&Node> = hosts.iter().collect();
    let nodes: BTreeSet<&Node> = hosts.iter().chain(bridges).collect();
    let remote = Remote::new(DEADLINE);
    std::thread::scope(|scope| {
        let ask = |node| {
            let dirs = if runs_vms.contains(node) { dirs } else { &[] };
            let remote = &remote;
            (node, scope.spawn(move || of_host(remote, node, dirs)))
        };
        let asked: Vec<_> = nodes.into_iter().map(ask).collect();
        let said = asked.into_iter().flat_map(|(node, asked)| {
            asked.join().unwrap_or_else(|_| {
                let name = format!("host {node}");
                vec![Finding::fail(
                    name,
                    "the check broke off",
                    "please report it",
                )]
            })
        });
        said.collect()
    })
}

/// A host of another release is not asked for more: it may not know what that is.
fn of_host(remote: &Remote, node: &Node, dirs: &[PathBuf]) -> Vec<Finding> {
    let said = asked(remote, node, Request::Hello)
        .map(|answer| answer["release"].as_str().unwrap_or("another").to_owned());
    let same = said.as_ref().is_ok_and(|release| release == OURS);
    let mut findings = vec![judged(node, said)];
    for dir in dirs.iter().filter(|_| same) {
        let path = dir.clone();
        let said = asked(remote, node, Request::LookDir(StoreDir { path }));
        findings.push(judged_dir(node, dir, said));
    }
    findings
}

fn asked(remote: &Remote, node: &Node, request: Request) -> Result<Value> {
    let job = Job {
        version: Job::VERSION,
        dry_run: true,
        request,
    };
    remote.run(node, &job)
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
            format!("install {OURS} there, or {release} here"),
        ),
        // An older one knows no such request.
        Err(error) if error.chain().contains("hello") => Finding::fail(
            name,
            "its warmblock is older than this one",
            format!("install {OURS} there"),
        ),
        Err(error) => Finding::of_error(name, &error, "see that `warmblock host` runs there"),
    }
}
