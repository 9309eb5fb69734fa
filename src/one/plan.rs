//! What an action comes to: requests for hosts, in their order. Pure: everything it needs was asked before.
//!
//! Which host does what when is the table 5.3 of the contract.

mod backup;
mod begin;
mod copies;
mod end;
mod migration;
mod moving;
mod snapshots;
mod start;
mod volatile;

use std::fmt;
use std::path::PathBuf;

use super::call::{DiskPlace, Node, Place, TmCall, VmDir};
use super::document::{Datastore, Disk, DiskKind, Vm};
use crate::image::{ImageJob, Once, OneSnap};
use crate::job::{Attach, Detach, RemoveDir, Request, StepAsk, Steps, VmDirJob};
use crate::model::{ImageSpec, ParseError};
use crate::{Context, Error, Kind, Result};

/// What is to be done, place by place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In this order; the first that fails ends it.
    pub tasks: Vec<Task>,
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
    Job(Request),
    /// The files of a VM's directory come from another place, and stay there; unless both places have the same directory.
    Fetch {
        /// From where.
        from: At,
        /// Its path there.
        path: PathBuf,
        /// Its path here.
        to: PathBuf,
    },
}

/// What is known when an action is planned.
#[derive(Debug)]
pub struct Known<'a> {
    /// The VM.
    pub vm: &'a Vm,
    /// The datastore of the call.
    pub datastore: &'a Datastore,
    /// The front-end, as oned calls it; as the place of a disk it means "nowhere".
    pub front_end: &'a Node,
    /// The context CD in base64, for the action that brings it.
    pub context: Option<&'a str>,
}

impl<'k> Known<'k> {
    /// Whether a host means "nowhere": the front-end does, unless the VM runs there.
    fn is_nowhere(&self, node: &Node) -> bool {
        let runs_at = self.vm.history.last().map(|stay| &stay.host);
        node == self.front_end && runs_at != Some(node)
    }

    /// Where the VM's directory is, at a host or "nowhere".
    fn at(&self, node: &Node) -> At {
        match self.is_nowhere(node) {
            true => At::Here,
            false => At::Host(node.clone()),
        }
    }

    /// The host that acts on a disk's image: where the disk is, or one that reaches Ceph if it is nowhere.
    fn acting<'n>(&'n self, node: &'n Node) -> Result<&'n Node> {
        if !self.is_nowhere(node) {
            return Ok(node);
        }
        let last = self.vm.history.last().map(|stay| &stay.host);
        self.datastore.bridges.first().or(last).ok_or_else(|| {
            Error::new(Kind::Config, "no host is known that reaches Ceph")
                .remedy("give the datastore a BRIDGE_LIST")
        })
    }

    /// The disk at a place, and its image.
    fn disk(&self, place: &DiskPlace) -> Result<(&'k Disk, ImageSpec)> {
        let disk = self.vm.disk(place.disk)?;
        Ok((disk, image_of(self, disk)?))
    }

    /// The disks that are ours, with their places in a directory.
    fn ours(&self, dir: &VmDir) -> Result<Vec<(&'k Disk, ImageSpec, DiskPlace)>> {
        let system = self.vm.history.last().and_then(|stay| stay.driver.as_ref());
        let mine = |disk: &&Disk| disk.driver.is_none() || disk.driver.as_ref() == system;
        let with_place = |disk: &'k Disk| {
            let place = DiskPlace {
                dir: dir.clone(),
                disk: disk.id,
            };
            Ok((disk, image_of(self, disk)?, place))
        };
        self.vm.disks.iter().filter(mine).map(with_place).collect()
    }

    /// What a disk of this VM is made for: a disk of the same number that was made in another stay of the VM's on a host is
    /// left from an earlier life of it.
    fn purpose(&self, place: &DiskPlace) -> String {
        let stay = self.vm.history.last().map_or(0, |stay| stay.seq);
        format!("VM {}, disk {}, stay {stay}", self.vm.id, place.disk)
    }
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
            TmCall::Mvds { host, source, .. } => end::mvds(known, host, source),
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
            false => self.at(At::Host(node.clone()), steps),
        }
    }

    /// Adds what is done at a place.
    fn at(mut self, at: At, steps: Vec<StepAsk>) -> Self {
        if !steps.is_empty() {
            let work = Work::Job(Request::Steps(Steps { steps }));
            self.tasks.push(Task { at, work });
        }
        self
    }

    /// Adds that the files of a VM's directory come to a place.
    fn fetch(mut self, at: At, to: &VmDir, from: At, path: &VmDir) -> Self {
        let (path, to) = (path.path(), to.path());
        let work = Work::Fetch { from, path, to };
        self.tasks.push(Task { at, work });
        self
    }

    /// Says what is done if it fails.
    fn or_else(mut self, undo: Self) -> Self {
        self.undo = undo.tasks;
        self
    }
}

/// A step that must come through.
fn step(request: Request) -> StepAsk {
    StepAsk {
        request,
        content_with: Vec::new(),
    }
}

/// A step that is done as well if what it takes away is not there.
fn if_there(request: Request) -> StepAsk {
    StepAsk {
        request,
        content_with: vec![Kind::NotFound],
    }
}

/// A snapshot goes, protected or not: the stock driver protects its snapshots. Clones of it that need it are in its way, and
/// are named.
pub(super) fn removal(snap: OneSnap) -> Vec<StepAsk> {
    vec![
        if_there(Request::Image(ImageJob::SnapUnprotect(snap.clone()))),
        if_there(Request::Image(ImageJob::SnapRemove(snap))),
    ]
}

/// An image that is made for one purpose.
fn once(image: &ImageSpec, made_for: String, make: ImageJob) -> StepAsk {
    step(Request::Image(ImageJob::Once(Once {
        image: image.clone(),
        made_for,
        make: Box::new(make),
    })))
}

fn remove_dir(dir: &VmDir, own: bool) -> StepAsk {
    let path = dir.path();
    step(Request::RemoveDir(RemoveDir { path, own }))
}

fn make_dir(dir: &VmDir) -> StepAsk {
    step(Request::MakeDir(VmDirJob { path: dir.path() }))
}

/// Attaches a disk as it was asked for, behind its link.
fn attach(disk: &Disk, image: &ImageSpec, place: &DiskPlace) -> Result<StepAsk> {
    attach_ask(disk, image, place).map(|ask| step(Request::Attach(ask)))
}

/// How a disk is attached. One that the host has already stays as it is: its mode, say, may have been changed since.
fn attach_ask(disk: &Disk, image: &ImageSpec, place: &DiskPlace) -> Result<Attach> {
    let asked = disk
        .cache
        .read()
        .context(|| format!("cannot cache disk {}", disk.id))?;
    let mut ask = Attach::new(image.clone());
    ask.driver = asked.driver;
    ask.mode = asked.mode;
    ask.size = asked.size;
    ask.seed = asked.seed;
    ask.link = Some(place.path());
    ask.keep = true;
    if disk.shareable {
        // Another host's write would never be seen (contract, 4.3.8).
        ask.driver = Some(crate::config::fixed("none"));
        ask.mode = None;
    }
    Ok(ask)
}

fn detach(image: &ImageSpec, discard_dirty: bool) -> StepAsk {
    if_there(Request::Detach(Detach {
        image: image.clone(),
        discard_dirty,
    }))
}

/// The image of a disk: its own one, the clone, or the volatile one.
fn image_of(known: &Known<'_>, disk: &Disk) -> Result<ImageSpec> {
    match &disk.kind {
        DiskKind::Linked { source, .. } => image(source.as_str()),
        DiskKind::Cloned { source, .. } => clone_of(source.as_str(), known.vm, disk),
        DiskKind::Volatile => {
            let name = super::names::Name::Volatile(known.vm.id, disk.id).image()?;
            let pool = known.datastore.pool.clone().or_else(|| disk.pool.clone());
            let pool = pool.ok_or_else(|| {
                Error::new(
                    Kind::Config,
                    format!("nothing says in which pool disk {} is", disk.id),
                )
                .remedy("give the system datastore a POOL_NAME")
            })?;
            Ok(ImageSpec {
                pool,
                namespace: known.datastore.namespace.clone(),
                image: name,
            })
        }
    }
}

/// `pool/one-42` becomes `pool/one-42-12-0`, as the stock driver and libvirt have it.
fn clone_of(source: &str, vm: &Vm, disk: &Disk) -> Result<ImageSpec> {
    let parent = image(source)?;
    let name = format!("{}-{}-{}", parent.image, vm.id, disk.id).parse()?;
    Ok(ImageSpec {
        image: name,
        ..parent
    })
}

fn image(source: &str) -> Result<ImageSpec> {
    source.parse().map_err(|error: ParseError| {
        Error::new(
            Kind::Usage,
            format!("SOURCE {source:?} is no image of Ceph's: {error}"),
        )
        .remedy("images of this driver are POOL/IMAGE; is this one of another datastore's driver?")
    })
}

/// A place as a disk's.
fn as_disk(place: &Place) -> Result<&DiskPlace> {
    match place {
        Place::Disk(disk) => Ok(disk),
        Place::Directory(_) | Place::File { .. } => Err(Error::new(
            Kind::Usage,
            "a kernel or initrd in this datastore is not supported",
        )
        .remedy("keep kernels in a file datastore with TM_MAD = ssh")),
    }
}

#[cfg(test)]
mod tests;
