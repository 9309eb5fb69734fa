//! The whole of it: status first, then logins, then healing, then once more what was healed.

use std::collections::BTreeMap;

use super::target::Look;
use super::{Healed, TargetVerified, VerifyReport, heal};
use crate::ceph::Cluster;
use crate::host::Host;
use crate::tgt::Site;
use crate::tgt::daemon::apply::{Applied, lock, reach};
use crate::tgt::daemon::{TargetState, Tgtadm};
use crate::tgt::holders::Holders;
use crate::tgt::inventory::ClientRole;
use crate::tgt::render::{ClientView, TargetView};
use crate::tgt::status;
use crate::tgt::watchers::Own;
use crate::{Error, Kind, Result};

/// What is looked at, and what may be done.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only these clients; all where it is empty.
    pub clients: Vec<String>,
    /// Ask the other gateways too.
    pub others: bool,
    /// Make LUNs anew whose client Ceph has thrown out.
    pub heal: bool,
    /// Say what would be healed, and do not.
    pub dry_run: bool,
}

/// Looks, and heals if that was asked for.
pub fn verify(
    host: &Host,
    tgtadm: &Tgtadm<'_>,
    site: &Site,
    options: &Options,
) -> Result<VerifyReport> {
    for name in &options.clients {
        if site.inventory.client(name).is_none() {
            let message = format!("the inventory has no client {name}");
            return Err(
                Error::new(Kind::NotFound, message).remedy("`warmblock tgt inventory` lists them")
            );
        }
    }
    let mut found = status::all(host, tgtadm, site, options.others)?;
    let lock = lock(host)?;
    let work = Work::new(host, tgtadm, site, options)?;
    let mut targets = work.all()?;
    let healed = if options.heal {
        work.heal(host, &mut targets, &found.gateways[0])?
    } else {
        Vec::new()
    };
    drop(lock);
    if healed.iter().any(|one| one.error.is_none()) && !options.dry_run {
        found = status::all(host, tgtadm, site, options.others)?;
    }
    Ok(VerifyReport {
        version: VerifyReport::VERSION,
        gateway: site.gateway.clone(),
        dry_run: options.dry_run,
        targets,
        healed,
        status: found,
    })
}

struct Work<'a> {
    tgtadm: &'a Tgtadm<'a>,
    site: &'a Site,
    options: &'a Options,
    views: Vec<ClientView>,
    states: BTreeMap<String, TargetState>,
    portals: Vec<std::net::SocketAddr>,
    ceph: Option<Cluster>,
}

impl<'a> Work<'a> {
    fn new(
        host: &Host,
        tgtadm: &'a Tgtadm<'a>,
        site: &'a Site,
        options: &'a Options,
    ) -> Result<Self> {
        let mut views = site.views()?;
        let asked = |view: &ClientView| {
            options.clients.is_empty() || options.clients.contains(&view.client)
        };
        views.retain(|view| view.role != ClientRole::Elsewhere && asked(view));
        let images = |view: &ClientView| {
            view.targets
                .iter()
                .any(|target| target.bs_type == "rbd" && !target.luns.is_empty())
        };
        let ceph = if views.iter().any(images) {
            Some(reach(host, tgtadm, &site.inventory)?)
        } else {
            None
        };
        let states = tgtadm.targets()?.into_iter();
        Ok(Self {
            portals: portals(tgtadm, site)?,
            states: states.map(|state| (state.iqn.clone(), state)).collect(),
            tgtadm,
            site,
            options,
            views,
            ceph,
        })
    }

    fn all(&self) -> Result<Vec<TargetVerified>> {
        let mut verified = Vec::new();
        for (view, target) in self.targets() {
            verified.push(self.one(view, target)?);
        }
        Ok(verified)
    }

    fn targets(&self) -> impl Iterator<Item = (&ClientView, &TargetView)> {
        self.views
            .iter()
            .flat_map(|view| view.targets.iter().map(move |target| (view, target)))
    }

    fn one(&self, view: &ClientView, target: &TargetView) -> Result<TargetVerified> {
        let look = Look {
            tgtadm: self.tgtadm,
            portals: &self.portals,
            ceph: self.ceph.as_ref(),
        };
        look.target(view, target, self.states.get(&target.iqn))
    }

    /// Heals what is sick, and looks at those targets once more.
    fn heal(
        &self,
        host: &Host,
        verified: &mut [TargetVerified],
        status: &status::GatewayStatus,
    ) -> Result<Vec<Healed>> {
        let mut applied = Applied::load(&host.roots, &self.tgtadm.incarnation()?)?;
        let holders = Holders::new(host, self.site)?;
        let own = Own::of(host)?;
        let mut all = Vec::new();
        for ((view, target), verified) in self.targets().zip(verified) {
            let known = status.targets.iter().find(|has| has.iqn == target.iqn);
            let sick = heal::sick(target, verified, known);
            let state = self.states.get(&target.iqn);
            let (false, Some(state)) = (sick.is_empty(), state) else {
                continue;
            };
            for (lun, why) in sick {
                let done = if self.options.dry_run {
                    Ok(())
                } else {
                    let mut healer = heal::Healer {
                        tgtadm: self.tgtadm,
                        site: self.site,
                        ceph: self.ceph.as_ref(),
                        own: &own,
                        holders: holders.as_ref(),
                        applied: &mut applied,
                    };
                    healer.heal(&view.client, target, state, lun)
                };
                all.push(Healed {
                    iqn: target.iqn.clone(),
                    lun: lun.number,
                    why,
                    error: done.err().map(|error| error.chain()),
                });
            }
            if !self.options.dry_run {
                *verified = self.one(view, target)?;
            }
        }
        if !self.options.dry_run && !all.is_empty() {
            applied.save(&host.roots)?;
        }
        Ok(all)
    }
}

/// The portals of the inventory, or else those that the daemon has.
fn portals(tgtadm: &Tgtadm<'_>, site: &Site) -> Result<Vec<std::net::SocketAddr>> {
    let gateways = &site.inventory.gateways;
    let own = gateways
        .iter()
        .find(|gateway| Some(&gateway.name) == site.gateway.as_ref());
    let named: Vec<_> = own
        .iter()
        .flat_map(|gateway| &gateway.portals)
        .filter_map(|portal| portal.parse().ok())
        .collect();
    let portals = if named.is_empty() {
        tgtadm.portals()?
    } else {
        named
    };
    if portals.is_empty() {
        return Err(Error::new(Kind::Missing, "tgtd listens nowhere")
            .remedy("give it a portal: tgtadm --lld iscsi --op new --mode portal --param portal=ADDRESS:3260"));
    }
    Ok(portals)
}

#[cfg(test)]
mod tests {
    use super::super::CheckState;
    use super::*;
    use crate::tgt::status::TgtStatus;

    #[test]
    fn a_failed_check_is_not_well() {
        let report = |state| VerifyReport {
            version: 1,
            gateway: None,
            dry_run: false,
            targets: vec![TargetVerified {
                client: "c".into(),
                iqn: "iqn.x".into(),
                role: ClientRole::Active,
                checks: vec![super::super::Check {
                    lun: None,
                    what: "login",
                    state,
                    found: String::new(),
                }],
            }],
            healed: Vec::new(),
            status: TgtStatus {
                version: 1,
                gateways: Vec::new(),
                problems: Vec::new(),
            },
        };
        assert!(report(CheckState::Passed).well() && report(CheckState::Skipped).well());
        assert!(!report(CheckState::Failed).well());
    }
}
