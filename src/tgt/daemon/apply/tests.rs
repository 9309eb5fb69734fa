//! A model of tgtd, on which plans are run step by step: they reach what is wanted, nothing is left to do, and at no moment
//! is anything open to more than it should be.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::show::{LunState, Nexus, TargetState};
use super::*;
use crate::tgt::daemon::redirected;
use crate::tgt::inventory::{ClientRole, Secret};
use crate::tgt::render::{ChapView, ClientView, LunView, Parameter, TargetView};

/// A daemon with what it does not show.
#[derive(Debug, Clone, Default)]
struct Model {
    daemon: Daemon,
    secrets: BTreeMap<String, String>,
}

impl Model {
    fn target(&mut self, tid: u16) -> &mut TargetState {
        self.daemon
            .targets
            .iter_mut()
            .find(|target| target.tid == tid)
            .unwrap()
    }

    /// One step, as tgtd does it; its refusals (facts 4.1) are failures of the test.
    fn run(&mut self, step: &Step) {
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

fn lun(number: u8, image: &str) -> LunView {
    LunView {
        path: format!("rbd/{image}"),
        image: format!("rbd/{image}"),
        number,
        scsi_id: format!("6-{image}"),
        scsi_sn: image.into(),
        vendor: "CEPH".into(),
        product: "RBD".into(),
        lbppbe: 3,
        readonly: false,
    }
}

fn wanted(
    name: &str,
    tid: u16,
    role: ClientRole,
    luns: &[u8],
    acl: &[&str],
    chap: Option<&str>,
) -> ClientView {
    let served = role == ClientRole::Active;
    let chap = chap.filter(|_| served).map(|secret| ChapView {
        user: format!("user-{name}"),
        secret: secret.into(),
    });
    let luns: Vec<LunView> = luns
        .iter()
        .filter(|_| served)
        .map(|number| lun(*number, &format!("{name}{number}")))
        .collect();
    ClientView {
        client: name.into(),
        gateway: None,
        role,
        redirect: (role == ClientRole::Standby && tid.is_multiple_of(2))
            .then(|| "10.0.0.9:3260".parse().unwrap()),
        targets: vec![TargetView {
            iqn: format!("iqn.2014-02.a.b:{name}"),
            tid,
            bs_type: "rbd",
            bsopts: "id=tgt".into(),
            luns,
        }],
        session: vec![Parameter {
            name: "ImmediateData".into(),
            value: "Yes".into(),
        }],
        chap_mutual: None,
        chap,
        addresses: acl
            .iter()
            .filter(|entry| !entry.starts_with("iqn."))
            .map(|entry| (*entry).to_owned())
            .collect(),
        initiators: acl
            .iter()
            .filter(|entry| entry.starts_with("iqn."))
            .map(|entry| (*entry).to_owned())
            .collect(),
    }
}

/// Every name that these tests use for a target of ours.
fn ours() -> BTreeSet<String> {
    ["a", "b", "c"]
        .map(|name| format!("iqn.2014-02.a.b:{name}"))
        .into()
}

/// Runs a plan as `run` does, and looks at every moment. Returns how many steps there were.
fn carry_out(model: &mut Model, views: &[ClientView], applied: &mut Applied, force: bool) -> usize {
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

fn session() -> Nexus {
    Nexus {
        id: 1,
        initiator: "iqn.1998-01.com.vmware:esx1".into(),
        addresses: vec!["10.0.0.1".into()],
        connections: vec![0],
    }
}

#[test]
fn a_new_target_lets_nobody_in_until_it_is_whole() {
    let mut model = Model::default();
    let mut applied = Applied::default();
    let views = [wanted(
        "a",
        1001,
        ClientRole::Active,
        &[1, 2],
        &["10.0.0.1", "iqn.1998-01.com.vmware:esx1"],
        Some("s"),
    )];
    let first = plan(&model.daemon, &views, &ours(), &applied, false);
    let words: Vec<String> = first.targets[0]
        .steps
        .iter()
        .map(ToString::to_string)
        .collect();
    insta::assert_snapshot!(words.join("\n"), @r"
    make the target, tid 1001
    set ImmediateData to Yes
    make LUN 1 of rbd/a1
    LUN 1: id 6-a1, serial a1
    LUN 1: CEPH RBD, lbppbe 3, write cache off
    make LUN 2 of rbd/a2
    LUN 2: id 6-a2, serial a2
    LUN 2: CEPH RBD, lbppbe 3, write cache off
    ask for user-a
    admit 10.0.0.1
    admit iqn.1998-01.com.vmware:esx1
    ");
    assert!(carry_out(&mut model, &views, &mut applied, false) > 10);
    assert_eq!(
        carry_out(&mut model, &views, &mut applied, false),
        0,
        "the second run changes nothing"
    );
}

#[test]
fn a_session_is_disturbed_by_force_only() {
    let mut model = Model::default();
    let mut applied = Applied::default();
    let active =
        |luns: &[u8], acl: &[&str]| [wanted("a", 1001, ClientRole::Active, luns, acl, None)];
    carry_out(
        &mut model,
        &active(&[1, 2], &["10.0.0.1"]),
        &mut applied,
        false,
    );
    model.target(1001).nexuses.push(session());
    // what is safe: another LUN, another initiator
    carry_out(
        &mut model,
        &active(&[1, 2, 3], &["10.0.0.1", "10.0.0.2"]),
        &mut applied,
        false,
    );
    assert_eq!(
        (model.target(1001).luns.len(), model.target(1001).acl.len()),
        (3, 2)
    );
    // what is not: a LUN that goes, a standby, a target that goes; and each is done by force
    let fewer = active(&[1, 3], &["10.0.0.1"]);
    let held = |model: &Model, views: &[ClientView]| {
        plan(&model.daemon, views, &ours(), &applied, false).targets[0]
            .held
            .clone()
    };
    assert_eq!(
        held(&model, &fewer)[0].0,
        Step::LunDelete {
            tid: 1001,
            number: 2
        }
    );
    assert!(matches!(held(&model, &[])[0].0, Step::TargetDelete { .. }));
    let standby = [wanted(
        "a",
        1001,
        ClientRole::Standby,
        &[],
        &["10.0.0.1"],
        None,
    )];
    assert_eq!(
        held(&model, &standby)[0].0,
        Step::State {
            tid: 1001,
            ready: false
        }
    );
    carry_out(&mut model, &fewer, &mut applied.clone(), false);
    assert_eq!(
        (model.target(1001).luns.len(), model.target(1001).acl.len()),
        (3, 1),
        "the access list follows at once"
    );
    carry_out(&mut model, &fewer, &mut applied, true);
    assert_eq!(model.target(1001).luns.len(), 2);
    carry_out(&mut model, &[], &mut applied, true);
    assert!(model.daemon.targets.is_empty());
}

#[test]
fn an_image_that_was_renamed_stays_open_under_its_session() {
    let mut model = Model::default();
    let mut applied = Applied::default();
    let mut views = [wanted(
        "a",
        1001,
        ClientRole::Active,
        &[1],
        &["10.0.0.1"],
        None,
    )];
    carry_out(&mut model, &views, &mut applied, false);
    model.target(1001).nexuses.push(session());
    views[0].targets[0].luns[0].path = "rbd/renamed".into();
    assert_eq!(carry_out(&mut model, &views, &mut applied, false), 0);
    model.target(1001).nexuses.clear();
    assert!(carry_out(&mut model, &views, &mut applied, false) > 0);
    assert_eq!(model.target(1001).luns[0].path, "rbd/renamed");
}

#[test]
fn a_changed_secret_is_put_in_force_behind_a_guard() {
    let mut model = Model::default();
    let mut applied = Applied::default();
    let with = |secret: &str| {
        [wanted(
            "a",
            1001,
            ClientRole::Active,
            &[1],
            &["10.0.0.1"],
            Some(secret),
        )]
    };
    carry_out(&mut model, &with("one"), &mut applied, false);
    model.target(1001).nexuses.push(session());
    carry_out(&mut model, &with("two"), &mut applied, false);
    assert_eq!(model.secrets["user-a"], "two");
    assert_eq!(
        (
            model.daemon.accounts.len(),
            model.target(1001).accounts.len()
        ),
        (1, 1),
        "the guard is gone"
    );
    // after a restart of the daemon nothing is known, so it is set again, and only once
    let mut applied = Applied::default();
    assert!(carry_out(&mut model, &with("two"), &mut applied, false) > 0);
    assert_eq!(carry_out(&mut model, &with("two"), &mut applied, false), 0);
    // a guard that a killed run left goes
    model.run(&Step::AccountNew {
        user: "wb-guard-123".into(),
        secret: Secret::new("x".into()),
    });
    carry_out(&mut model, &with("two"), &mut applied, false);
    assert_eq!(model.daemon.accounts, ["user-a"]);
}

#[test]
fn a_foreign_target_is_never_touched() {
    let mut model = Model::default();
    let mut applied = Applied::default();
    model.run(&Step::TargetNew {
        tid: 1001,
        iqn: "iqn.2001-01.foreign.org:x".into(),
    });
    let views = [wanted(
        "a",
        1001,
        ClientRole::Active,
        &[1],
        &["10.0.0.1"],
        None,
    )];
    let first = plan(&model.daemon, &views, &ours(), &applied, true);
    assert!(
        first.targets[0]
            .blocked
            .as_ref()
            .unwrap()
            .contains("taken by iqn.2001-01.foreign.org:x")
    );
    assert_eq!(carry_out(&mut model, &views, &mut applied, true), 0);
    assert_eq!(model.daemon.targets.len(), 1);
}

fn views() -> impl Strategy<Value = Vec<ClientView>> {
    let role = prop_oneof![
        Just(ClientRole::Active),
        Just(ClientRole::Active),
        Just(ClientRole::Standby),
        Just(ClientRole::Elsewhere)
    ];
    let acl = prop::sample::subsequence(
        vec!["10.0.0.1", "10.0.0.2", "iqn.1998-01.com.vmware:esx1"],
        1..=3,
    );
    let luns = prop::sample::subsequence(vec![1_u8, 2, 3], 1..=3);
    let chap = prop::option::of(prop_oneof![Just("one"), Just("two")]);
    let client = (role, acl, luns, chap, any::<bool>());
    prop::collection::vec(client, 3).prop_map(|clients| {
        let named = clients
            .into_iter()
            .zip([("a", 1001), ("b", 1002), ("c", 1003)]);
        let there = named.filter(|((.., there), _)| *there);
        there
            .map(|((role, acl, luns, chap, _), (name, tid))| {
                wanted(name, tid, role, &luns, &acl, chap)
            })
            .collect()
    })
}

proptest! {
    /// From any state, also one that was left in the middle: it is reached, at once or by force, and nothing is left to do.
    #[test]
    fn any_inventory_follows_any_other(
        first in views(), second in views(), cut in 0_usize..40,
        connected in prop::collection::vec(any::<bool>(), 3), known in any::<bool>(),
    ) {
        let mut model = Model::default();
        let mut applied = Applied::default();
        model.run(&Step::TargetNew { tid: 7, iqn: "iqn.2001-01.foreign.org:x".into() });
        // the first run is killed after some steps, before it could remember anything
        let killed = plan(&model.daemon, &first, &ours(), &applied, false);
        let steps: Vec<Step> = killed.accounts.steps().unwrap().into_iter().chain(killed.targets.into_iter().flat_map(|t| t.steps)).collect();
        for step in steps.iter().take(cut) {
            model.run(step);
        }
        if known {
            carry_out(&mut model, &first, &mut applied, false);
        }
        for (target, connected) in model.daemon.targets.iter_mut().filter(|t| t.tid > 1000 && !t.acl.is_empty()).zip(connected) {
            if connected {
                target.nexuses.push(session());
            }
        }
        let sessions = |model: &Model| model.daemon.targets.iter().map(|t| t.nexuses.len()).sum::<usize>();
        let before = sessions(&model);
        carry_out(&mut model, &second, &mut applied, false);
        prop_assert_eq!(sessions(&model), before, "nobody was disturbed");
        let again = carry_out(&mut model, &second, &mut applied, false);
        prop_assert_eq!(again, 0);
        carry_out(&mut model, &second, &mut applied, true);
        prop_assert_eq!(carry_out(&mut model, &second, &mut applied, true), 0);
        let left = plan(&model.daemon, &second, &ours(), &applied, false);
        prop_assert!(left.targets.iter().all(|target| target.steps.is_empty() && target.held.is_empty()), "{:?}", left);
        prop_assert!(model.daemon.targets.iter().any(|target| target.tid == 7));
        for view in &second {
            let has = model.daemon.targets.iter().find(|target| target.iqn == view.targets[0].iqn);
            match view.role {
                ClientRole::Elsewhere => prop_assert!(has.is_none()),
                role => {
                    let has = has.unwrap();
                    prop_assert_eq!(has.ready, role == ClientRole::Active);
                    prop_assert_eq!(has.luns.len(), view.targets[0].luns.len());
                    prop_assert_eq!(has.accounts.is_empty(), view.chap.is_none());
                    prop_assert_eq!(has.acl.iter().collect::<BTreeSet<_>>(), view.addresses.iter().chain(&view.initiators).collect::<BTreeSet<_>>());
                }
            }
        }
    }
}
