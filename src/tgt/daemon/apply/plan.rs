//! What differs, as steps in their order. Pure: the daemon's state and the inventory in, steps out.

use std::collections::{BTreeMap, BTreeSet};

use super::super::show::{Nexus, TargetState};
use super::accounts::{self, AccountPlan};
use super::{Applied, Step, luns};
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
    /// The LUNs whose images are to be opened in Ceph.
    pub fn opens(&self) -> impl Iterator<Item = &LunView> {
        self.steps.iter().filter_map(Step::opens)
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
    /// Whether images are to be opened in Ceph.
    pub fn opens(&self) -> bool {
        self.targets
            .iter()
            .any(|target| target.opens().next().is_some())
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
fn acl(tid: u16, entry: &str, bind: bool) -> Step {
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

fn one(
    view: &ClientView,
    target: &TargetView,
    state: Option<&TargetState>,
    holder: Option<&TargetState>,
    daemon: &Daemon,
    applied: &Applied,
    force: bool,
) -> TargetPlan {
    let mut plan = TargetPlan {
        iqn: target.iqn.clone(),
        tid: target.tid,
        sessions: state.map(|state| state.nexuses.clone()).unwrap_or_default(),
        ..TargetPlan::default()
    };
    let state = match state {
        Some(state) if state.tid != target.tid => {
            let delete = Step::TargetDelete {
                tid: state.tid,
                force: !state.nexuses.is_empty(),
            };
            plan.disturbing(
                force,
                delete,
                "its number is another than the registry's, so it must be made anew",
            );
            if !plan.held.is_empty() {
                return plan;
            }
            None
        }
        state => state,
    };
    if let Some(holder) = holder {
        plan.blocked = Some(format!(
            "tid {} is taken by {}, which is not in the inventory",
            target.tid, holder.iqn
        ));
        plan.steps.clear();
        return plan;
    }
    let empty = TargetState {
        ready: true,
        ..TargetState::default()
    };
    let now = state.unwrap_or(&empty);
    if state.is_none() {
        plan.new = true;
        plan.steps.push(Step::TargetNew {
            tid: target.tid,
            iqn: target.iqn.clone(),
        });
    }
    let standby = view.role == ClientRole::Standby;
    shut(&mut plan, view, now);
    if standby && now.ready {
        plan.disturbing(
            force,
            Step::State {
                tid: target.tid,
                ready: false,
            },
            "another gateway serves it, and its sessions here would end",
        );
        if !plan.held.is_empty() {
            // as long as it is served here, it keeps its accounts: without one it would ask for none
            return plan;
        }
        disconnect(&mut plan);
    }
    parameters(&mut plan, view, daemon.parameters.get(&target.tid));
    luns::luns(&mut plan, target, now, applied, force);
    bind_accounts(&mut plan, view, now);
    open(&mut plan, view, now);
    if !standby && !now.ready {
        plan.steps.push(Step::State {
            tid: target.tid,
            ready: true,
        });
    }
    plan
}

/// Whoever is connected is sent away, or it would wait for answers that do not come.
fn disconnect(plan: &mut TargetPlan) {
    let tid = plan.tid;
    let connections = plan.sessions.iter().flat_map(|nexus| {
        let session = nexus.id;
        nexus
            .connections
            .iter()
            .map(move |connection| Step::Disconnect {
                tid,
                session,
                connection: *connection,
            })
    });
    plan.steps.extend(connections);
}

/// First of all, whoever is let in and should not be.
fn shut(plan: &mut TargetPlan, view: &ClientView, now: &TargetState) {
    let wanted = |entry: &String| view.addresses.contains(entry) || view.initiators.contains(entry);
    let extra = now.acl.iter().filter(|entry| !wanted(entry));
    plan.steps
        .extend(extra.map(|entry| acl(plan.tid, entry, false)));
}

/// Last of all, whoever should be let in and is not.
fn open(plan: &mut TargetPlan, view: &ClientView, now: &TargetState) {
    let missing = |entry: &&String| !now.acl.contains(entry);
    let entries = view
        .addresses
        .iter()
        .chain(&view.initiators)
        .filter(missing);
    let steps: Vec<Step> = entries.map(|entry| acl(plan.tid, entry, true)).collect();
    let wrong =
        |(step, _): &(Step, String)| matches!(step, Step::LunIdentity { .. } | Step::LunNew { .. });
    if plan.held.iter().any(wrong) {
        let why = "they would meet a disk that is not yet who it should be";
        plan.held
            .extend(steps.into_iter().map(|step| (step, why.to_owned())));
    } else {
        plan.steps.extend(steps);
    }
}

fn parameters(plan: &mut TargetPlan, view: &ClientView, now: Option<&BTreeMap<String, String>>) {
    for parameter in &view.session {
        let (name, value) = (parameter.name.clone(), parameter.value.clone());
        // those of a target that is offline with a redirect are not shown; setting them again does no harm
        if plan.new || now.and_then(|now| now.get(&name)) != Some(&value) {
            plan.steps.push(Step::Parameter {
                tid: plan.tid,
                name,
                value,
            });
        }
    }
}

/// The wanted account first, then the others go: at no time does the target ask for none.
fn bind_accounts(plan: &mut TargetPlan, view: &ClientView, now: &TargetState) {
    let tid = plan.tid;
    let user = view.chap.as_ref().map(|chap| &chap.user);
    if let Some(user) = user.filter(|user| !now.accounts.contains(user)) {
        plan.steps.push(Step::Account {
            tid,
            user: user.clone(),
            outgoing: false,
            bind: true,
        });
    }
    let mutual = view.chap_mutual.as_ref().map(|chap| &chap.user);
    if mutual != now.outgoing.as_ref() {
        if let Some(old) = &now.outgoing {
            plan.steps.push(Step::Account {
                tid,
                user: old.clone(),
                outgoing: true,
                bind: false,
            });
        }
        if let Some(user) = mutual {
            plan.steps.push(Step::Account {
                tid,
                user: user.clone(),
                outgoing: true,
                bind: true,
            });
        }
    }
    for old in now
        .accounts
        .iter()
        .filter(|old| Some(*old) != user && !accounts::is_guard(old))
    {
        plan.steps.push(Step::Account {
            tid,
            user: old.clone(),
            outgoing: false,
            bind: false,
        });
    }
}
