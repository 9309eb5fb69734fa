//! What oned tells of its datastores, images and hosts.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::clusters::Store;
use crate::Result;
use crate::doctor::Finding;
use crate::one::DatastoreId;
use crate::one::call::Node;
use crate::one::document::{
    DatastoreRow, HostRow, ImageRow, parse_datastores, parse_hosts, parse_images,
};
use crate::one::install::{NAME, TRANSFER};
use crate::one::names::DEFAULT_POOL;

/// What the datastores of this driver come to.
#[derive(Debug, Default)]
pub(super) struct Stores {
    /// What is to be said of them.
    pub(super) findings: Vec<Finding>,
    /// Their bridges.
    pub(super) bridges: Vec<Node>,
    /// The directories of those that VMs run in, on every host.
    pub(super) dirs: Vec<PathBuf>,
    /// Which they are.
    pub(super) ids: BTreeSet<DatastoreId>,
    /// How those are reached whose words can be used.
    pub(super) reached: Vec<Store>,
    /// The clusters whose hosts VMs with their disks come to; none if nobody says which.
    clusters: BTreeSet<String>,
}

impl Stores {
    fn none(finding: Finding) -> Self {
        Self {
            findings: vec![finding],
            ..Self::default()
        }
    }
}

/// The datastores of this driver, judged. `text` is a `DATASTORE_POOL`.
pub(super) fn datastores(text: &str) -> Stores {
    let rows = match parse_datastores(text) {
        Ok(rows) => rows,
        Err(error) => {
            let finding = Finding::of_error("datastores", &error, "please report it");
            return Stores::none(finding);
        }
    };
    let ours: Vec<&DatastoreRow> = rows.iter().filter(|row| row.is_of(NAME)).collect();
    if ours.is_empty() {
        let finding = Finding::warn(
            "datastores",
            "none is of this driver",
            "make an image and a system datastore: docs/opennebula.md says how",
        );
        return Stores::none(finding);
    }
    let bridges = ours.iter().flat_map(|row| row.bridges.iter());
    let systems = ours.iter().filter(|row| row.is_system);
    let clusters = ours.iter().flat_map(|row| row.clusters.iter().cloned());
    let usable = ours.iter().filter(|row| row.unusable.is_empty());
    Stores {
        reached: usable.map(|row| store(row)).collect(),
        ids: ours.iter().map(|row| row.id).collect(),
        clusters: clusters.collect(),
        findings: ours.iter().flat_map(|row| datastore(row)).collect(),
        bridges: bridges.filter_map(|name| name.parse().ok()).collect(),
        dirs: systems.map(|row| row.path.clone()).collect(),
    }
}

fn store(row: &DatastoreRow) -> Store {
    let bridges = row.bridges.iter().filter_map(|name| name.parse().ok());
    Store {
        id: row.id,
        name: row.name.clone(),
        access: row.access.clone(),
        bridges: bridges.collect(),
    }
}

fn datastore(row: &DatastoreRow) -> Vec<Finding> {
    let name = format!("datastore {} ({})", row.id, row.name);
    let wrong = [
        kinds_of_disks(row, &name),
        bridges(row, &name),
        drivers(row, &name),
        attributes(row, &name),
        taken_over(row, &name),
    ]
    .concat();
    if wrong.is_empty() {
        vec![Finding::ok(name, in_short(row))]
    } else {
        wrong
    }
}

fn in_short(row: &DatastoreRow) -> String {
    let kind = if row.is_system { "system" } else { "image" };
    match row.pool.as_deref() {
        Some(pool) => format!("{kind} datastore in pool {pool}"),
        None => format!("{kind} datastore in pool {DEFAULT_POOL}, which is the default"),
    }
}

/// As what VMs would open its disks and their context CDs.
fn kinds_of_disks(row: &DatastoreRow, name: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if row.disk_type.as_deref() != Some("BLOCK") {
        let is = row.disk_type.as_deref().unwrap_or("not set");
        findings.push(Finding::fail(
            name,
            format!("DISK_TYPE is {is}, so VMs would open its disks past the cache or not at all"),
            "set DISK_TYPE = BLOCK; images and VMs that there are already keep the old type",
        ));
    }
    if let Some(is) = row.context_disk_type.as_deref().filter(|is| *is == "BLOCK") {
        findings.push(Finding::fail(
            name,
            format!("CONTEXT_DISK_TYPE is {is}, and the context CDs of this driver are files: VMs would not start"),
            "take CONTEXT_DISK_TYPE out of its template",
        ));
    }
    findings
}

fn bridges(row: &DatastoreRow, name: &str) -> Vec<Finding> {
    if row.bridges.is_empty() {
        return vec![Finding::fail(
            name,
            "BRIDGE_LIST is empty, so nothing can be done for it",
            "name hosts that reach Ceph and have warmblock",
        )];
    }
    let unreadable = |word: &&String| word.parse::<Node>().is_err();
    let told = |bad: &String| {
        let what = format!("BRIDGE_LIST names {bad:?}");
        Finding::fail(name, what, "name hosts, between blanks")
    };
    row.bridges.iter().filter(unreadable).map(told).collect()
}

/// A datastore that another driver serves as well.
fn drivers(row: &DatastoreRow, name: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let named = row.data_driver.as_deref();
    if row.is_system && named.is_some_and(|driver| driver != "-") {
        findings.push(Finding::fail(
            name,
            "a system datastore has a DS_MAD",
            "take DS_MAD out of its template",
        ));
    }
    if let Some(other) = row.driver.as_deref().filter(|driver| *driver != NAME) {
        findings.push(Finding::fail(
            name,
            format!("DS_MAD is {NAME} and TM_MAD is {other}: disks would not be cached"),
            format!("set TM_MAD = {NAME}"),
        ));
    }
    findings
}

/// Attributes whose words cannot be used.
fn attributes(row: &DatastoreRow, name: &str) -> Vec<Finding> {
    let cache = row
        .cache_is_understood()
        .err()
        .map(|error| error.to_string());
    let all = row.unusable.iter().map(ToString::to_string).chain(cache);
    all.map(|why| Finding::fail(name, why, "mend the attribute with `onedatastore update`"))
        .collect()
}

/// What oned copied from the driver's settings when the datastore was made, and keeps since.
fn taken_over(row: &DatastoreRow, name: &str) -> Vec<Finding> {
    let differs = |(setting, is): &(&'static str, String)| {
        let (_, wanted) = TRANSFER.iter().find(|(name, _)| name == setting)?;
        // The type of disks has its own words; what NAME is here is the datastore's.
        let other = !["NAME", "DISK_TYPE"].contains(setting) && !is.eq_ignore_ascii_case(wanted);
        other.then(|| {
            Finding::warn(
                name,
                format!(
                    "{setting} is {is}, as it was when the datastore was made, and not {wanted}"
                ),
                "`onedatastore update`, and save: it takes the driver's settings over",
            )
        })
    };
    row.settings.iter().filter_map(differs).collect()
}

/// The images of these datastores that VMs would not open by their links, as each keeps the type that its datastore had when it
/// was made. `text` is an `IMAGE_POOL`.
pub(super) fn images(text: &str, stores: &BTreeSet<DatastoreId>) -> Result<Option<Finding>> {
    let rows = parse_images(text)?;
    let wrong = |row: &&ImageRow| stores.contains(&row.datastore) && row.opened_as.is_some();
    let named = |row: &ImageRow| {
        let is = row.opened_as.unwrap_or_default();
        format!("{} ({}) is {is}", row.id, row.name)
    };
    let wrong: Vec<String> = rows.iter().filter(wrong).map(named).collect();
    Ok((!wrong.is_empty()).then(|| {
        Finding::fail(
            "images",
            format!(
                "not opened as block devices, so VMs of them are refused: {}",
                some(&wrong)
            ),
            "with DISK_TYPE = BLOCK in the datastore, make each anew there: `oneimage clone`",
        )
    }))
}

/// The first of them.
fn some(all: &[String]) -> String {
    const FEW: usize = 10;
    let first = all.iter().take(FEW).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(FEW) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// The hosts that run VMs which may have disks of these datastores, and what there is to be said of those that are passed over.
/// `text` is a `HOST_POOL`.
pub(super) fn hosts(text: &str, stores: &Stores) -> Result<(Vec<Node>, Option<Finding>)> {
    let rows = parse_hosts(text)?;
    let runs = |row: &&HostRow| matches!(row.driver.as_deref(), Some("kvm" | "qemu" | "lxc"));
    let (mut asked, mut aside, mut nameless) = (Vec::new(), Vec::new(), false);
    for row in rows.iter().filter(runs) {
        let ours =
            |cluster: &String| stores.clusters.is_empty() || stores.clusters.contains(cluster);
        let elsewhere = !row.cluster.as_ref().is_none_or(ours);
        match row.put_aside {
            Some(why) => aside.push(format!("{} is {why}", row.name)),
            None if elsewhere => {
                aside.push(format!(
                    "{} is in a cluster without a datastore of this driver",
                    row.name
                ));
            }
            None => match row.name.parse() {
                Ok(node) => asked.push(node),
                Err(error) => {
                    nameless = true;
                    aside.push(format!("{:?} cannot be reached: {error}", row.name));
                }
            },
        }
    }
    let passed_over = || {
        const NAME: &str = "hosts passed over";
        let found = format!("not asked: {}", some(&aside));
        match nameless {
            true => Finding::warn(
                NAME,
                found,
                "give it a name that ssh takes: `onehost rename`",
            ),
            false => Finding::ok(NAME, found),
        }
    };
    Ok((asked, (!aside.is_empty()).then(passed_over)))
}
