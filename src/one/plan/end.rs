//! Disks end: the image stays and has everything, or it goes with the VM.

use std::iter;

use super::steps::{Down, put_right};
use super::{Known, Plan, When, as_disk, detach, host_name, image, remove_dir, step};
use crate::image::{ImageJob, RemoveImage};
use crate::job::{Request, StepAsk};
use crate::model::{HostName, ImageSpec};
use crate::one::call::{DiskPlace, Node, Place, Source, VmDir};
use crate::one::document::DiskKind;
use crate::{Error, Kind, Result};

/// Flushed, proven clean, unmapped; the image keeps all.
pub(super) fn mvds(
    known: &Known<'_>,
    host: &Node,
    place: &DiskPlace,
    source: &Source,
) -> Result<Plan> {
    let image = image(source.as_str())?;
    if let Ok((disk, own)) = known.disk(place)
        && matches!(disk.kind, DiskKind::Linked { .. })
        && own != image
    {
        let message = format!("disk {} is of image {own}, and not of {image}", disk.id);
        return Err(Error::new(Kind::Usage, message)
            .remedy("is the call for another VM's disk? `onevm show` says which image it has"));
    }
    Plan::nothing().let_go(known, host, &image, place)
}

/// A disk, or the VM's directory. A disk that is an image's own is only taken down, and what is dirty of it is written
/// back: `recover --delete` calls this for persistent disks as well (contract, 5.4).
///
/// A host that is not reached does not keep the rest from being deleted, which one failure would (ibidem): what it has of an
/// image's own disk stays leased to it, and what goes with the VM goes by way of a bridge.
pub(super) fn delete(known: &Known<'_>, host: &Node, place: &Place) -> Result<Plan> {
    if let Place::Directory(dir) = place {
        must_be_its_own(known, dir)?;
        let remove = Plan::nothing().at(known.at(host), vec![remove_dir(dir, false)]);
        return Ok(remove.instead(When::Unreached, Plan::nothing()));
    }
    let place = as_disk(place)?;
    let (disk, image) = known.disk_that_goes(place)?;
    if matches!(disk.kind, DiskKind::Linked { .. }) {
        return let_go(known, host, &image, place);
    }
    disk.reached()?;
    let going = Going {
        known,
        image: &image,
        place,
    };
    going.all(&known.acting(host)?)
}

/// All that is in the directory goes: it is that of the VM whom the call is about.
fn must_be_its_own(known: &Known<'_>, dir: &VmDir) -> Result<()> {
    let vm = known.vm.id;
    if dir.vm == vm {
        return Ok(());
    }
    let message = format!("{} is not the directory of VM {vm}", dir.path().display());
    Err(Error::new(Kind::Usage, message).remedy("give the directory and the number of the same VM"))
}

/// Undoes what was begun of a disk that is attached to a VM, where oned calls nothing: it takes the disk out of the VM then, and
/// nobody would ever delete its image (contract, 5.2). Of any other disk nothing is undone: it stays the VM's, and is gone on with
/// or deleted.
pub(super) fn unless_attached(
    plan: Plan,
    known: &Known<'_>,
    host: &Node,
    (image, place): (&ImageSpec, &DiskPlace),
) -> Result<Plan> {
    undone_if_attached(plan, known, || {
        let going = Going {
            known,
            image,
            place,
        };
        going.all(&[host])
    })
}

/// The same of an image's own disk, which keeps all: an attach that fails undoes itself, but not one that is killed on its host, or
/// whose end nobody hears of. A disk that the VM has already is not attached to it.
pub(super) fn unless_linked(
    plan: Plan,
    known: &Known<'_>,
    host: &Node,
    (image, place): (&ImageSpec, &DiskPlace),
) -> Result<Plan> {
    undone_if_attached(plan, known, || {
        let down = detach(known, image, place, Down::Linked)?;
        Ok(Plan::nothing().on(host, vec![down]))
    })
}

/// A plan that is undone if it fails, should its disk come to a VM that is there already.
fn undone_if_attached(
    plan: Plan,
    known: &Known<'_>,
    undo: impl FnOnce() -> Result<Plan>,
) -> Result<Plan> {
    const HOTPLUG: u32 = 17;
    const HOTPLUG_PROLOG_POWEROFF: u32 = 33;
    match known.vm.lcm_state {
        HOTPLUG | HOTPLUG_PROLOG_POWEROFF => Ok(plan.or_else(undo()?)),
        _ => Ok(plan),
    }
}

/// An image's own disk is taken down, and its image keeps all. What is cleaned up of a VM that was on its way under load is
/// asked for at its target alone (contract, 5.4), so it is taken down at the source as well: what is another VM's stays, and a
/// host that has nothing of it does nothing.
fn let_go(known: &Known<'_>, host: &Node, image: &ImageSpec, place: &DiskPlace) -> Result<Plan> {
    let steps: Vec<StepAsk> = iter::once(detach(known, image, place, Down::Kept)?)
        .chain(put_right(known, image, place)?)
        .collect();
    let down = |plan: Plan, at: &Node| {
        plan.then(known, at, steps.clone())
            .instead(When::Unreached, Plan::nothing())
    };
    let other = known.other_host(host).filter(|_| known.vm.is_going());
    Ok(match other {
        // What fails at one of them does not keep the disk up at the other.
        Some(other) => down(down(Plan::nothing(), host), other).every(),
        None => Plan::nothing()
            .let_go(known, host, image, place)?
            .instead(When::Unreached, Plan::nothing()),
    })
}

/// A disk that goes with its VM.
struct Going<'g> {
    known: &'g Known<'g>,
    image: &'g ImageSpec,
    place: &'g DiskPlace,
}

impl Going<'_> {
    /// Taken down and removed at the first of these hosts, or by the next bridge that is reached if that is dead.
    fn all(&self, acting: &[&Node]) -> Result<Plan> {
        let [host, ..] = acting else {
            return Ok(Plan::nothing());
        };
        let steps = vec![self.down()?, self.gone(None)?];
        let bridges = self
            .known
            .datastore
            .get()?
            .bridges_from(self.known.vm.id.0)
            .into_iter();
        let others: Vec<&Node> = bridges.filter(|bridge| bridge != host).collect();
        let plan = Plan::nothing().on(host, steps);
        let plan = self.or_held(plan, host, host)?;
        match self.by_bridges(&others, host)? {
            Some(otherwise) => Ok(plan.instead(When::Unreached, otherwise)),
            None => Ok(plan),
        }
    }

    /// Removed by the first of these bridges that is reached, for a host that is not.
    fn by_bridges(&self, bridges: &[&Node], dead: &Node) -> Result<Option<Plan>> {
        let [first, rest @ ..] = bridges else {
            return Ok(None);
        };
        let plan = Plan::nothing().on(first, vec![self.gone(Some(dead))?]);
        let plan = self.or_held(plan, first, dead)?;
        Ok(Some(match self.by_bridges(rest, dead)? {
            Some(otherwise) => plan.instead(When::Unreached, otherwise),
            None => plan,
        }))
    }

    /// If the other host of a move that ended half way holds it: taken down there, then removed from here.
    fn or_held(&self, plan: Plan, here: &Node, host: &Node) -> Result<Plan> {
        let Some(other) = self.known.other_host(host) else {
            return Ok(plan);
        };
        let otherwise = Plan::nothing()
            .on(other, vec![self.down()?])
            .instead(When::Unreached, Plan::nothing())
            .on(here, vec![self.gone(Some(other))?]);
        Ok(plan.instead(When::Held, otherwise))
    }

    fn down(&self) -> Result<StepAsk> {
        detach(self.known, self.image, self.place, Down::Discarded)
    }

    /// Its own snapshots go with it; clones that others made of it never do, nor does the disk of another VM that has its number.
    fn gone(&self, dead: Option<&Node>) -> Result<StepAsk> {
        let left_by: Vec<HostName> = dead.map(host_name).transpose()?.into_iter().collect();
        let remove = RemoveImage {
            image: self.image.clone(),
            snapshots: true,
            missing_ok: true,
            discard_dirty: !left_by.is_empty(),
            left_by,
            of: self.known.lives(self.place),
        };
        let gone = step(Request::Image(ImageJob::Remove(remove)));
        Ok(gone.by(self.known.access(self.place)?))
    }
}
