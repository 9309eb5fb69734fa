//! A LUN whose RADOS client Ceph has thrown out answers "ready" and fails every read and write, for good; setting its path again
//! does not help, only making it anew does (facts 3.4).

use super::{CheckState, TargetVerified};
use crate::Result;
use crate::ceph::Cluster;
use crate::tgt::Site;
use crate::tgt::daemon::apply::{Applied, Step, refused};
use crate::tgt::daemon::{LunState, TargetState, Tgtadm};
use crate::tgt::render::{LunView, TargetView};
use crate::tgt::status::TargetStatus;

/// The LUNs of a target that need it, with the reason.
pub(super) fn sick<'a>(
    target: &'a TargetView,
    verified: &TargetVerified,
    status: Option<&TargetStatus>,
) -> Vec<(&'a LunView, String)> {
    let mut sick = Vec::new();
    for lun in &target.luns {
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

/// Makes a LUN anew, if nobody else has its image open.
pub(super) fn heal(
    tgtadm: &Tgtadm<'_>,
    site: &Site,
    ceph: Option<&Cluster>,
    target: &TargetView,
    state: &TargetState,
    lun: &LunView,
    applied: &mut Applied,
) -> Result<()> {
    let wanted = site
        .inventory
        .targets()
        .flat_map(|(_, target)| &target.luns)
        .find(|has| has.image.to_string() == lun.image);
    if let (Some(cluster), Some(wanted), "rbd") = (ceph, wanted, target.bs_type) {
        let mut why = refused(cluster, wanted, false)?;
        // a read that failed while our own client is still there: it goes with the LUN
        why.retain(|why| !why.contains("is open at") || !own_only(cluster, wanted));
        if let Some(why) = why.into_iter().next() {
            return Err(crate::Error::new(crate::Kind::Busy, why));
        }
    }
    let tid = state.tid;
    let boxed = || Box::new(lun.clone());
    let there = |has: &&LunState| has.number == u64::from(lun.number);
    let mut steps = Vec::new();
    if let Some(has) = state.luns.iter().find(there) {
        let number = has.number;
        steps.push(Step::LunDelete { tid, number });
    }
    steps.push(Step::LunNew {
        tid,
        lun: boxed(),
        bs_type: target.bs_type,
        bsopts: target.bsopts.clone(),
    });
    steps.push(Step::LunIdentity { tid, lun: boxed() });
    steps.push(Step::LunShape { tid, lun: boxed() });
    for step in steps {
        step.run(tgtadm)?;
    }
    applied.set_shape(&target.iqn, lun);
    Ok(())
}

fn own_only(cluster: &Cluster, lun: &crate::tgt::inventory::Lun) -> bool {
    let ask = || -> Result<bool> {
        let own = crate::sys::host::addresses()?;
        let pool = cluster.pool(&lun.image.image.pool, None)?;
        let image = pool.open_read_only(&lun.image.image.image, None)?;
        let watchers = image.watchers()?.into_iter().map(|watcher| watcher.addr);
        Ok(crate::tgt::status::open_elsewhere(&watchers.collect::<Vec<_>>(), &own).is_empty())
    };
    ask().unwrap_or(false)
}
