//! Is what a new LUN needs there? Asked outside tgtd, with a deadline, as the client that tgtd will be.

use std::collections::HashMap;
use std::path::Path;

use super::super::{LunState, TargetState, Tgtadm};
use super::{Daemon, Plan, Step};
use crate::ceph::{Cluster, ClusterTarget};
use crate::host::Host;
use crate::tgt::Site;
use crate::tgt::inventory::{Client, Inventory, Lun, Problems, look_up};
use crate::tgt::registry::{may_be_open, open_elsewhere};
use crate::tgt::render::LunView;
use crate::tgt::watchers::Own;
use crate::{Context, Error, Kind, Result};

/// Blocks every target of which a new LUN cannot be opened, or is open somewhere else.
pub(super) fn check(
    host: &Host,
    tgtadm: &Tgtadm<'_>,
    site: &Site,
    daemon: &Daemon,
    plan: &mut Plan,
) -> Result<()> {
    let mut ceph: Option<Cluster> = None;
    let own = Own::of(host)?;
    let inventory = &site.inventory;
    let luns = inventory
        .targets()
        .flat_map(|(client, target)| target.luns.iter().map(move |lun| (client, lun)));
    let luns: HashMap<String, (&Client, &Lun)> = luns
        .map(|(client, lun)| (lun.image.to_string(), (client, lun)))
        .collect();
    for target in &mut plan.targets {
        let mut why = Vec::new();
        for (at, step) in target.steps.iter().enumerate() {
            let Some(view) = step.exports() else { continue };
            let known = luns.get(&view.image);
            why.extend(known.and_then(|(client, lun)| noted_elsewhere(site, client, lun)));
            if !step.opens() {
                why.extend(front_missing(view));
                continue;
            }
            let cluster = match &ceph {
                Some(cluster) => cluster,
                None => ceph.insert(reach(host, tgtadm, inventory)?),
            };
            if let Some((_, lun)) = known {
                let going = going(&target.steps[..at], &daemon.targets, site, lun);
                why.extend(refused(cluster, lun, &own, going)?);
            }
        }
        if !why.is_empty() {
            target.blocked = Some(why.join("; "));
        }
    }
    Ok(())
}

/// Another gateway may have the image open, also if Ceph has forgotten that: its note says so.
fn noted_elsewhere(site: &Site, client: &Client, lun: &Lun) -> Option<String> {
    let gateway = site.gateway.as_ref()?;
    let key = &site.identities.lun(&lun.image).ok()?.key;
    let holder = open_elsewhere(&site.identities.holdings, key, gateway)?;
    let error = may_be_open(&client.name, &lun.image, holder, gateway);
    Some(match error.remedy_text() {
        Some(remedy) => format!("{error}: {remedy}"),
        None => error.to_string(),
    })
}

/// What a LUN lacks that leads to a disk of this host.
fn front_missing(lun: &LunView) -> Option<String> {
    let there = Path::new(&lun.path).exists();
    (!there).then(|| {
        format!(
            "{} is not attached here: warmblock attach {}",
            lun.image, lun.image
        )
    })
}

/// Connects as tgtd will, if it can open images at all. Takes no longer than the configuration's connect deadline.
pub(in crate::tgt) fn reach(
    host: &Host,
    tgtadm: &Tgtadm<'_>,
    inventory: &Inventory,
) -> Result<Cluster> {
    if !tgtadm.has_backing_store("rbd")? {
        return Err(
            Error::new(Kind::Missing, "this tgtd cannot open RBD images")
                .remedy("install the package tgt-rbd, and start tgtd again"),
        );
    }
    connect(host, inventory)
}

/// Connects as the client that tgtd is.
pub(in crate::tgt) fn connect(host: &Host, inventory: &Inventory) -> Result<Cluster> {
    let own = host.ceph_target();
    let access = &inventory.ceph;
    let same = own.id == access.id;
    let target = ClusterTarget {
        id: access.id.clone(),
        conf: access.conf.clone().or_else(|| own.conf.clone()),
        keyring: own.keyring.clone().filter(|_| same),
        keyfile: own.keyfile.clone().filter(|_| same),
        ..own
    };
    Cluster::connect(&target).context(|| {
        format!(
            "cannot reach Ceph as client.{}, which tgtd is to be",
            access.id
        )
    })
}

/// How many LUNs with a LUN's image these steps close.
pub(in crate::tgt) fn going(
    steps: &[Step],
    states: &[TargetState],
    site: &Site,
    lun: &Lun,
) -> usize {
    let Ok(identity) = site.identities.lun(&lun.image) else {
        return 0;
    };
    let closed = |of: u16, has: &LunState| {
        steps.iter().any(|step| match step {
            Step::LunDelete { tid, number } => (*tid, *number) == (of, has.number),
            Step::TargetDelete { tid, .. } => *tid == of,
            _ => false,
        })
    };
    let same = |has: &LunState| {
        has.bs_type == "rbd"
            && site.identities.image(&has.scsi_id, &has.path) == Some(&identity.key)
    };
    let luns = states.iter().flat_map(|target| {
        let going = |has: &&LunState| same(has) && closed(target.tid, has);
        target.luns.iter().filter(going)
    });
    luns.count()
}

/// Why an image may not be opened by tgtd now. `going` LUNs of it are closed before; whoever else has it open would be a second
/// writer, which nothing allows.
pub(in crate::tgt) fn refused(
    cluster: &Cluster,
    lun: &Lun,
    own: &Own,
    going: usize,
) -> Result<Vec<String>> {
    let name = &lun.image;
    let pool = match cluster.pool(&name.image.pool, None) {
        Ok(pool) => pool,
        Err(error) if error.is_not_found() => {
            return Ok(vec![format!("there is no pool {}", name.image.pool)]);
        }
        Err(error) => return Err(error.into()),
    };
    let fsid = cluster.fsid()?;
    let mut problems = Problems::default();
    let found = look_up(&pool, &fsid, lun, &mut problems)?;
    let mut why: Vec<String> = problems
        .0
        .into_iter()
        .map(|found| format!("{}: {}", found.message, found.remedy))
        .collect();
    let watchers = found.map(|found| found.watchers).unwrap_or_default();
    let others = own.strangers(&watchers, going);
    if !others.is_empty() {
        why.push(format!("{name} is open at {}: two writers would destroy it; end the other one first (a tgtd that died is gone from the list after 30 s)", others.join(", ")));
    }
    Ok(why)
}
