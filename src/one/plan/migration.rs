//! A VM moves and runs on: for a while both hosts have its disks mapped.
//!
//! From `premigrate` until the source let go nothing is cached on either side, so neither can read what is old. What QEMU,
//! libvirt and udev read on the target before the switch is kept nowhere but, by a reader that does not bypass it, in the
//! page cache, which `attach` drops when the cache goes in (contract, 5.2).

use super::freed::Freeing;
use super::steps::Down;
use super::{
    At, Known, Plan, When, all, attach_ask, detach, host_name, if_there, make_dir, remove_dir, step,
};
use crate::job::{Attach, HandOver, Insert, Request, StepAsk};
use crate::model::ImageSpec;
use crate::one::call::{DiskPlace, Migration};
use crate::one::document::Disk;
use crate::{Error, Result};

/// The source writes everything back, takes its caches out of the path and lets the target in; the target comes in without
/// caches. What fails is undone: releases before 7.4 call nothing then.
pub(super) fn premigrate(known: &Known<'_>, call: &Migration) -> Result<Plan> {
    if call.from == call.to {
        return Ok(Plan::nothing());
    }
    let (disks, to) = (known.ours(&call.dir)?, host_name(&call.to)?);
    // What several VMs have at once, no host holds: the target comes in as it is.
    let held = disks.iter().filter(|(disk, ..)| disk.sharing().is_none());
    let away = held.map(|(_, image, place)| {
        let hand_over = HandOver {
            image: image.clone(),
            to: to.clone(),
        };
        Ok(step(Request::HandOver(hand_over)).by(known.access(place)?))
    });
    let away: Vec<StepAsk> = away.collect::<Result<_>>()?;
    let mut there = vec![make_dir(&call.dir)];
    for (disk, image, place) in &disks {
        let mut ask = attach_ask(known, disk, image, place)?;
        ask.guest = Some(to.clone()).filter(|_| disk.sharing().is_none());
        there.push(step(Request::Attach(ask)).by(known.access(place)?));
    }
    let left = disks.iter().map(|(_, image, place)| (image, place));
    // A VM that goes back may find them with the target still, which was to let go after the move here.
    let mut earlier = known.vm.history.iter().rev().skip(1);
    let back = earlier.any(|stay| stay.host == call.to);
    let but = [&call.from, &call.to];
    let but = but.get(..if back { 1 } else { 2 }).unwrap_or_default();
    let left = Freeing::elsewhere(known, but, left)?;
    Ok(Plan::nothing()
        .on(&call.from, away)
        .freed(&call.from, &left)
        .fetch(
            At::Host(call.to.clone()),
            &call.dir,
            (At::Host(call.from.clone()), &call.dir),
            false,
        )
        .on(&call.to, there)
        .or_else(failmigrate(known, call)?))
}

/// The source lets go; the target takes the leases and gets its caches. oned does not look at what becomes of it, so it is
/// tried some times, and what can be done of it is done (contract, 5.2).
///
/// The leases of a source that is not reached are broken, but not before Ceph has forgotten it: no watch of it is left, so it
/// is dead, whereas silence may be the network's. It is not barred up front: a kernel has one client for all its images, and
/// a host that lives would lose the disks of all its VMs.
pub(super) fn postmigrate(known: &Known<'_>, call: &Migration) -> Result<Plan> {
    if call.from == call.to {
        return Ok(Plan::nothing());
    }
    let disks = known.ours(&call.dir)?;
    let source = host_name(&call.from)?;
    let taken = |ask: &mut Attach| {
        ask.break_lease = true;
        ask.dead_host = Some(source.clone());
    };
    let there = |plan: Plan, change: &dyn Fn(&mut Attach)| {
        let attach = |(disk, image, place): &(&Disk, ImageSpec, DiskPlace)| {
            let mut ask = attach_ask(known, disk, image, place)?;
            if ask.shared.is_none() {
                change(&mut ask);
            }
            Ok(step(Request::Attach(ask)).by(known.access(place)?))
        };
        let steps: Vec<_> = disks.iter().map(attach).collect::<Result<_>>()?;
        Ok::<_, Error>(plan.on(&call.to, all(steps)))
    };
    let plan = Plan::nothing()
        .on(&call.from, let_go(known, &disks, call)?)
        .stubbornly()
        .instead(When::Unreached, there(Plan::nothing(), &taken)?);
    Ok(there(plan, &|_| ())?.stubbornly().every())
}

/// The target lets go, whatever it has; the source gets its caches again, also if the target is not reached. Nothing of it
/// need be there.
pub(super) fn failmigrate(known: &Known<'_>, call: &Migration) -> Result<Plan> {
    if call.from == call.to {
        return Ok(Plan::nothing());
    }
    let disks = known.ours(&call.dir)?;
    let away = let_go(known, &disks, call)?;
    let held = || disks.iter().filter(|(disk, ..)| disk.sharing().is_none());
    let back = |patient: bool| {
        let insert = |(_, image, place): &(_, ImageSpec, DiskPlace)| {
            let insert = Insert {
                image: image.clone(),
                seed: None,
                rate: None,
                // The VM runs on, and is on its way for oned until this is through.
                seed_later: true,
                patient,
                back: true,
            };
            Ok(if_there(Request::Insert(insert)).by(known.access(place)?))
        };
        let steps = held().map(insert).collect::<Result<_>>()?;
        Ok::<_, Error>(Plan::nothing().on(&call.from, all(steps)))
    };
    // A target that is not reached may be dead, and is waited for until Ceph says so; any other has let go, or refuses to.
    let mut plan = Plan::nothing()
        .on(&call.to, away)
        .instead(When::Unreached, back(true)?);
    plan.tasks.extend(back(false)?.tasks);
    Ok(plan.every())
}

/// A host takes down what it has of the disks, written back, each as far as it can be; and of the VM's directory, if nobody
/// uses any of them any more.
fn let_go(
    known: &Known<'_>,
    disks: &[(&Disk, ImageSpec, DiskPlace)],
    call: &Migration,
) -> Result<Vec<StepAsk>> {
    let down = disks
        .iter()
        .map(|(_, image, place)| detach(known, image, place, Down::Kept));
    let mut steps = all(down.collect::<Result<_>>()?);
    steps.push(remove_dir(&call.dir, true));
    Ok(steps)
}
