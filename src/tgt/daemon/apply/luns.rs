//! What differs in a target's LUNs.

use super::super::show::{LunState, TargetState};
use super::{Applied, Step, TargetPlan};
use crate::tgt::render::{LunView, TargetView};

/// Those that should not be there go, those that are missing or another's are made, the others are mended.
pub(super) fn luns(
    plan: &mut TargetPlan,
    target: &TargetView,
    now: &TargetState,
    applied: &Applied,
    force: bool,
) {
    let tid = plan.tid;
    let wanted = |number: u64| {
        target
            .luns
            .iter()
            .any(|lun| u64::from(lun.number) == number)
    };
    for extra in now.luns.iter().filter(|lun| !wanted(lun.number)) {
        let step = Step::LunDelete {
            tid,
            number: extra.number,
        };
        plan.disturbing(force, step, "its disk would vanish");
    }
    for lun in &target.luns {
        let number = u64::from(lun.number);
        match now.luns.iter().find(|has| has.number == number) {
            None => make(plan, target, lun),
            Some(has) if is_another(target, lun, has, !plan.sessions.is_empty()) => {
                let why = "something else is behind it";
                let before = plan.held.len();
                plan.disturbing(force, Step::LunDelete { tid, number }, why);
                if plan.held.len() == before {
                    make(plan, target, lun);
                } else {
                    let (bs_type, bsopts) = (target.bs_type, target.bsopts.clone());
                    plan.held.push((
                        Step::LunNew {
                            tid,
                            lun: Box::new(lun.clone()),
                            bs_type,
                            bsopts,
                        },
                        why.into(),
                    ));
                }
            }
            Some(has) => mend(plan, lun, has, applied, force),
        }
    }
}

/// Whether a LUN must be made anew. An image that was renamed while it is open is the same one, if its identity is; it
/// comes under its new name when nobody is connected.
fn is_another(target: &TargetView, lun: &LunView, has: &LunState, connected: bool) -> bool {
    let renamed = has.scsi_id == lun.scsi_id && connected;
    !has.online || has.bs_type != target.bs_type || (has.path != lun.path && !renamed)
}

fn make(plan: &mut TargetPlan, target: &TargetView, lun: &LunView) {
    let tid = plan.tid;
    let boxed = || Box::new(lun.clone());
    plan.steps.push(Step::LunNew {
        tid,
        lun: boxed(),
        bs_type: target.bs_type,
        bsopts: target.bsopts.clone(),
    });
    plan.steps.push(Step::LunIdentity { tid, lun: boxed() });
    plan.steps.push(Step::LunShape { tid, lun: boxed() });
}

fn mend(plan: &mut TargetPlan, lun: &LunView, has: &LunState, applied: &Applied, force: bool) {
    let tid = plan.tid;
    if (&has.scsi_id, &has.scsi_sn, has.readonly) != (&lun.scsi_id, &lun.scsi_sn, lun.readonly) {
        plan.disturbing(
            force,
            Step::LunIdentity {
                tid,
                lun: Box::new(lun.clone()),
            },
            "its identity would change, and ESXi would lose the datastore",
        );
    }
    let step = Step::LunShape {
        tid,
        lun: Box::new(lun.clone()),
    };
    if applied.has_other_shape(&plan.iqn, lun) {
        plan.disturbing(force, step, "its vendor or sectors would change");
    } else if !applied.has_shape(&plan.iqn, lun) {
        // not known, so most likely what tgt-admin set from the same file: the same again disturbs nobody
        plan.steps.push(step);
    }
}
