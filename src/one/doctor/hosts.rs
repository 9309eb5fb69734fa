//! Hosts: whether a job gets there, and which release does it.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::doctor::Finding;
use crate::job::{Job, Request};
use crate::one::Remote;
use crate::one::call::Node;
use crate::{Error, Result};

/// How long a host may take to answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// A finding per host. All are asked at once.
pub(super) fn examine(nodes: impl Iterator<Item = Node>) -> Vec<Finding> {
    let nodes: BTreeSet<Node> = nodes.collect();
    let remote = Remote::new(DEADLINE);
    std::thread::scope(|scope| {
        let asked: Vec<_> = nodes
            .iter()
            .map(|node| (node, scope.spawn(|| release(&remote, node))))
            .collect();
        let said = asked.into_iter().map(|(node, asked)| match asked.join() {
            Ok(said) => judged(node, said),
            Err(_) => Finding::fail(
                format!("host {node}"),
                "the check broke off",
                "please report it",
            ),
        });
        said.collect()
    })
}

/// The release of warmblock on a host.
fn release(remote: &Remote, node: &Node) -> Result<String> {
    let job = Job {
        version: Job::VERSION,
        dry_run: true,
        request: Request::Hello,
    };
    let answer = remote.run(node, &job)?;
    Ok(answer["release"].as_str().unwrap_or("another").to_owned())
}

/// What a host's answer means.
pub(super) fn judged(node: &Node, said: Result<String, Error>) -> Finding {
    let name = format!("host {node}");
    let ours = env!("CARGO_PKG_VERSION");
    match said {
        Ok(release) if release == ours => {
            Finding::ok(name, format!("warmblock {release}, by ssh and sudo"))
        }
        Ok(release) => Finding::warn(
            name,
            format!("it has warmblock {release}, and the front-end {ours}"),
            format!("install {ours} there, or {release} here"),
        ),
        // An older one knows no such request.
        Err(error) if error.chain().contains("hello") => Finding::fail(
            name,
            "its warmblock is older than this one",
            format!("install {ours} there"),
        ),
        Err(error) => Finding::of_error(name, &error, "see that `warmblock host` runs there"),
    }
}
