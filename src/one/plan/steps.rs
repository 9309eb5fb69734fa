//! The steps that plans are made of.

use super::Known;
use super::purpose::Purpose;
use crate::image::{ImageJob, Once, OneImage, OneSnap};
use crate::job::{Attach, Detach, RemoveDir, Request, Rouse, StepAsk, Steps, VmDirJob};
use crate::model::{Access, HostName, ImageSpec, ParseError, Sharing};
use crate::one::call::{DiskPlace, Node, Place, VmDir};
use crate::one::document::{Disk, DiskKind};
use crate::{Context, Error, Kind, Result};

/// A step that must come through.
pub(super) const fn step(request: Request) -> StepAsk {
    StepAsk::new(request)
}

/// Steps that are all tried, whatever becomes of one of them; what follows is done if all came through.
pub(super) fn all(steps: Vec<StepAsk>) -> Vec<StepAsk> {
    if steps.is_empty() {
        return steps;
    }
    let every = true;
    vec![step(Request::Steps(Steps { steps, every }))]
}

/// A step that is done as well if what it takes away is not there.
pub(super) fn if_there(request: Request) -> StepAsk {
    step(request).content_with(Kind::NotFound)
}

/// A snapshot goes, protected or not: the stock driver protects its snapshots. Clones of it that need it are in its way, and
/// are named.
pub(in crate::one) fn removal(snap: OneSnap, access: Option<&Access>) -> Vec<StepAsk> {
    let jobs = [
        ImageJob::SnapUnprotect(snap.clone()),
        ImageJob::SnapRemove(snap),
    ];
    let step = |job| if_there(Request::Image(job)).by(access);
    jobs.map(step).into()
}

/// An image that is made for one purpose, in place of what an earlier life of the same thing left, be it on these hosts.
pub(super) fn once(
    image: &ImageSpec,
    purpose: Purpose,
    left_by: Vec<HostName>,
    make: ImageJob,
) -> StepAsk {
    let Purpose { made_for, same, of } = purpose;
    step(Request::Image(ImageJob::Once(Once {
        image: image.clone(),
        made_for,
        same,
        of,
        left_by,
        make: Box::new(make),
    })))
}

/// A guest goes on that somebody who was killed left at rest.
pub(super) fn rouse(domain: &str) -> StepAsk {
    let domain = domain.to_owned();
    step(Request::Rouse(Rouse { domain }))
}

pub(super) fn remove_dir(dir: &VmDir, own: bool) -> StepAsk {
    let path = dir.path();
    step(Request::RemoveDir(RemoveDir { path, own }))
}

pub(super) fn make_dir(dir: &VmDir) -> StepAsk {
    step(Request::MakeDir(VmDirJob::new(dir.path())))
}

/// The same, of a VM that was suspended; refused where its memory is not.
pub(super) fn dir_with_checkpoint(dir: &VmDir) -> StepAsk {
    step(Request::MakeDir(VmDirJob {
        with_checkpoint: true,
        ..VmDirJob::new(dir.path())
    }))
}

/// Attaches a disk as it was asked for, behind its link.
pub(super) fn attach(
    known: &Known<'_>,
    disk: &Disk,
    image: &ImageSpec,
    place: &DiskPlace,
) -> Result<StepAsk> {
    let ask = attach_ask(known, disk, image, place)?;
    Ok(step(Request::Attach(ask)).by(known.access(place)?))
}

/// Refuses a disk that the hypervisor would not open by its link. An RBD disk it opens itself, in Ceph, beside a cache of ours
/// that knows nothing of it: what the guest writes there is lost when that is written back.
fn opened_by_link(disk: &Disk) -> Result<()> {
    match disk.opened_as.as_deref() {
        None | Some("BLOCK") => Ok(()),
        Some(other) => {
            let message = format!(
                "disk {} is of the type {other}: the hypervisor does not open it as a block device",
                disk.id
            );
            Err(Error::new(Kind::Usage, message).remedy(
                "set DISK_TYPE = BLOCK in its datastore, of a volatile disk in the system datastore; what was made before that \
                 keeps its type: make the image anew there (`oneimage clone`), and the VM of that",
            ))
        }
    }
}

/// How a disk is attached. One that the host has already stays as it is: its mode, say, may have been changed since.
pub(super) fn attach_ask(
    known: &Known<'_>,
    disk: &Disk,
    image: &ImageSpec,
    place: &DiskPlace,
) -> Result<Attach> {
    opened_by_link(disk)?;
    disk.reached()?;
    let words = match disk.kind {
        // The others have the words of their image and its datastore from oned.
        DiskKind::Volatile => disk.cache.or(&known.datastore.get()?.cache),
        _ => disk.cache.clone(),
    };
    let asked = words
        .read()
        .context(|| format!("cannot cache disk {}", disk.id))?;
    let mut ask = Attach::new(image.clone());
    ask.driver = asked.driver;
    ask.mode = asked.mode;
    ask.size = asked.size;
    ask.seed = asked.seed;
    ask.seed_later = asked.seed_later;
    ask.link = Some(place.path());
    ask.keep = true;
    ask.shared = disk.sharing();
    if ask.shared == Some(Sharing::ReadWrite) {
        // Another host's write would never be seen in a cache (contract, 4.3.8).
        (ask.driver, ask.mode, ask.size, ask.seed) = (None, None, None, None);
    }
    if ask.shared.is_some() {
        // Whoever comes second waits for what the first began.
        ask.seed_later = false;
    }
    Ok(ask)
}

/// How a disk is taken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Down {
    /// What is dirty of it is written back.
    Kept,
    /// What is dirty of it goes with it.
    Discarded,
    /// Kept; and it is said if another host has the disk then.
    Freed,
    /// Kept, of what an `ln` began: a disk that somebody attached by hand was there before.
    Linked,
}

/// Takes a disk down, unless it is another VM's by now, or still.
pub(super) fn detach(
    known: &Known<'_>,
    image: &ImageSpec,
    place: &DiskPlace,
    down: Down,
) -> Result<StepAsk> {
    let ask = Detach {
        image: image.clone(),
        discard_dirty: down == Down::Discarded,
        link: Some(place.path()),
        free: down == Down::Freed,
        linked: down == Down::Linked,
    };
    Ok(if_there(Request::Detach(ask)).by(known.access(place)?))
}

/// What a restore left beside an image that its VM gives back: it was killed, and nobody may ever restore the image again. An image
/// that several VMs have is never restored.
pub(super) fn put_right(
    known: &Known<'_>,
    image: &ImageSpec,
    place: &DiskPlace,
) -> Result<Option<StepAsk>> {
    let disk = known.vm.disk(place.disk);
    if !disk.is_ok_and(|disk| disk.sharing().is_none()) {
        return Ok(None);
    }
    let image = image.clone();
    let right = if_there(Request::Image(ImageJob::PutRight(OneImage { image })));
    Ok(Some(right.by(known.access(place)?)))
}

/// A host's name as leases take it: an address in brackets has characters that they do not.
pub(in crate::one) fn host_name(node: &Node) -> Result<HostName, ParseError> {
    let plain = |c: char| match c.is_ascii_alphanumeric() || "-_.".contains(c) {
        true => c,
        false => '_',
    };
    node.as_str().chars().map(plain).collect::<String>().parse()
}

/// A place as a disk's.
pub(super) fn as_disk(place: &Place) -> Result<&DiskPlace> {
    match place {
        Place::Disk(disk) => Ok(disk),
        Place::Directory(_) | Place::File { .. } => Err(Error::new(
            Kind::Usage,
            "a kernel or initrd in this datastore is not supported",
        )
        .remedy("keep kernels in a file datastore with TM_MAD = ssh")),
    }
}
