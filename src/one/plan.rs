//! What an action comes to: requests for hosts, in their order. Pure: everything it needs was asked before.
//!
//! Which host does what when is the table 5.3 of the contract.

mod backup;
mod begin;
mod copies;
mod end;
mod freed;
mod known;
mod migration;
mod moving;
mod purpose;
mod restore;
mod snapshots;
mod start;
mod steps;
mod volatile;

use std::fmt;
use std::path::PathBuf;

pub use self::known::{Asked, Known};
use self::known::{clone_of, image};
pub(super) use self::restore::Restoration;
use self::steps::{
    all, as_disk, attach, attach_ask, detach, dir_with_checkpoint, if_there, make_dir, once,
    remove_dir, rouse, step,
};
pub(super) use self::steps::{host_name, removal};
use super::call::{Node, TmCall, VmDir};
use crate::job::{Request, StepAsk, Steps};
use crate::{Error, Kind, Result};

/// What is to be done, place by place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In this order; the first that fails ends it, unless every one of them is to be tried.
    pub tasks: Vec<Task>,
    /// Whether it is.
    pub every: bool,
    /// What is done then, as far as it can be: oned itself does nothing about it.
    pub undo: Vec<Task>,
}

/// What is done at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Where.
    pub at: At,
    /// What.
    pub work: Work,
    /// What is done instead if it fails in a way that is to be expected.
    pub instead: Vec<Instead>,
    /// Whether it is tried some times before it has failed: there is nobody who would call us again.
    pub stubborn: bool,
}

/// What is done instead of a task that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instead {
    /// If it failed like this.
    pub when: When,
    /// Each of them is tried first. What fails of them is told if the rest fails as well.
    pub first: Vec<Task>,
    /// In this order; the first that fails ends it. None: there is nothing to be done, and that is no failure.
    pub tasks: Vec<Task>,
}

/// How a task may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The host was not reached: nothing has begun there, and it may be dead.
    Unreached,
    /// Another host holds the disk, has it mapped, or has data that its image lacks.
    Held,
    /// In whatever way: what follows does not need it.
    Failed,
}

impl Task {
    const fn new(at: At, work: Work) -> Self {
        Self {
            at,
            work,
            instead: Vec::new(),
            stubborn: false,
        }
    }
}

/// A place where something is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// This machine, as whoever runs us.
    Here,
    /// A host.
    Host(Node),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here => f.write_str("this machine"),
            Self::Host(node) => node.fmt(f),
        }
    }
}

/// What is done there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// A job, in one process.
    Job(Box<Request>),
    /// The files of a VM's directory come from another place; unless both places have the same directory.
    Fetch {
        /// From where.
        from: At,
        /// Its path there.
        path: PathBuf,
        /// Its path here.
        to: PathBuf,
        /// Whether its directory there goes then: its VM is off.
        gone: bool,
    },
}

impl Plan {
    /// Plans a call.
    ///
    /// # Errors
    /// [`Kind::Usage`] for what cannot be: a SOURCE that is no image, a disk that the VM does not have.
    pub fn of(call: &TmCall, known: &Known<'_>) -> Result<Self> {
        match call {
            TmCall::Clone {
                source,
                host,
                place,
                ..
            } => begin::clone(known, source, host, place),
            TmCall::Ln {
                source, host, disk, ..
            } => begin::ln(known, source, host, disk),
            TmCall::Mkimage {
                size,
                format,
                host,
                disk,
                ..
            } => volatile::mkimage(known, *size, format, host, disk),
            TmCall::Mkswap {
                size, host, disk, ..
            } => volatile::mkswap(known, *size, host, disk),
            TmCall::Context { host, disk, .. } => start::context(known, host, disk),
            TmCall::Mvds {
                host, disk, source, ..
            } => end::mvds(known, host, disk, source),
            TmCall::Delete { host, place, .. } => end::delete(known, host, place),
            TmCall::Mv { from, to, .. } => moving::mv(known, from, to),
            TmCall::Premigrate(call) => migration::premigrate(known, call),
            TmCall::Postmigrate(call) => migration::postmigrate(known, call),
            TmCall::Failmigrate(call) => migration::failmigrate(known, call),
            TmCall::SnapCreate {
                live,
                host,
                disk,
                snapshot,
                ..
            } => snapshots::create(known, host, disk, *snapshot, *live),
            TmCall::SnapRevert {
                host,
                disk,
                snapshot,
                ..
            } => snapshots::revert(known, host, disk, *snapshot),
            TmCall::SnapDelete {
                host,
                disk,
                snapshot,
                ..
            } => snapshots::delete(known, host, disk, *snapshot),
            TmCall::Cpds {
                host,
                disk,
                to,
                snapshot,
                ..
            } => copies::cpds(known, host, disk, to, *snapshot),
            TmCall::Resize {
                host, disk, size, ..
            } => snapshots::resize(known, host, disk, *size),
            other => Err(Error::new(
                Kind::Usage,
                format!("{other:?} is not done yet"),
            )),
        }
    }

    /// Nothing to do.
    fn nothing() -> Self {
        Self::default()
    }

    /// Adds what a host does to disks; "nowhere" there are none.
    fn then(self, known: &Known<'_>, node: &Node, steps: Vec<StepAsk>) -> Self {
        match known.is_nowhere(node) {
            true => self,
            false => self.on(node, steps),
        }
    }

    /// Adds what one of these hosts does: the first that is reached.
    fn on_any(self, nodes: &[&Node], steps: &[StepAsk]) -> Self {
        let [first, rest @ ..] = nodes else {
            return self;
        };
        let plan = self.on(first, steps.to_vec());
        match rest {
            [] => plan,
            rest => plan.instead(When::Unreached, Self::nothing().on_any(rest, steps)),
        }
    }

    /// Adds what a host does, and be it the front-end.
    fn on(self, node: &Node, steps: Vec<StepAsk>) -> Self {
        self.at(At::Host(node.clone()), steps)
    }

    /// Adds what is done at a place.
    fn at(mut self, at: At, steps: Vec<StepAsk>) -> Self {
        if !steps.is_empty() {
            let request = Request::Steps(Steps {
                steps,
                every: false,
            });
            self.tasks.push(Task::new(at, Work::Job(Box::new(request))));
        }
        self
    }

    /// Says what is done if the last task fails like this.
    fn instead(mut self, when: When, plan: Self) -> Self {
        let tasks = plan.tasks;
        if let Some(last) = self.tasks.last_mut() {
            last.instead.push(Instead {
                when,
                first: Vec::new(),
                tasks,
            });
        }
        self
    }

    /// Says that the last task is tried some times.
    fn stubbornly(mut self) -> Self {
        if let Some(last) = self.tasks.last_mut() {
            last.stubborn = true;
        }
        self
    }

    /// Adds that the files of a VM's directory come to a place, and whether that is gone then where they were.
    fn fetch(mut self, at: At, to: &VmDir, (from, path): (At, &VmDir), gone: bool) -> Self {
        let (path, to) = (path.path(), to.path());
        let work = Work::Fetch {
            from,
            path,
            to,
            gone,
        };
        self.tasks.push(Task::new(at, work));
        self
    }

    /// Says that each task is tried, whatever became of those before it.
    const fn every(mut self) -> Self {
        self.every = true;
        self
    }

    /// Says what is done if it fails.
    fn or_else(mut self, undo: Self) -> Self {
        self.undo = undo.tasks;
        self
    }
}

#[cfg(test)]
mod tests;
