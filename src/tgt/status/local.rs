//! This gateway: the daemon, and what Ceph says of the images that it has open.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::drift::drift;
use super::{GatewayStatus, LunStatus, TargetStatus};
use crate::Result;
use crate::ceph::Cluster;
use crate::host::Host;
use crate::sys::host::addresses;
use crate::tgt::Site;
use crate::tgt::daemon::apply::{Applied, Daemon, TargetPlan, look, plan, reach};
use crate::tgt::daemon::{LunState, TargetState, Tgtadm};
use crate::tgt::inventory::ClientRole;
use crate::tgt::render::{ClientView, TargetView};
use crate::tgt::watchers::{is_here, open_elsewhere, watchers};

/// This gateway. A daemon that does not answer is told, not an error: the other gateways matter then.
pub fn local(host: &Host, tgtadm: &Tgtadm<'_>, site: &Site) -> Result<GatewayStatus> {
    let mut status = GatewayStatus {
        gateway: site.gateway.clone(),
        ..GatewayStatus::default()
    };
    let views = site.views()?;
    let incarnation = tgtadm.incarnation();
    let daemon = match incarnation.as_ref().map(|_| look(tgtadm, &views)) {
        Ok(Ok(daemon)) => daemon,
        Ok(Err(error)) => {
            status.error = Some(error.chain());
            return Ok(status);
        }
        Err(error) => {
            status.error = Some(error.chain());
            return Ok(status);
        }
    };
    let applied = Applied::load(&host.roots, &incarnation?)?;
    let plan = plan(&daemon, &views, &site.identities.ours, &applied, false);
    for (user, _) in &plan.accounts.new {
        status
            .problems
            .push(format!("the account {user} is missing"));
    }
    let ceph = Ceph::reach(host, tgtadm, site, &daemon);
    if let Err(error) = &ceph {
        status
            .problems
            .push(format!("Ceph was not asked: {}", error.chain()));
    }
    for target in &plan.targets {
        let view = of_target(&views, &target.iqn);
        let state = daemon.targets.iter().find(|has| has.iqn == target.iqn);
        let mut one = one(target, view, state, &applied);
        if let Ok(Some(ceph)) = &ceph {
            ceph.ask(&mut one, state, view)?;
        }
        status.targets.push(one);
    }
    status.foreign = daemon
        .targets
        .iter()
        .filter(|target| !site.identities.ours.contains(&target.iqn))
        .map(|target| target.iqn.clone())
        .collect();
    Ok(status)
}

fn of_target<'a>(views: &'a [ClientView], iqn: &str) -> Option<(&'a ClientView, &'a TargetView)> {
    views
        .iter()
        .flat_map(|view| view.targets.iter().map(move |target| (view, target)))
        .find(|(_, target)| target.iqn == iqn)
}

fn one(
    plan: &TargetPlan,
    view: Option<(&ClientView, &TargetView)>,
    state: Option<&TargetState>,
    applied: &Applied,
) -> TargetStatus {
    let luns = state.map(|state| state.luns.iter().map(lun).collect());
    TargetStatus {
        client: view.map(|(view, _)| view.client.clone()),
        iqn: plan.iqn.clone(),
        role: view.map_or(ClientRole::Elsewhere, |(view, _)| view.role),
        tid: state.map(|state| state.tid),
        ready: state.is_some_and(|state| state.ready),
        sessions: plan.sessions.clone(),
        luns: luns.unwrap_or_default(),
        drift: drift(plan, applied),
        problems: Vec::new(),
    }
}

fn lun(state: &LunState) -> LunStatus {
    LunStatus {
        number: state.number,
        path: state.path.clone(),
        scsi_id: state.scsi_id.clone(),
        scsi_sn: state.scsi_sn.clone(),
        online: state.online,
        watchers: None,
        lost: false,
    }
}

/// Ceph, and the addresses by which it knows this host.
struct Ceph {
    cluster: Cluster,
    own: BTreeSet<IpAddr>,
}

impl Ceph {
    /// Connects, if the daemon has an image of ours open.
    fn reach(
        host: &Host,
        tgtadm: &Tgtadm<'_>,
        site: &Site,
        daemon: &Daemon,
    ) -> Result<Option<Self>> {
        let ours = |target: &&TargetState| site.identities.ours.contains(&target.iqn);
        let mut luns = daemon
            .targets
            .iter()
            .filter(ours)
            .flat_map(|target| &target.luns);
        if !luns.any(|lun| lun.bs_type == "rbd") {
            return Ok(None);
        }
        Ok(Some(Self {
            cluster: reach(host, tgtadm, &site.inventory)?,
            own: addresses()?,
        }))
    }

    /// Who has the target's images open.
    fn ask(
        &self,
        status: &mut TargetStatus,
        state: Option<&TargetState>,
        view: Option<(&ClientView, &TargetView)>,
    ) -> Result<()> {
        let kinds: BTreeMap<u64, &str> = state
            .iter()
            .flat_map(|state| &state.luns)
            .map(|lun| (lun.number, lun.bs_type.as_str()))
            .collect();
        let Some((_, view)) = view else { return Ok(()) };
        for lun in &mut status.luns {
            let wanted = view
                .luns
                .iter()
                .find(|has| u64::from(has.number) == lun.number);
            let Some(wanted) = wanted.filter(|_| kinds.get(&lun.number) == Some(&"rbd")) else {
                continue;
            };
            // a snapshot cannot be written, so nobody needs to know who has it
            let Ok(image) = wanted.image.parse::<crate::model::ImageSpec>() else {
                continue;
            };
            let found = watchers(&self.cluster, &image);
            let watchers = match found {
                Ok(watchers) => watchers,
                Err(error) => {
                    status.problems.push(error.chain());
                    continue;
                }
            };
            lun.lost = lun.online && !watchers.iter().any(|addr| is_here(addr, &self.own));
            if lun.lost {
                status.problems.push(format!(
                    "LUN {}: Ceph has thrown out the client that has {image} open; it answers ready, and reads and writes fail: `warmblock tgt verify --heal`",
                    lun.number
                ));
            }
            let others = open_elsewhere(&watchers, &self.own);
            if !others.is_empty() {
                status.problems.push(format!(
                    "LUN {}: {image} is also open at {}: two writers would destroy it",
                    lun.number,
                    others.join(", ")
                ));
            }
            lun.watchers = Some(watchers);
        }
        Ok(())
    }
}
