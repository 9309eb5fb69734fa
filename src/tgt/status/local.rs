//! This gateway: the daemon, and what Ceph says of the images that it has open.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::drift::drift;
use super::{GatewayStatus, LunStatus, TargetStatus};
use crate::Result;
use crate::ceph::Cluster;
use crate::host::Host;
use crate::model::ImageSpec;
use crate::sys::host::addresses;
use crate::tgt::Site;
use crate::tgt::daemon::apply::{Applied, Daemon, TargetPlan, connect, look, plan};
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
    let ceph = Ceph::reach(host, site, &daemon);
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
            ceph.ask(&mut one, view)?;
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

/// What became of a LUN whose image tgtd opened itself.
fn thrown_out(image: &ImageSpec) -> String {
    format!(
        "Ceph has thrown out the client that has {image} open; it answers ready, and reads and writes fail: `warmblock tgt verify --heal`"
    )
}

/// What became of one that leads to a cached disk. The kernel's client is the same for all images that the host has mapped.
fn kernel_thrown_out(image: &ImageSpec, client: &str) -> String {
    format!(
        "Ceph has thrown out the kernel's client that has {image} mapped; writes fail, and reads of what is not on the SSD: `warmblock tgt failover {client} --to ANOTHER`; and detach all disks here, or the client stays thrown out"
    )
}

/// Ceph, and the addresses by which it knows this host.
struct Ceph {
    cluster: Cluster,
    own: BTreeSet<IpAddr>,
}

impl Ceph {
    /// Connects, if the daemon has an image of ours open.
    fn reach(host: &Host, site: &Site, daemon: &Daemon) -> Result<Option<Self>> {
        let ours = |target: &&TargetState| site.identities.ours.contains(&target.iqn);
        let mut targets = daemon.targets.iter().filter(ours);
        if targets.all(|target| target.luns.is_empty()) {
            return Ok(None);
        }
        Ok(Some(Self {
            cluster: connect(host, &site.inventory)?,
            own: addresses()?,
        }))
    }

    /// Who has the target's images open.
    fn ask(
        &self,
        status: &mut TargetStatus,
        view: Option<(&ClientView, &TargetView)>,
    ) -> Result<()> {
        let Some((client, view)) = view else {
            return Ok(());
        };
        for lun in &mut status.luns {
            let wanted = view
                .luns
                .iter()
                .find(|has| u64::from(has.number) == lun.number);
            let Some(wanted) = wanted else { continue };
            // a snapshot cannot be written, so nobody needs to know who has it
            let Ok(image) = wanted.image.parse::<ImageSpec>() else {
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
                let why = match view.bs_type {
                    "rbd" => thrown_out(&image),
                    _ => kernel_thrown_out(&image, &client.client),
                };
                status.problems.push(format!("LUN {}: {why}", lun.number));
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
