//! What an action comes to: requests for hosts, in their order. Pure: everything it needs was asked before.
//!
//! Which host does what when is the table 5.3 of the contract.

mod begin;
mod end;
mod moving;
mod snapshots;

use super::call::{DiskPlace, Node, Place, TmCall, VmDir};
use super::document::{Datastore, Disk, DiskKind, Vm};
use crate::job::{Attach, Detach, Request, StepAsk, Steps, VmDirJob};
use crate::model::{ImageSpec, ParseError};
use crate::{Error, Kind, Result};

/// What is to be done, host by host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In this order.
    pub tasks: Vec<Task>,
}

/// What one host does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The host.
    pub node: Node,
    /// What it does, in one process.
    pub request: Request,
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
            TmCall::Mvds {
                host, disk, source, ..
            } => end::mvds(known, host, disk, source),
            TmCall::Delete { host, place, .. } => end::delete(known, host, place),
            TmCall::Mv { from, to, .. } => moving::mv(known, from, to),
            TmCall::Premigrate(call) => moving::premigrate(known, call),
            TmCall::Postmigrate(call) => moving::postmigrate(known, call),
            TmCall::Failmigrate(call) => moving::failmigrate(known, call),
            TmCall::SnapCreate {
                host,
                disk,
                snapshot,
                ..
            } => snapshots::create(known, host, disk, *snapshot),
            TmCall::SnapDelete {
                host,
                disk,
                snapshot,
                ..
            } => snapshots::delete(known, host, disk, *snapshot),
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

    /// Adds what a host does, unless it is the front-end, where no disk ever is.
    fn then(mut self, known: &Known<'_>, node: &Node, steps: Vec<StepAsk>) -> Self {
        if node != known.front_end && !steps.is_empty() {
            let (node, request) = (node.clone(), Request::Steps(Steps { steps }));
            self.tasks.push(Task { node, request });
        }
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

fn make_dir(dir: &VmDir) -> StepAsk {
    step(Request::MakeDir(VmDirJob { path: dir.path() }))
}

/// Attaches a disk as it was asked for, behind its link.
fn attach(disk: &Disk, image: &ImageSpec, place: &DiskPlace) -> Result<StepAsk> {
    let words = &disk.cache;
    let parsed = || -> Result<Attach, ParseError> {
        let mut ask = Attach::new(image.clone());
        ask.driver = words.driver.as_deref().map(str::parse).transpose()?;
        ask.mode = words.mode.as_deref().map(mode).transpose()?;
        ask.size = words.size.as_deref().map(str::parse).transpose()?;
        ask.seed = words.seed.as_deref().map(str::parse).transpose()?;
        ask.link = Some(place.path());
        Ok(ask)
    };
    let mut ask = parsed().map_err(|error| {
        Error::new(
            Kind::Usage,
            format!(
                "disk {} has an attribute WARMBLOCK_* that cannot be used: {error}",
                disk.id
            ),
        )
        .remedy("mend it in the VM's template, the image or the datastore")
    })?;
    if disk.shareable {
        // Another host's write would never be seen (contract, 4.3.8).
        ask.driver = Some(crate::config::fixed("none"));
        ask.mode = None;
    }
    Ok(step(Request::Attach(ask)))
}

/// A mode in OpenNebula's letters, which may be large.
fn mode(word: &str) -> Result<crate::model::CacheMode, ParseError> {
    let parsed = clap::ValueEnum::from_str(word, true);
    parsed.map_err(|_| {
        ParseError::new(
            "mode",
            word,
            "is not writethrough, writeback, writearound or none",
        )
    })
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

/// The disk at a place.
fn disk_at<'k>(known: &Known<'k>, place: &DiskPlace) -> Result<&'k Disk> {
    known.vm.disk(place.disk)
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
