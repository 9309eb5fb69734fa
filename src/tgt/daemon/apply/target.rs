//! The steps of one target, one after the other.

use super::super::Tgtadm;
use super::run::Work;
use super::{Applied, Held, Step, TargetPlan, TargetReport};
use crate::model::Change;
use crate::tgt::holders::Holders;
use crate::{Error, Result};

/// One target. A failure ends its steps, and takes a target back that was made by them.
pub(super) fn carry_out(work: &mut Work<'_>, target: &TargetPlan, dry_run: bool) -> TargetReport {
    let mut report = TargetReport {
        iqn: target.iqn.clone(),
        tid: target.tid,
        change: Change::Kept,
        steps: Vec::new(),
        held: target
            .held
            .iter()
            .map(|(step, why)| Held {
                step: step.to_string(),
                why: why.clone(),
            })
            .collect(),
        sessions: target.sessions.clone(),
        error: target.blocked.clone(),
    };
    for (at, step) in target.steps.iter().enumerate() {
        // whoever is let in too much goes even where nothing else can be done
        if report.error.is_some() && !step.shuts() {
            continue;
        }
        let before = &target.steps[..at];
        if !dry_run && let Err(error) = take(step, before, work.tgtadm, work.holders) {
            let error = if target.new && made(&report, target) {
                // nobody was let in yet, so nobody misses it
                error.and_then_cleanup(work.tgtadm.target_delete(target.tid, true))
            } else {
                error
            };
            let left: Vec<String> = error
                .cleanup_errors()
                .into_iter()
                .map(Error::chain)
                .collect();
            let left = left
                .iter()
                .map(|left| format!("; then: {left}"))
                .collect::<String>();
            report.error = Some(format!("cannot {step}: {}{left}", error.chain()));
            return report;
        }
        report.steps.push(step.to_string());
        remember(work.applied, &target.iqn, step);
    }
    report.change = match (report.steps.is_empty(), target.new, target.gone) {
        (true, ..) => Change::Kept,
        (_, true, _) => Change::Made,
        (_, _, true) if target.held.is_empty() => Change::Removed,
        _ => Change::Altered,
    };
    report
}

/// One step, after those `before` it; by which client of Ceph an image can be written since is noted before the next. A LUN that
/// they made and that cannot be completed is taken back: whoever is let in already would meet it under an id of tgtd's own.
pub(in crate::tgt) fn take(
    step: &Step,
    before: &[Step],
    tgtadm: &Tgtadm<'_>,
    holders: Option<&Holders<'_>>,
) -> Result<()> {
    let done = step.run(tgtadm);
    let half_made = match (step, &done) {
        (Step::LunNew { .. }, Err(_)) => None,
        _ => half_made(step, before),
    };
    let noted = done.and_then(|()| match (holders, step.exports()) {
        (Some(holders), Some(lun)) => holders.opened(lun),
        _ => Ok(()),
    });
    noted.map_err(|error| match half_made {
        Some(removal) => error.and_then_cleanup(removal.run(tgtadm)),
        None => error,
    })
}

/// The removal of the LUN that a step makes, or that one before made and it is to complete.
fn half_made(step: &Step, before: &[Step]) -> Option<Step> {
    let (tid, lun) = match step {
        Step::LunNew { tid, lun, .. }
        | Step::LunIdentity { tid, lun }
        | Step::LunShape { tid, lun } => (*tid, lun),
        _ => return None,
    };
    let makes = |one: &Step| matches!(one, Step::LunNew { tid: of, lun: made, .. } if (*of, made.number) == (tid, lun.number));
    let made = makes(step) || before.iter().any(makes);
    made.then(|| Step::LunDelete {
        tid,
        number: lun.number.into(),
    })
}

/// Whether the target itself was made before something failed.
fn made(report: &TargetReport, target: &TargetPlan) -> bool {
    let at = target
        .steps
        .iter()
        .position(|step| matches!(step, Step::TargetNew { .. }));
    at.is_some_and(|at| report.steps.len() > at)
}

fn remember(applied: &mut Applied, iqn: &str, step: &Step) {
    match step {
        Step::LunShape { lun, .. } => applied.set_shape(iqn, lun),
        Step::LunDelete { number, .. } => applied.forget_lun(iqn, *number),
        Step::TargetNew { .. } | Step::TargetDelete { .. } => {
            applied
                .luns
                .retain(|key, _| key.split(' ').next() != Some(iqn));
        }
        _ => {}
    }
}
