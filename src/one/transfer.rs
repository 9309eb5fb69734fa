//! The actions of the transfer manager, from their call to their end: what oned is asked, and who does what.

mod meanwhile;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use super::act::{JOB_DEADLINE, Site, warnings};
use super::call::{BackupCall, Migration, TmCall, on_stdin};
use super::context::{self, Cd};
use super::document::Vm;
use super::oned::Oned;
use super::others::Others;
use super::plan::{Asked, At, Instead, Known, Plan, Task, When, Work};
use super::remote::{Data, is_unreached, is_unreached_at};
use super::voice::{Level, Voice};
use super::{Remote, VmId, backup_base, restore};
use crate::error::both;
use crate::job::{Job, Recover, Request};
use crate::sys::wait;
use crate::{Context, Error, Kind, Result};

/// Does a call.
pub(super) fn act(
    site: &Site,
    call: &TmCall,
    stdin: &mut dyn Read,
    voice: &mut Voice<impl Write>,
) -> Result<()> {
    through(&Remote::new(JOB_DEADLINE), site, call, stdin, voice)
}

fn through(
    remote: &Remote,
    site: &Site,
    call: &TmCall,
    stdin: &mut dyn Read,
    voice: &mut Voice<impl Write>,
) -> Result<()> {
    match call {
        TmCall::Prebackup { call: of, .. } | TmCall::Postbackup { call: of, .. } => {
            return backup(site, remote, call, of, stdin, voice);
        }
        TmCall::Restore(call) => return restore::restore(site, remote, call, voice),
        _ => {}
    }
    let TmCall::Activate = call else {
        let (vm, others) = documents(site, call, stdin)?;
        let cd = match call {
            TmCall::Context { files, .. } => Some(context::build(files)?),
            _ => None,
        };
        let plan = plan(site, call, &vm, cd.as_ref())?;
        let tell = || others.map_or(Ok(()), |others| others.tell(site, remote, &vm));
        let done = done(remote, &plan, voice, tell).map_err(|error| not_settled(call, &vm, error));
        let wanted = meanwhile::look_again(site, remote, call, &vm, voice);
        let done = both(done, wanted);
        return done;
    };
    let request = Request::Recover(Recover::default());
    remote.run_as_root(&Job::new(request)).map(drop)
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
        TmCall::Mv { .. } => return Ok((with_source(site, ask(site, id)?)?, None)),
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
    let mut document = Vec::new();
    let read = stdin.read_to_end(&mut document);
    read.map_err(|error| Error::new(Kind::Failed, "cannot read standard input").because(error))?;
    let document = String::from_utf8_lossy(&document).into_owned();
    let vm = Vm::parse(&document)?;
    let of = &BackupCall {
        base: backup_base::find(&site.oned.var)?,
        ..of.clone()
    };
    let ask = || Oned::find(&site.oned).datastore(of.datastore);
    let known = Known {
        vm: &vm,
        datastore: &Asked::by(&ask),
        front_end: &site.front_end,
        context: None,
    };
    let plan = match call {
        TmCall::Prebackup { live, .. } => Plan::backup(&known, of, *live, &document),
        TmCall::Postbackup { live, .. } => Plan::end_backup(&known, of, *live),
        _ => return Err(not_yet()),
    };
    let plan = plan.context(|| format!("cannot plan the backup of VM {}", vm.id))?;
    done(remote, &plan, voice, || Ok(()))
}

/// Says how it goes on where oned's own words would not tell.
fn not_settled(call: &TmCall, vm: &Vm, error: Error) -> Error {
    match call {
        // oned only logs it, and calls nobody again.
        TmCall::Postmigrate(Migration { from, to, vm, .. }) => {
            let message =
                format!("VM {vm} runs on {to}, but not all of its disks are settled there");
            Error::new(error.kind(), message).because(error).remedy(format!(
                "what is left has no cache: `warmblock detach IMAGE` on {from}, if that lives, then `warmblock attach IMAGE` on {to}; \
                 `warmblock status` on either says which"
            ))
        }
        TmCall::Mv {
            from: (from, _), ..
        } if was_off_at_a_living_host(vm) && is_unreached_at(&error, from) => {
            let message = format!("OpenNebula takes {from} for alive, so nothing is taken from it");
            Error::new(error.kind(), message).because(error).remedy(format!(
                "if {from} is dead, say so: `onehost offline {from}`, and then `onevm recover --retry {}`",
                vm.id
            ))
        }
        _ => error,
    }
}

/// Whether a VM that was off leaves a host that oned does not miss.
fn was_off_at_a_living_host(vm: &Vm) -> bool {
    let stay = vm.left_at().and_then(|stay| vm.history.get(stay));
    matches!(vm.lcm_state, 43..=46) && stay.is_some_and(|stay| stay.may_live)
}

fn ask(site: &Site, id: VmId) -> Result<Vm> {
    Oned::find(&site.oned).vm(id)
}

/// The VM, and whether the host may live that it is taken from, for that is not in its document.
fn with_source(site: &Site, mut vm: Vm) -> Result<Vm> {
    let stay = vm.left_at().and_then(|stay| vm.history.get_mut(stay));
    if let Some(stay) = stay
        && let Some(id) = stay.host_id
    {
        stay.may_live = Oned::find(&site.oned).host_may_live(id)?;
    }
    Ok(vm)
}

fn not_yet() -> Error {
    Error::new(Kind::Usage, "this action is not done yet")
}

/// Plans, and asks oned for the datastore if the plan needs it.
fn plan(site: &Site, call: &TmCall, vm: &Vm, cd: Option<&Cd>) -> Result<Plan> {
    let datastore = call.datastore().ok_or_else(not_yet)?;
    let ask = || Oned::find(&site.oned).datastore(datastore);
    let known = Known {
        vm,
        datastore: &Asked::by(&ask),
        front_end: &site.front_end,
        context: cd,
    };
    Plan::of(call, &known).context(|| format!("cannot plan what VM {} needs", vm.id))
}

/// Does what is planned, and `then` what is not ours; or undoes it as far as it can be undone.
pub(super) fn done(
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
    let Err(error) = some_times(remote, task, voice) else {
        return Ok(());
    };
    let Some(instead) = otherwise(task, &error) else {
        return Err(error);
    };
    voice.log(Level::Warning, &error.chain());
    let first = every(remote, &instead.first, voice);
    if let Err(error) = &first {
        voice.log(Level::Warning, &error.chain());
    }
    let then = work(remote, &instead.tasks, voice);
    match instead.first.is_empty() {
        true => then.context(|| error.chain()),
        // The same once more: it fails in its own words.
        false => then.map_err(|error| error.and_then_cleanup(first)),
    }
}

/// What is to be done instead of a task that failed like this.
fn otherwise<'t>(task: &'t Task, error: &Error) -> Option<&'t Instead> {
    let fits = |instead: &&Instead| match instead.when {
        When::Unreached => is_unreached(error),
        When::Failed => true,
        When::Held => matches!(error.kind(), Kind::LeaseHeld | Kind::Dirty | Kind::Busy),
    };
    task.instead.iter().find(fits)
}

/// The pauses after which a task that nobody else would repeat is tried again: a device that is just being let go, an sshd that
/// has too many callers.
const PAUSES: [Duration; 2] = match cfg!(test) {
    true => [Duration::ZERO; 2],
    false => [Duration::from_secs(2), Duration::from_secs(8)],
};

/// Does a task, and again if it is one of those that are tried some times and nothing else is to be done.
fn some_times(remote: &Remote, task: &Task, voice: &mut Voice<impl Write>) -> Result<()> {
    let mut done = as_usual(remote, task, voice);
    for pause in PAUSES.iter().filter(|_| task.stubborn) {
        match &done {
            Err(error) if otherwise(task, error).is_none() => {
                voice.log(Level::Warning, &format!("{}; trying again", error.chain()));
            }
            _ => break,
        }
        let _over = wait::poll(*pause, || None::<()>);
        done = as_usual(remote, task, voice);
    }
    done
}

fn as_usual(remote: &Remote, task: &Task, voice: &mut Voice<impl Write>) -> Result<()> {
    let answer = match &task.work {
        Work::Job(request) => {
            let job = Job::new(request.as_ref().clone());
            match (&task.at, request.data_file()) {
                (At::Host(node), Some(file)) => {
                    let (_, answer) = remote.run_on_any(&[node], &job, &|| data(file))?;
                    answer
                }
                (at, _) => remote.run_at(at, &job)?,
            }
        }
        Work::Fetch {
            from,
            path,
            to,
            gone,
        } => return remote.fetch(from, path, &task.at, to, *gone),
    };
    for warning in warnings(&answer) {
        voice.log(Level::Warning, &format!("{}: {warning}", task.at));
    }
    Ok(())
}

/// What follows a job.
fn data(file: &Path) -> Result<Option<Data>> {
    let opened = File::open(file).map_err(|error| {
        Error::new(Kind::Failed, format!("cannot read {}", file.display())).because(error)
    });
    opened.map(|file| Some(Data::new(file)))
}

#[cfg(test)]
mod tests;
