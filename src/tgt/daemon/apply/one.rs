//! What differs in one target that is wanted, as steps in their order.

use std::collections::BTreeMap;

use super::super::redirected;
use super::super::show::TargetState;
use super::plan::acl;
use super::{Applied, Daemon, Step, TargetPlan, accounts, luns};
use crate::tgt::inventory::ClientRole;
use crate::tgt::render::{ClientView, TargetView};

/// The steps for one target; `holder` is another one that has its number.
pub(super) fn one(
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
    let Some(state) = with_its_number(&mut plan, state, force) else {
        return plan;
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
    shut(&mut plan, view, now);
    let standby = view.role == ClientRole::Standby;
    if standby && now.ready && !offline(&mut plan, force) {
        return plan;
    }
    let shown = daemon.parameters.get(&target.tid);
    redirect(&mut plan, view, shown);
    parameters(&mut plan, view, shown);
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

/// The target as it is, if it has the number that it should; one with another goes first, and there is none then. Nothing if
/// those who are connected hold that back: then no more can be done with it.
fn with_its_number<'a>(
    plan: &mut TargetPlan,
    state: Option<&'a TargetState>,
    force: bool,
) -> Option<Option<&'a TargetState>> {
    let Some(state) = state.filter(|state| state.tid != plan.tid) else {
        return Some(state);
    };
    let delete = Step::TargetDelete {
        tid: state.tid,
        force: !state.nexuses.is_empty(),
    };
    let why = "its number is another than the registry's, so it must be made anew";
    plan.disturbing(force, delete, why);
    plan.held.is_empty().then_some(None)
}

/// Takes a target offline that another gateway serves. False if those who are connected hold that back: as long as it is served
/// here, it keeps its accounts, as without one it would ask for none.
fn offline(plan: &mut TargetPlan, force: bool) -> bool {
    let step = Step::State {
        tid: plan.tid,
        ready: false,
    };
    let why = "another gateway serves it, and its sessions here would end";
    plan.disturbing(force, step, why);
    let free = plan.held.is_empty();
    if free {
        disconnect(plan);
    }
    free
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

/// A standby sends logins to the gateway that serves, once it is offline itself; who serves sends them nowhere.
fn redirect(plan: &mut TargetPlan, view: &ClientView, now: Option<&BTreeMap<String, String>>) {
    let wanted = view.redirect.map(|to| to.to_string());
    if now.and_then(redirected) != wanted {
        plan.steps.push(Step::Redirect {
            tid: plan.tid,
            to: view.redirect,
        });
    }
}

fn parameters(plan: &mut TargetPlan, view: &ClientView, now: Option<&BTreeMap<String, String>>) {
    // those of a target that sends logins elsewhere are not shown; they count once it does no more, and are set then
    if view.redirect.is_some() && now.and_then(redirected).is_some() {
        return;
    }
    for parameter in &view.session {
        let (name, value) = (parameter.name.clone(), parameter.value.clone());
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
