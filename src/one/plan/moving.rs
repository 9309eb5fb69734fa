//! Disks move while their VM is off: between hosts, and off all of them.

use super::freed::Freeing;
use super::steps::Down;
use super::{
    At, Known, Plan, When, attach_ask, detach, dir_with_checkpoint, host_name, make_dir, step,
};
use crate::job::{Attach, Request, StepAsk};
use crate::one::call::{DiskPlace, Node, Place, VmDir};
use crate::one::document::Vm;
use crate::{Error, Kind, Result};

/// What a move is, by the state of the VM's life cycle (contract, 5.1 and 5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    /// `EPILOG_STOP`, `EPILOG_UNDEPLOY` and their failures: nowhere.
    Away,
    /// `PROLOG_RESUME`, `PROLOG_UNDEPLOY` and their failures: from nowhere.
    Back,
    /// `PROLOG_MIGRATE_UNKNOWN` and its failure: the source's host is dead, and nothing may be asked of it.
    FromDeadHost,
    /// The same, but oned knows nothing against the host: it may be the VM alone that is lost. A kernel has one client for all
    /// its images, so a host that lives and is barred loses the disks of all its VMs.
    FromSilence,
    /// `PROLOG_MIGRATE_POWEROFF`, `PROLOG_MIGRATE_SUSPEND` and their failures, from a host that oned misses: the VM was off, so it is
    /// not known to be lost with its host, which is asked first. If it is not reached it is dead.
    FromMissedHost,
    /// From one host to another.
    Across,
}

impl Move {
    fn of(vm: &Vm) -> Self {
        let source = vm.left_at().and_then(|stay| vm.history.get(stay));
        match vm.lcm_state {
            10 | 30 | 41 | 42 => Self::Away,
            9 | 31 | 49 | 50 => Self::Back,
            60 | 61 if source.is_some_and(|stay| stay.may_live) => Self::FromSilence,
            60 | 61 => Self::FromDeadHost,
            43..=46 if source.is_some_and(|stay| !stay.may_live) => Self::FromMissedHost,
            _ => Self::Across,
        }
    }
}

/// A disk or the VM's directory; the front-end as either place means "nowhere".
pub(super) fn mv(known: &Known<'_>, from: &(Node, Place), to: &(Node, Place)) -> Result<Plan> {
    match (&from.1, &to.1) {
        (Place::Disk(was), Place::Disk(becomes)) => disk(known, (&from.0, was), (&to.0, becomes)),
        (Place::Directory(was), Place::Directory(becomes)) => {
            Ok(directory(known, (&from.0, was), (&to.0, becomes)))
        }
        _ => Err(Error::new(
            Kind::Usage,
            "mv moves a disk to a disk, or a VM's directory to a VM's directory",
        )),
    }
}

/// Flushed and taken down where it was, attached where it goes; let go where an earlier move left it.
fn disk(
    known: &Known<'_>,
    (source, was): (&Node, &DiskPlace),
    (target, becomes): (&Node, &DiskPlace),
) -> Result<Plan> {
    let kind = Move::of(known.vm);
    let (disk, image) = known.disk_that_goes(was)?;
    let let_go = vec![detach(known, &image, was, Down::Kept)?];
    if kind == Move::Away {
        return Ok(Plan::nothing().on(source, let_go));
    }
    let (ask, access) = (
        attach_ask(known, disk, &image, becomes)?,
        known.access(becomes)?,
    );
    // Its lease is broken, and refused if that says dirty or is another's; all that still has the image open is barred.
    let taken = Attach {
        break_lease: true,
        fence: true,
        dead_host: Some(host_name(source)?),
        ..ask.clone()
    };
    let there = |plan: Plan, dir: StepAsk, ask: Attach| {
        let steps = vec![dir, step(Request::Attach(ask)).by(access)];
        plan.on(target, steps)
    };
    let dir = || make_dir(&becomes.dir);
    let dir_without_source = dir_of_the_dead(known.vm, &becomes.dir);
    let plan = match kind {
        Move::FromDeadHost => there(Plan::nothing(), dir_without_source, taken),
        Move::FromSilence | Move::FromMissedHost => {
            let plan = Plan::nothing().on(source, let_go);
            // If oned hears of it, it is waited for until Ceph has forgotten it, and not barred with all that it runs.
            let heard_of = kind == Move::FromSilence;
            let taken = Attach {
                fence: !heard_of,
                fence_late: heard_of,
                ..taken
            };
            let dead = there(Plan::nothing(), dir_without_source, taken);
            there(plan.instead(When::Unreached, dead), dir(), ask)
        }
        Move::Across if source != target || was != becomes => {
            there(Plan::nothing().on(source, let_go), dir(), ask)
        }
        Move::Across | Move::Back | Move::Away => there(Plan::nothing(), dir(), ask),
    };
    let left = Freeing::elsewhere(known, &[source, target], [(&image, becomes)])?;
    Ok(plan.freed(target, &left))
}

/// The directory of a VM whose host cannot give it away. Of one that was suspended it holds the memory: unless the target has that, as
/// where hosts share the storage, the VM could not go on there.
fn dir_of_the_dead(vm: &Vm, dir: &VmDir) -> StepAsk {
    match vm.lcm_state {
        45 | 46 => dir_with_checkpoint(dir),
        _ => make_dir(dir),
    }
}

/// The context CD, a checkpoint and what else lies there. "Nowhere" is a directory of the front-end's, also if that is the
/// host which the VM leaves or comes to: then it stays where it is.
fn directory(
    known: &Known<'_>,
    (source, was): (&Node, &VmDir),
    (target, becomes): (&Node, &VmDir),
) -> Plan {
    if source == target && was == becomes {
        return Plan::nothing();
    }
    let kind = Move::of(known.vm);
    let (from, to) = match kind {
        Move::Away => (At::Host(source.clone()), At::Here),
        Move::Back => (At::Here, At::Host(target.clone())),
        Move::FromDeadHost => return Plan::nothing().on(target, vec![make_dir(becomes)]),
        Move::Across | Move::FromSilence | Move::FromMissedHost => {
            (At::Host(source.clone()), At::Host(target.clone()))
        }
    };
    let brought = Plan::nothing().fetch(to, becomes, (from, was), true);
    match kind {
        Move::FromSilence | Move::FromMissedHost => brought.instead(
            When::Unreached,
            Plan::nothing().on(target, vec![dir_of_the_dead(known.vm, becomes)]),
        ),
        _ => brought,
    }
}
