//! A LUN whose RADOS client Ceph has thrown out answers "ready" and fails every read and write, for good; setting its path again
//! does not help, only making it anew does (facts 3.4).

use super::{CheckState, TargetVerified};
use crate::ceph::Cluster;
use crate::tgt::Site;
use crate::tgt::daemon::apply::{Applied, Step, refused, take};
use crate::tgt::daemon::{LunState, TargetState, Tgtadm};
use crate::tgt::holders::Holders;
use crate::tgt::inventory::Lun;
use crate::tgt::render::{LunView, TargetView};
use crate::tgt::status::TargetStatus;
use crate::tgt::watchers::{open_elsewhere, watchers};
use crate::{Error, Kind, Result};

/// The LUNs of a target that need it, with the reason.
pub(super) fn sick<'a>(
    target: &'a TargetView,
    verified: &TargetVerified,
    status: Option<&TargetStatus>,
) -> Vec<(&'a LunView, String)> {
    let mut sick = Vec::new();
    // a cached disk is not healed by a new LUN: its client is the kernel's
    let opened = target.luns.iter().filter(|_| target.bs_type == "rbd");
    for lun in opened {
        let number = u64::from(lun.number);
        let lost = status
            .and_then(|status| status.luns.iter().find(|has| has.number == number))
            .is_some_and(|has| has.lost);
        let failed = verified.checks.iter().find(|check| {
            check.lun == Some(lun.number)
                && check.state == CheckState::Failed
                && check.what.starts_with("read")
                && check.found.contains("medium error")
        });
        match failed {
            Some(check) => sick.push((lun, check.found.clone())),
            None if lost => sick.push((lun, "Ceph does not see its client any more".into())),
            None => {}
        }
    }
    sick
}

/// What healing works with.
pub(super) struct Healer<'a> {
    pub(super) tgtadm: &'a Tgtadm<'a>,
    pub(super) site: &'a Site,
    pub(super) ceph: Option<&'a Cluster>,
    pub(super) holders: Option<&'a Holders<'a>>,
    pub(super) applied: &'a mut Applied,
}

impl Healer<'_> {
    /// Makes a LUN of a client anew, if nobody else has its image open.
    pub(super) fn heal(
        &mut self,
        client: &str,
        target: &TargetView,
        state: &TargetState,
        lun: &LunView,
    ) -> Result<()> {
        self.open_nowhere_else(lun)?;
        if let Some(holders) = self.holders {
            holders.opening(std::iter::once((client, lun)))?;
        }
        for step in steps(target, state, lun) {
            take(&step, self.tgtadm, self.holders)?;
        }
        self.applied.set_shape(&target.iqn, lun);
        Ok(())
    }

    fn open_nowhere_else(&self, lun: &LunView) -> Result<()> {
        let mut luns = self
            .site
            .inventory
            .targets()
            .flat_map(|(_, target)| &target.luns);
        let wanted = luns.find(|has| has.image.to_string() == lun.image);
        let (Some(cluster), Some(wanted)) = (self.ceph, wanted) else {
            return Ok(());
        };
        let mut why = refused(cluster, wanted, false)?;
        // a read that failed while our own client is still there: it goes with the LUN
        why.retain(|why| !why.contains("is open at") || !own_only(cluster, wanted));
        match why.into_iter().next() {
            Some(why) => Err(Error::new(Kind::Busy, why)),
            None => Ok(()),
        }
    }
}

fn steps(target: &TargetView, state: &TargetState, lun: &LunView) -> Vec<Step> {
    let tid = state.tid;
    let boxed = || Box::new(lun.clone());
    let there = |has: &&LunState| has.number == u64::from(lun.number);
    let has = state.luns.iter().find(there);
    let gone = has.map(|has| Step::LunDelete {
        tid,
        number: has.number,
    });
    let made = [
        Step::LunNew {
            tid,
            lun: boxed(),
            bs_type: target.bs_type,
            bsopts: target.bsopts.clone(),
        },
        Step::LunIdentity { tid, lun: boxed() },
        Step::LunShape { tid, lun: boxed() },
    ];
    gone.into_iter().chain(made).collect()
}

fn own_only(cluster: &Cluster, lun: &Lun) -> bool {
    let ask = || -> Result<bool> {
        let own = crate::sys::host::addresses()?;
        Ok(open_elsewhere(&watchers(cluster, &lun.image.image)?, &own).is_empty())
    };
    ask().unwrap_or(false)
}
