//! Which cluster of Ceph's each datastore is on, as its bridges and hosts reach it: if they do not agree, a VM would get another
//! cluster's image of the same name, or none.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::doctor::Finding;
use crate::job::{Request, StepAsk, Steps};
use crate::model::Access;
use crate::one::DatastoreId;
use crate::one::call::Node;
use crate::{Kind, Result};

const REMEDY: &str = "have the same configuration file, and a key of that cluster, on its bridges and hosts: CEPH_CONF, CEPH_USER and CEPH_KEY of the \
     datastore, or [ceph] in their warmblock.toml";

/// A datastore, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Store {
    pub(super) id: DatastoreId,
    pub(super) name: String,
    /// `None`: as each host's own configuration has it.
    pub(super) access: Option<Access>,
    /// Who reaches it besides the hosts of VMs.
    pub(super) bridges: Vec<Node>,
}

/// What a host or bridge said of a datastore: the cluster, or why it does not get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) store: DatastoreId,
    pub(super) node: Node,
    pub(super) cluster: Result<String, String>,
}

/// What a host is asked for: all datastores, each by its own access.
pub(super) fn request(stores: &[&Store]) -> Request {
    // One that is not reached is none of the others' business.
    let may_fail = [
        Kind::Ceph,
        Kind::Config,
        Kind::Missing,
        Kind::NotFound,
        Kind::Timeout,
        Kind::Failed,
    ];
    let ask = |store: &&Store| {
        let ask = StepAsk::new(Request::LookCluster).by(store.access.as_ref());
        may_fail.into_iter().fold(ask, StepAsk::content_with)
    };
    Request::Steps(Steps {
        steps: stores.iter().map(ask).collect(),
        every: true,
    })
}

/// What it answered.
pub(super) fn seen(node: &Node, stores: &[&Store], said: &Result<Value>) -> Vec<Seen> {
    let of = |(nr, store): (usize, &&Store)| {
        let cluster = match said {
            Err(error) => Err(error.chain()),
            Ok(said) => {
                let step = &said["steps"][nr];
                let fsid = step["done"]["fsid"].as_str().map(str::to_owned);
                fsid.ok_or_else(|| step["content"].as_str().unwrap_or("no answer").to_owned())
            }
        };
        Seen {
            store: store.id,
            node: node.clone(),
            cluster,
        }
    };
    stores.iter().enumerate().map(of).collect()
}

/// What it comes to.
pub(super) fn judged(stores: &[Store], seen: &[Seen]) -> Vec<Finding> {
    stores
        .iter()
        .filter_map(|store| judge(store, seen))
        .collect()
}

fn judge(store: &Store, seen: &[Seen]) -> Option<Finding> {
    let name = format!("cluster of datastore {} ({})", store.id, store.name);
    let mut clusters: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut lost = Vec::new();
    for seen in seen.iter().filter(|seen| seen.store == store.id) {
        match &seen.cluster {
            Ok(fsid) => clusters.entry(fsid).or_default().push(seen.node.as_str()),
            Err(why) => lost.push(format!("{} ({why})", seen.node)),
        }
    }
    let told = |(fsid, nodes): (&&str, &Vec<&str>)| format!("{fsid} at {}", nodes.join(", "));
    let told: Vec<String> = clusters.iter().map(told).collect();
    if clusters.len() > 1 {
        let differs = format!(
            "its bridges and hosts reach different clusters: {}; VMs would get other images than it has, or none",
            told.join("; ")
        );
        return Some(Finding::fail(name, differs, REMEDY));
    }
    if !lost.is_empty() {
        let found = format!("it is not reached by {}", lost.join(", "));
        return Some(Finding::fail(name, found, REMEDY));
    }
    let (fsid, nodes) = clusters.into_iter().next()?;
    Some(Finding::ok(
        name,
        format!("{fsid}, by {} of its bridges and hosts", nodes.len()),
    ))
}
