//! The model: tgtd as the facts have it, and a look at every moment.

use std::collections::BTreeMap;

use super::*;
use crate::tgt::daemon::redirected;

/// A daemon with what it does not show.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) daemon: Daemon,
    pub(super) secrets: BTreeMap<String, String>,
}

impl Model {
    pub(super) fn target(&mut self, tid: u16) -> &mut TargetState {
        self.daemon
            .targets
            .iter_mut()
            .find(|target| target.tid == tid)
            .unwrap()
    }

    /// One step, as tgtd does it; its refusals (facts 4.1) are failures of the test.
    pub(super) fn run(&mut self, step: &Step) {
        match step {
            Step::TargetNew { tid, iqn } => {
                assert!(
                    self.daemon
                        .targets
                        .iter()
                        .all(|t| t.tid != *tid && t.iqn != *iqn),
                    "{step:?}"
                );
                let target = TargetState {
                    tid: *tid,
                    iqn: iqn.clone(),
                    ready: true,
                    ..TargetState::default()
                };
                self.daemon.targets.push(target);
                self.daemon.parameters.insert(*tid, BTreeMap::new());
            }
            Step::TargetDelete { tid, force } => {
                assert!(*force || self.target(*tid).nexuses.is_empty());
                self.daemon.targets.retain(|target| target.tid != *tid);
                self.daemon.parameters.remove(tid);
            }
            Step::Parameter { tid, name, value } => {
                let shown = self.daemon.parameters.entry(*tid).or_default();
                // while logins are sent elsewhere nothing else is shown
                if redirected(shown).is_none() {
                    shown.insert(name.clone(), value.clone());
                }
            }
            Step::Redirect { tid, to } => {
                assert!(!self.target(*tid).ready || to.is_none(), "{step:?}");
                let shown = self.daemon.parameters.entry(*tid).or_default();
                shown.clear();
                if let Some(to) = to {
                    shown.insert("RedirectAddress".into(), to.ip().to_string());
                    shown.insert("RedirectPort".into(), to.port().to_string());
                }
            }
            Step::State { tid, ready } => self.target(*tid).ready = *ready,
            Step::Disconnect { tid, session, .. } => self
                .target(*tid)
                .nexuses
                .retain(|nexus| nexus.id != *session),
            Step::Address {
                tid,
                address: entry,
                bind,
            }
            | Step::Initiator {
                tid,
                name: entry,
                bind,
            } => {
                let acl = &mut self.target(*tid).acl;
                assert_eq!(acl.contains(entry), !bind, "{step:?}");
                if *bind {
                    acl.push(entry.clone())
                } else {
                    acl.retain(|has| has != entry)
                }
            }
            Step::LunNew {
                tid, lun, bs_type, ..
            } => {
                let luns = &mut self.target(*tid).luns;
                assert!(
                    luns.iter().all(|has| has.number != u64::from(lun.number)),
                    "{step:?}"
                );
                luns.push(LunState {
                    number: lun.number.into(),
                    online: true,
                    bs_type: (*bs_type).into(),
                    path: lun.path.clone(),
                    ..LunState::default()
                });
            }
            Step::LunIdentity { tid, lun } => {
                let has = self
                    .target(*tid)
                    .luns
                    .iter_mut()
                    .find(|has| has.number == u64::from(lun.number))
                    .unwrap();
                has.scsi_id.clone_from(&lun.scsi_id);
                has.scsi_sn.clone_from(&lun.scsi_sn);
                has.readonly = lun.readonly;
            }
            Step::LunShape { tid, lun } => assert!(
                self.target(*tid)
                    .luns
                    .iter()
                    .any(|has| has.number == u64::from(lun.number))
            ),
            Step::LunDelete { tid, number } => {
                self.target(*tid).luns.retain(|has| has.number != *number)
            }
            Step::AccountNew { user, secret } => {
                assert!(!self.daemon.accounts.contains(user), "{step:?}");
                self.daemon.accounts.push(user.clone());
                self.secrets
                    .insert(user.clone(), secret.reveal().to_owned());
            }
            Step::AccountDelete { user } => {
                assert!(self.daemon.accounts.contains(user), "{step:?}");
                self.daemon.accounts.retain(|has| has != user);
                for target in &mut self.daemon.targets {
                    target.accounts.retain(|has| has != user);
                    target.outgoing.take_if(|has| has == user);
                }
            }
            Step::Account {
                tid,
                user,
                outgoing,
                bind,
            } => {
                assert!(self.daemon.accounts.contains(user), "{step:?}");
                let target = self.target(*tid);
                match (outgoing, bind) {
                    (true, true) => target.outgoing = Some(user.clone()),
                    (true, false) => target.outgoing = None,
                    (false, true) => {
                        assert!(!target.accounts.contains(user), "{step:?}");
                        target.accounts.push(user.clone());
                    }
                    (false, false) => target.accounts.retain(|has| has != user),
                }
            }
        }
    }
}

/// Runs a plan as `run` does, and looks at every moment. Returns how many steps there were.
pub(super) fn carry_out(
    model: &mut Model,
    views: &[ClientView],
    applied: &mut Applied,
    force: bool,
) -> usize {
    let before = model.clone();
    let plan = plan(&model.daemon, views, &ours(), applied, force);
    let mut steps = plan.accounts.steps().unwrap();
    for (user, secret) in plan.accounts.new.iter().chain(
        plan.accounts
            .again
            .iter()
            .map(|a| (&a.user, &a.secret))
            .map(|(u, s)| (u.clone(), s.clone()))
            .collect::<Vec<_>>()
            .iter(),
    ) {
        applied.set_secret(user, secret);
    }
    for target in plan
        .targets
        .iter()
        .filter(|target| target.blocked.is_none())
    {
        for step in &target.steps {
            if let Step::LunShape { lun, .. } = step {
                applied.set_shape(&target.iqn, lun);
            }
            steps.push(step.clone());
        }
    }
    for step in &steps {
        let was = model.clone();
        model.run(step);
        exposure(&before, &was, model, views, step);
    }
    for user in &plan.accounts.gone {
        let last = |t: &TargetState| t.accounts.contains(user) && t.accounts.len() == 1;
        if !model.daemon.targets.iter().any(last) {
            model.run(&Step::AccountDelete { user: user.clone() });
            applied.accounts.remove(user);
        }
    }
    steps.len()
}

/// At no moment may a target let in somebody whom neither the state before nor the inventory lets in, ask for no account
/// when both ask for one, or show a disk without its identity to somebody new.
fn exposure(before: &Model, was: &Model, now: &Model, views: &[ClientView], step: &Step) {
    for target in now
        .daemon
        .targets
        .iter()
        .filter(|target| !target.acl.is_empty() && target.ready)
    {
        let old = before
            .daemon
            .targets
            .iter()
            .find(|old| old.iqn == target.iqn);
        let view = views
            .iter()
            .find(|view| view.targets[0].iqn == target.iqn && view.role != ClientRole::Elsewhere);
        for entry in &target.acl {
            let wanted = view.is_some_and(|view| {
                view.addresses.contains(entry) || view.initiators.contains(entry)
            });
            assert!(
                wanted || old.is_some_and(|old| old.acl.contains(entry)),
                "{step:?} let {entry} in"
            );
        }
        let asked = old.is_none_or(|old| !old.accounts.is_empty());
        if view.is_some_and(|view| view.chap.is_some()) && asked {
            assert!(!target.accounts.is_empty(), "{step:?} asks for no account");
        }
        let newcomer = was
            .daemon
            .targets
            .iter()
            .find(|t| t.iqn == target.iqn)
            .is_none_or(|t| t.acl.is_empty());
        if newcomer {
            assert!(
                target.luns.iter().all(|lun| !lun.scsi_id.is_empty()),
                "{step:?} shows a disk without its identity"
            );
        }
    }
}
