//! A LUN whose RADOS client Ceph has thrown out answers "ready" and fails every read and write, for good; setting its path again
//! does not help, only making it anew does (facts 3.4).

use super::{CheckState, TargetVerified};
use crate::ceph::Cluster;
use crate::error::both;
use crate::tgt::Site;
use crate::tgt::daemon::apply::{Applied, Step, going, refused, take};
use crate::tgt::daemon::{LunState, TargetState, Tgtadm};
use crate::tgt::holders::Holders;
use crate::tgt::render::{LunView, TargetView};
use crate::tgt::status::TargetStatus;
use crate::tgt::watchers::Own;
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
    pub(super) own: &'a Own,
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
        let steps = steps(target, state, lun);
        self.open_nowhere_else(&steps, state, lun)?;
        if let Some(holders) = self.holders {
            holders.opening(std::iter::once((client, lun)))?;
        }
        let made = (steps.iter().enumerate())
            .try_for_each(|(at, step)| take(step, &steps[..at], self.tgtadm, self.holders));
        made.or_else(|error| match self.holders {
            Some(holders) => both(Err(error), holders.over(self.tgtadm)),
            None => Err(error),
        })?;
        self.applied.set_shape(&target.iqn, lun);
        Ok(())
    }

    /// A read may fail while our own client is still there: it goes with the LUN.
    fn open_nowhere_else(&self, steps: &[Step], state: &TargetState, lun: &LunView) -> Result<()> {
        let mut luns = self
            .site
            .inventory
            .targets()
            .flat_map(|(_, target)| &target.luns);
        let wanted = luns.find(|has| has.image.to_string() == lun.image);
        let (Some(cluster), Some(wanted)) = (self.ceph, wanted) else {
            return Ok(());
        };
        let going = going(steps, std::slice::from_ref(state), self.site, wanted);
        let why = refused(cluster, wanted, self.own, going)?;
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
