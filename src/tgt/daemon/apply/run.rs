//! The plan, done step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::super::{TargetState, Tgtadm};
use super::{Applied, ApplyReport, Daemon, Plan, Step, lock, plan, preflight, target};
use crate::host::Host;
use crate::tgt::Site;
use crate::tgt::holders::{Holders, Opening};
use crate::tgt::inventory::ClientRole;
use crate::tgt::render::{ClientView, LunView, render};
use crate::{Error, Result};

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
    let holders = Holders::new(host, site)?;
    let views = site.views()?;
    if let Some(holders) = &holders {
        // the lock may have been another's for long, and a failover's above all
        let only = options.only.as_deref();
        let all = views.iter().map(|view| view.client.as_str());
        holders.refuse_moved(all.filter(|client| only.is_none_or(|only| only == *client)))?;
    }
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
    preflight::check(host, tgtadm, site, &daemon, &mut plan)?;
    let mut report = ApplyReport {
        version: 1,
        gateway: site.gateway.clone(),
        dry_run: options.dry_run,
        registered: site.identities.news.clone(),
        files: Vec::new(),
        accounts: Vec::new(),
        targets: Vec::new(),
        foreign: foreign(&daemon.targets, &site.identities.ours),
    };
    if !options.dry_run
        && let Some(holders) = &holders
    {
        holders.opening(new_luns(&plan, &views))?;
    }
    let mut work = Work {
        tgtadm,
        holders: holders.as_ref().filter(|_| !options.dry_run),
        applied: &mut applied,
    };
    // The files before the daemon: should tgtd be restarted half-way, it comes up with what is wanted. But not before the notes,
    // which are refused where another gateway serves: such a restart would open what is that one's.
    let files = render(
        site,
        &options.conf_d,
        options.only.as_deref(),
        options.dry_run,
    );
    let done = files.and_then(|rendered| {
        report.files = rendered.files;
        work.carry_out(&plan, &mut report)
    });
    if options.dry_run {
        return done.map(|()| report);
    }
    // also after a failure: what was done was done
    let kept = applied
        .save(&host.roots)
        .and_then(|()| keep(holders.as_ref(), tgtadm, !site.offline || plan.exports()));
    match done {
        Ok(()) => kept.map(|()| report),
        Err(error) => Err(error.and_then_cleanup(kept)),
    }
}

/// Notes what tgtd has open now, where there are other gateways and it `matters`.
fn keep(holders: Option<&Holders<'_>>, tgtadm: &Tgtadm<'_>, matters: bool) -> Result<()> {
    let Some(holders) = holders.filter(|_| matters) else {
        return Ok(());
    };
    let states = tgtadm.targets();
    states
        .and_then(|states| holders.keep(&states, Opening::Over))
        .map_err(unnoted)
}

/// What was opened, or not, is not noted: until it is, nobody can bar this gateway from it.
fn unnoted(error: Error) -> Error {
    let message = "the registry does not know yet what tgtd has open";
    Error::new(error.kind(), message).because(error).remedy(
        "mend that, and run `warmblock tgt apply` here once more; until then a failover that this gateway does not answer needs \
         --dead, and the certainty that it is off",
    )
}

/// The LUNs that are to be made, each with its client.
fn new_luns<'a>(
    plan: &'a Plan,
    views: &'a [ClientView],
) -> impl Iterator<Item = (&'a str, &'a LunView)> {
    let of = |iqn: &str| {
        let has = |view: &&ClientView| view.targets.iter().any(|target| target.iqn == iqn);
        views
            .iter()
            .find(has)
            .map_or("", |view| view.client.as_str())
    };
    let targets = plan
        .targets
        .iter()
        .filter(|target| target.blocked.is_none());
    targets.flat_map(move |target| {
        let client = of(&target.iqn);
        target.exports().map(move |lun| (client, lun))
    })
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

/// What the steps work with.
pub(super) struct Work<'a> {
    pub(super) tgtadm: &'a Tgtadm<'a>,
    /// Absent in a dry run, and where there is one gateway only.
    pub(super) holders: Option<&'a Holders<'a>>,
    pub(super) applied: &'a mut Applied,
}

impl Work<'_> {
    /// Accounts, targets, and the accounts that nobody needs any more. In a dry run the report says what would be done.
    fn carry_out(&mut self, plan: &Plan, report: &mut ApplyReport) -> Result<()> {
        self.accounts(plan, report)?;
        for target in &plan.targets {
            report
                .targets
                .push(target::carry_out(self, target, report.dry_run));
        }
        self.forget_accounts(plan, report)
    }

    /// Removes what nobody needs any more; but not the last account of a target, which would ask for none then.
    fn forget_accounts(&mut self, plan: &Plan, report: &mut ApplyReport) -> Result<()> {
        if plan.accounts.gone.is_empty() {
            return Ok(());
        }
        let now = self.tgtadm.targets()?;
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
                step.run(self.tgtadm)?;
                self.applied.accounts.remove(user);
            }
        }
        Ok(())
    }

    fn accounts(&mut self, plan: &Plan, report: &mut ApplyReport) -> Result<()> {
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
            step.run(self.tgtadm)?;
        }
        for (user, secret) in &plan.accounts.new {
            self.applied.set_secret(user, secret);
        }
        for again in &plan.accounts.again {
            self.applied.set_secret(&again.user, &again.secret);
        }
        Ok(())
    }
}
