//! The actions of the transfer manager, from their call to their end: what oned is asked, and who does what.

use std::io::{Read, Write};

use super::act::{JOB_DEADLINE, Site, warnings};
use super::call::{BackupCall, Migration, TmCall, on_stdin};
use super::document::Vm;
use super::oned::Oned;
use super::plan::{Instead, Known, Plan, Task, When, Work};
use super::remote::is_unreached;
use super::voice::{Level, Voice};
use super::{Remote, VmId, context};
use crate::error::both;
use crate::exec::{Cmd, Exec};
use crate::job::{Job, Recover, Request};
use crate::{Context, Error, Kind, Result};

/// Does a call.
pub(super) fn act(
    site: &Site,
    call: &TmCall,
    stdin: &mut dyn Read,
    voice: &mut Voice<impl Write>,
) -> Result<()> {
    let remote = Remote::new(JOB_DEADLINE);
    match call {
        TmCall::Prebackup { call: of, .. } | TmCall::Postbackup { call: of, .. } => {
            return backup(site, &remote, call, of, stdin, voice);
        }
        TmCall::Restore(_) => return Err(no_restore()),
        _ => {}
    }
    let TmCall::Activate = call else {
        let (vm, others) = documents(site, call, stdin)?;
        let plan = plan(site, call, &vm)?;
        return done(&remote, &plan, voice, || tell_others(site, &vm, others));
    };
    let request = Request::Recover(Recover::default());
    remote.run_as_root(&job(request)).map(drop)
}

/// The VM that a call is about, and what the drivers of its other disks have to be told. A migration brings the document,
/// others ask oned for it.
fn documents<'c>(
    site: &Site,
    call: &'c TmCall,
    stdin: &mut dyn Read,
) -> Result<(Vm, Option<Others<'c>>)> {
    let id = call.vm().ok_or_else(not_yet)?;
    let (action, migration) = match call {
        TmCall::Premigrate(call) => ("premigrate", call),
        TmCall::Postmigrate(call) => ("postmigrate", call),
        TmCall::Failmigrate(call) => ("failmigrate", call),
        _ => return Ok((ask(site, id)?, None)),
    };
    let mut document = migration.document.clone().unwrap_or_default().into_bytes();
    if document.is_empty() {
        let read = stdin.read_to_end(&mut document);
        read.map_err(|error| {
            Error::new(Kind::Failed, "cannot read standard input").because(error)
        })?;
    }
    let vm = if document.trim_ascii().is_empty() {
        ask(site, id)?
    } else {
        Vm::parse(&on_stdin(document.as_slice())?)?
    };
    let others = Others {
        action,
        migration,
        document,
    };
    Ok((vm, Some(others)))
}

/// Before and after a backup: the VM's document comes plain on standard input.
fn backup(
    site: &Site,
    remote: &Remote,
    call: &TmCall,
    of: &BackupCall,
    stdin: &mut dyn Read,
    voice: &mut Voice<impl Write>,
) -> Result<()> {
    let mut document = String::new();
    let read = stdin.read_to_string(&mut document);
    read.map_err(|error| Error::new(Kind::Failed, "cannot read standard input").because(error))?;
    let vm = Vm::parse(&document)?;
    let known = Known {
        vm: &vm,
        datastore: &Oned::find(&site.oned).datastore(of.datastore)?,
        front_end: &site.front_end,
        context: None,
    };
    let plan = match call {
        TmCall::Prebackup { live, .. } => Plan::backup(&known, of, *live, &document),
        _ => Plan::end_backup(&known, of),
    };
    let plan = plan.context(|| format!("cannot plan the backup of VM {}", vm.id))?;
    done(remote, &plan, voice, || Ok(()))
}

fn no_restore() -> Error {
    Error::new(Kind::Usage, "warmblock cannot restore a backup in place").remedy(
        "restore it as an image in a file datastore, and make an image of this one from that file",
    )
}

fn ask(site: &Site, id: VmId) -> Result<Vm> {
    Oned::find(&site.oned).vm(id)
}

fn not_yet() -> Error {
    Error::new(Kind::Usage, "this action is not done yet")
}

/// Asks oned for what else the plan needs, and plans.
fn plan(site: &Site, call: &TmCall, vm: &Vm) -> Result<Plan> {
    let datastore = call.datastore().ok_or_else(not_yet)?;
    let cd = match call {
        TmCall::Context { files, .. } => Some(context::build(files)?),
        _ => None,
    };
    let known = Known {
        vm,
        datastore: &Oned::find(&site.oned).datastore(datastore)?,
        front_end: &site.front_end,
        context: cd.as_deref(),
    };
    Plan::of(call, &known).context(|| format!("cannot plan what VM {} needs", vm.id))
}

/// Does what is planned, and `then` what is not ours; or undoes it as far as it can be undone.
fn done(
    remote: &Remote,
    plan: &Plan,
    voice: &mut Voice<impl Write>,
    then: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let done = match plan.every {
        true => both(every(remote, &plan.tasks, voice), then()),
        false => work(remote, &plan.tasks, voice).and_then(|()| then()),
    };
    done.or_else(|error| both(Err(error), every(remote, &plan.undo, voice)))
}

/// Does tasks in their order; the first that fails ends it.
fn work(remote: &Remote, tasks: &[Task], voice: &mut Voice<impl Write>) -> Result<()> {
    tasks.iter().try_for_each(|task| one(remote, task, voice))
}

/// Does tasks in their order, whatever becomes of them; the first failure is kept.
fn every(remote: &Remote, tasks: &[Task], voice: &mut Voice<impl Write>) -> Result<()> {
    let tried = tasks.iter().map(|task| one(remote, task, voice));
    tried.fold(Ok(()), both)
}

/// Does a task, or what is to be done instead if it fails as it may. Both failures are told then: what stands in the way in
/// the end, after why it was not done as usual.
fn one(remote: &Remote, task: &Task, voice: &mut Voice<impl Write>) -> Result<()> {
    let Err(error) = as_usual(remote, task, voice) else {
        return Ok(());
    };
    let fits = |instead: &&Instead| match instead.when {
        When::Unreached => is_unreached(&error),
        When::Held => matches!(error.kind(), Kind::LeaseHeld | Kind::Dirty),
    };
    let Some(instead) = task.instead.iter().find(fits) else {
        return Err(error);
    };
    voice.log(Level::Warning, &error.chain());
    work(remote, &instead.tasks, voice).context(|| error.chain())
}

fn as_usual(remote: &Remote, task: &Task, voice: &mut Voice<impl Write>) -> Result<()> {
    let answer = match &task.work {
        Work::Job(request) => remote.run_at(&task.at, &job(request.clone()))?,
        Work::Fetch { from, path, to } => return remote.fetch(from, path, &task.at, to),
    };
    for warning in warnings(&answer) {
        voice.log(Level::Warning, &format!("{}: {warning}", task.at));
    }
    Ok(())
}

const fn job(request: Request) -> Job {
    Job {
        version: Job::VERSION,
        dry_run: false,
        request,
    }
}

/// What the drivers of a VM's other disks are told of a migration: only the driver of the system datastore is called.
struct Others<'c> {
    action: &'static str,
    migration: &'c Migration,
    document: Vec<u8>,
}

/// Calls the drivers of disks that are not ours, unless one of them calls us (contract, 1.5).
fn tell_others(site: &Site, vm: &Vm, others: Option<Others<'_>>) -> Result<()> {
    let Some(others) = others.filter(|others| others.migration.caller.is_none()) else {
        return Ok(());
    };
    let Some(us) = vm.history.last().and_then(|stay| stay.driver.as_ref()) else {
        return Ok(());
    };
    let mut names: Vec<_> = vm
        .disks
        .iter()
        .filter_map(|disk| disk.driver.as_ref())
        .collect();
    names.retain(|name| *name != us);
    names.sort_unstable();
    names.dedup();
    let call = others.migration;
    let ids = (call.vm.to_string(), call.datastore.to_string());
    for name in names {
        let scripts = site.oned.var.join("remotes/tm").join(name.as_str());
        let script = scripts.join(others.action);
        let script = script.to_string_lossy();
        let cmd = Cmd::query(&script)
            .args([call.from.as_str(), call.to.as_str()])
            .arg(call.dir.path())
            .args([ids.0.as_str(), ids.1.as_str(), us.as_str()])
            .stdin(others.document.clone())
            .deadline(JOB_DEADLINE);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let done = Exec::default().run(&cmd.env("PATH", path));
        done.map(drop)
            .context(|| format!("the driver {name} of another disk failed"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
