//! What the daemon has otherwise than the inventory wants it: the steps that `apply` would do, in words.

use crate::tgt::daemon::apply::{Applied, Step, TargetPlan};
use crate::tgt::guest::is_guest;

/// In words. What is only not known (the daemon does not show vendor and sectors) is no drift.
pub(super) fn drift(plan: &TargetPlan, applied: &Applied) -> Vec<String> {
    let held = plan
        .held
        .iter()
        .map(|(step, why)| format!("{step} (held back: {why})"));
    let steps = plan
        .steps
        .iter()
        .filter(|step| known(plan, step, applied))
        .map(ToString::to_string);
    let blocked = plan.blocked.iter().cloned();
    blocked.chain(steps).chain(held).collect()
}

fn known(plan: &TargetPlan, step: &Step, applied: &Applied) -> bool {
    match step {
        Step::LunShape { lun, .. } => plan.new || applied.has_other_shape(&plan.iqn, lun),
        // `verify` is looking, or was killed: the next `apply` removes it
        Step::Initiator { name, .. } => !is_guest(name),
        _ => true,
    }
}
