//! The plan, done step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::super::{TargetState, Tgtadm};
use super::{
    Applied, ApplyReport, Daemon, Held, Plan, Step, TargetPlan, TargetReport, plan, preflight,
};
use crate::host::Host;
use crate::model::Change;
use crate::sys::{Roots, wait};
use crate::tgt::Site;
use crate::tgt::inventory::ClientRole;
use crate::tgt::render::{ClientView, render};
use crate::{Error, Kind, Result};

/// How it is done.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where tgt-admin's files go.
    pub conf_d: PathBuf,
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
    /// Disturb those who are connected.
    pub force: bool,
    /// Touch this client only.
    pub only: Option<String>,
}

/// Brings files and daemon to what the inventory says. What cannot be done with one target is in its report; the others
/// are done all the same.
pub fn apply(
    host: &Host,
    tgtadm: &Tgtadm<'_>,
    site: &Site,
    options: &Options,
) -> Result<ApplyReport> {
    let _lock = lock(host)?;
    let views = site.views()?;
    let mut applied = Applied::load(&host.roots, &tgtadm.incarnation()?)?;
    let daemon = look(tgtadm, &views)?;
    let mut plan = plan(
        &daemon,
        &views,
        &site.identities.ours,
        &applied,
        options.force,
    );
    if let Some(only) = &options.only {
        plan.keep(views.iter().find(|view| view.client == *only));
    }
    preflight::check(host, tgtadm, &site.inventory, &mut plan, options.force)?;
    // the files first: should tgtd be restarted half-way, it comes up with what is wanted
    let files = render(
        site,
        &options.conf_d,
        options.only.as_deref(),
        options.dry_run,
    )?
    .files;
    let mut report = ApplyReport {
        version: 1,
        gateway: site.gateway.clone(),
        dry_run: options.dry_run,
        registered: site.identities.news.clone(),
        files,
        accounts: Vec::new(),
        targets: Vec::new(),
        foreign: foreign(&daemon.targets, &site.identities.ours),
    };
    let done = carry_out(tgtadm, &plan, &host.roots, &mut applied, &mut report);
    done.map(|()| report)
}

/// One of those who change the daemon at a time; the kernel lets go when its holder dies.
pub(in crate::tgt) fn lock(host: &Host) -> Result<File> {
    let path = host.roots.run.join("tgt.lock");
    let cannot =
        |error| Error::new(Kind::Failed, format!("cannot lock {}", path.display())).because(error);
    std::fs::create_dir_all(&host.roots.run).map_err(cannot)?;
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(cannot)?;
    wait::until(
        "another `warmblock tgt`",
        host.config.deadline.lock,
        || match file.try_lock() {
            Ok(()) => Ok(Some(())),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(cannot(error)),
        },
    )?;
    Ok(file)
}

/// What the daemon has, as far as it matters to these clients.
pub(in crate::tgt) fn look(tgtadm: &Tgtadm<'_>, views: &[ClientView]) -> Result<Daemon> {
    let targets = tgtadm.targets()?;
    let wanted: BTreeSet<&str> = views
        .iter()
        .filter(|view| view.role != ClientRole::Elsewhere)
        .flat_map(|view| view.targets.iter().map(|target| target.iqn.as_str()))
        .collect();
    let mut parameters = BTreeMap::new();
    for target in targets
        .iter()
        .filter(|target| wanted.contains(target.iqn.as_str()))
    {
        parameters.insert(target.tid, tgtadm.parameters(target.tid)?);
    }
    Ok(Daemon {
        targets,
        parameters,
        accounts: tgtadm.accounts()?,
    })
}

fn foreign(targets: &[TargetState], ours: &BTreeSet<String>) -> Vec<String> {
    targets
        .iter()
        .map(|target| &target.iqn)
        .filter(|iqn| !ours.contains(*iqn))
        .cloned()
        .collect()
}

/// Accounts, targets, and the accounts that nobody needs any more. In a dry run the report says what would be done.
fn carry_out(
    tgtadm: &Tgtadm<'_>,
    plan: &Plan,
    roots: &Roots,
    applied: &mut Applied,
    report: &mut ApplyReport,
) -> Result<()> {
    let dry_run = report.dry_run;
    let done = accounts(tgtadm, plan, applied, report);
    if done.is_ok() {
        for target in &plan.targets {
            report.targets.push(one(tgtadm, target, applied, dry_run));
        }
    }
    let done = done.and_then(|()| forget_accounts(tgtadm, plan, applied, report));
    if dry_run {
        return done;
    }
    // also after a failure: what was done was done
    match done {
        Ok(()) => applied.save(roots),
        Err(error) => Err(error.and_then_cleanup(applied.save(roots))),
    }
}

/// Removes what nobody needs any more; but not the last account of a target, which would ask for none then.
fn forget_accounts(
    tgtadm: &Tgtadm<'_>,
    plan: &Plan,
    applied: &mut Applied,
    report: &mut ApplyReport,
) -> Result<()> {
    if plan.accounts.gone.is_empty() {
        return Ok(());
    }
    let now = tgtadm.targets()?;
    for user in &plan.accounts.gone {
        let last_of = |target: &TargetState| {
            target.accounts.iter().all(|has| has == user) && target.accounts.contains(user)
        };
        let proves = |target: &TargetState| target.outgoing.as_ref() == Some(user);
        if !report.dry_run && now.iter().any(|target| last_of(target) || proves(target)) {
            continue;
        }
        let step = Step::AccountDelete { user: user.clone() };
        report.accounts.push(step.to_string());
        if !report.dry_run {
            step.run(tgtadm)?;
            applied.accounts.remove(user);
        }
    }
    Ok(())
}

fn accounts(
    tgtadm: &Tgtadm<'_>,
    plan: &Plan,
    applied: &mut Applied,
    report: &mut ApplyReport,
) -> Result<()> {
    for (user, _) in &plan.accounts.new {
        report.accounts.push(format!("make the account {user}"));
    }
    for again in &plan.accounts.again {
        report.accounts.push(format!(
            "make the account {} anew, with the secret of the inventory",
            again.user
        ));
    }
    if report.dry_run {
        return Ok(());
    }
    for step in plan.accounts.steps()? {
        step.run(tgtadm)?;
    }
    for (user, secret) in &plan.accounts.new {
        applied.set_secret(user, secret);
    }
    for again in &plan.accounts.again {
        applied.set_secret(&again.user, &again.secret);
    }
    Ok(())
}

/// One target. A failure ends its steps, and takes a target back that was made by them.
fn one(
    tgtadm: &Tgtadm<'_>,
    target: &TargetPlan,
    applied: &mut Applied,
    dry_run: bool,
) -> TargetReport {
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
    for step in &target.steps {
        // whoever is let in too much goes even where nothing else can be done
        if report.error.is_some() && !step.shuts() {
            continue;
        }
        if !dry_run && let Err(error) = step.run(tgtadm) {
            let error = if target.new && made(&report, target) {
                // nobody was let in yet, so nobody misses it
                error.and_then_cleanup(tgtadm.target_delete(target.tid, true))
            } else {
                error
            };
            let left: Vec<String> = error.cleanup_errors().iter().map(Error::chain).collect();
            let left = left
                .iter()
                .map(|left| format!("; then: {left}"))
                .collect::<String>();
            report.error = Some(format!("cannot {step}: {}{left}", error.chain()));
            return report;
        }
        report.steps.push(step.to_string());
        remember(applied, &target.iqn, step);
    }
    report.change = match (report.steps.is_empty(), target.new, target.gone) {
        (true, ..) => Change::Kept,
        (_, true, _) => Change::Made,
        (_, _, true) if target.held.is_empty() => Change::Removed,
        _ => Change::Altered,
    };
    report
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
