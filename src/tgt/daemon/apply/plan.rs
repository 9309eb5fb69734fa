//! What differs, as steps in their order. Pure: the daemon's state and the inventory in, steps out.

use std::collections::{BTreeMap, BTreeSet};

use super::super::show::{Nexus, TargetState};
use super::accounts::{self, AccountPlan};
use super::one::one;
use super::{Applied, Step};
use crate::tgt::inventory::{ClientRole, Secret};
use crate::tgt::render::{ClientView, LunView, TargetView};

/// What a daemon has.
#[derive(Debug, Clone, Default)]
pub struct Daemon {
    /// Its targets.
    pub targets: Vec<TargetState>,
    /// iSCSI parameters of those that we want, by number.
    pub parameters: BTreeMap<u16, BTreeMap<String, String>>,
    /// Its accounts.
    pub accounts: Vec<String>,
}

/// Everything that is to be done.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Accounts that must be there before they are bound.
    pub accounts: AccountPlan,
    /// Targets: those that go first, then the others by name.
    pub targets: Vec<TargetPlan>,
}

/// What is to be done with one target.
#[derive(Debug, Clone, Default)]
pub struct TargetPlan {
    /// Its name.
    pub iqn: String,
    /// Its number.
    pub tid: u16,
    /// Whether the daemon does not have it yet: then it is taken back when a step fails.
    pub new: bool,
    /// Whether it goes.
    pub gone: bool,
    /// The steps.
    pub steps: Vec<Step>,
    /// Steps that would disturb those who are connected, with the reason.
    pub held: Vec<(Step, String)>,
    /// Who is connected.
    pub sessions: Vec<Nexus>,
    /// Why nothing can be done with it.
    pub blocked: Option<String>,
}

impl TargetPlan {
    /// The LUNs that are to be made.
    pub fn exports(&self) -> impl Iterator<Item = &LunView> {
        self.steps.iter().filter_map(Step::exports)
    }

    /// Adds a step that disturbs whoever is connected; it is held back then, unless forced.
    pub(super) fn disturbing(&mut self, force: bool, step: Step, why: &str) {
        if self.sessions.is_empty() || force {
            self.steps.push(step);
        } else {
            self.held.push((step, why.to_owned()));
        }
    }
}

impl Plan {
    /// Whether LUNs are to be made.
    pub fn exports(&self) -> bool {
        self.targets
            .iter()
            .any(|target| target.exports().next().is_some())
    }

    /// Leaves out what concerns other clients.
    pub fn keep(&mut self, view: Option<&ClientView>) {
        let ours = |iqn: &str| {
            view.is_some_and(|view| view.targets.iter().any(|target| target.iqn == iqn))
        };
        let has = |user: &str| {
            view.is_some_and(|view| {
                [&view.chap, &view.chap_mutual]
                    .into_iter()
                    .flatten()
                    .any(|chap| chap.user == user)
            })
        };
        self.targets.retain(|target| ours(&target.iqn));
        self.accounts.new.retain(|(user, _)| has(user));
        self.accounts.again.retain(|again| has(&again.user));
        self.accounts.gone.clear();
    }
}

/// What is to be done so that the daemon is as the clients' views say. `ours` names every target that may be touched.
pub fn plan(
    daemon: &Daemon,
    views: &[ClientView],
    ours: &BTreeSet<String>,
    applied: &Applied,
    force: bool,
) -> Plan {
    let known = views
        .iter()
        .filter(|view| view.role != ClientRole::Elsewhere);
    let wanted: BTreeMap<&str, (&ClientView, &TargetView)> = known
        .flat_map(|view| {
            view.targets
                .iter()
                .map(move |target| (target.iqn.as_str(), (view, target)))
        })
        .collect();
    let mut plan = Plan {
        accounts: accounts::plan(daemon, &secrets(&wanted), applied),
        targets: Vec::new(),
    };
    for state in &daemon.targets {
        if ours.contains(&state.iqn) && !wanted.contains_key(state.iqn.as_str()) {
            plan.targets.push(remove(state, force));
        }
    }
    let going: BTreeSet<u16> = plan
        .targets
        .iter()
        .filter(|gone| gone.held.is_empty())
        .map(|gone| gone.tid)
        .collect();
    for (view, target) in wanted.values() {
        let state = daemon.targets.iter().find(|state| state.iqn == target.iqn);
        let holder = daemon.targets.iter().find(|state| {
            state.tid == target.tid && state.iqn != target.iqn && !going.contains(&state.tid)
        });
        plan.targets
            .push(one(view, target, state, holder, daemon, applied, force));
    }
    plan
}

/// The secret of every account that is wanted.
fn secrets(wanted: &BTreeMap<&str, (&ClientView, &TargetView)>) -> BTreeMap<String, Secret> {
    let views = wanted.values().map(|(view, _)| view);
    views
        .flat_map(|view| [&view.chap, &view.chap_mutual])
        .flatten()
        .map(|chap| (chap.user.clone(), Secret::new(chap.secret.clone())))
        .collect()
}

/// Nobody is let in any more, then it goes.
fn remove(state: &TargetState, force: bool) -> TargetPlan {
    let mut plan = TargetPlan {
        iqn: state.iqn.clone(),
        tid: state.tid,
        gone: true,
        sessions: state.nexuses.clone(),
        ..TargetPlan::default()
    };
    plan.steps
        .extend(state.acl.iter().map(|entry| acl(state.tid, entry, false)));
    let force_delete = !state.nexuses.is_empty();
    let delete = Step::TargetDelete {
        tid: state.tid,
        force: force_delete,
    };
    plan.disturbing(
        force,
        delete,
        "its sessions would end, and its disks vanish",
    );
    plan
}

/// The daemon does not say whether an entry is an address or a name; names begin with their type (RFC 3720).
pub(super) fn acl(tid: u16, entry: &str, bind: bool) -> Step {
    if ["iqn.", "eui.", "naa."]
        .iter()
        .any(|kind| entry.starts_with(kind))
    {
        Step::Initiator {
            tid,
            name: entry.to_owned(),
            bind,
        }
    } else {
        Step::Address {
            tid,
            address: entry.to_owned(),
            bind,
        }
    }
}
