//! A VM moves and runs on: for a while both hosts have its disks mapped.
//!
//! From `premigrate` until the source let go nothing is cached on either side, so neither can read what is old. What QEMU,
//! libvirt and udev read on the target before the switch is kept nowhere but, by a reader that does not bypass it, in the
//! page cache, which `attach` drops when the cache goes in (contract, 5.2).

use super::{
    At, Known, Plan, When, attach, attach_ask, detach, host_name, if_there, make_dir, remove_dir,
    step,
};
use crate::Result;
use crate::job::{HandOver, Insert, Request, StepAsk};
use crate::model::ImageSpec;
use crate::one::call::{DiskPlace, Migration};
use crate::one::document::Disk;

/// The source writes everything back, takes its caches out of the path and lets the target in; the target comes in without
/// caches. What fails is undone: releases before 7.4 call nothing then.
pub(super) fn premigrate(known: &Known<'_>, call: &Migration) -> Result<Plan> {
    if call.from == call.to {
        return Ok(Plan::nothing());
    }
    let (disks, to) = (known.ours(&call.dir)?, host_name(&call.to)?);
    // What several VMs have at once, no host holds: the target comes in as it is.
    let held = disks.iter().filter(|(disk, ..)| disk.sharing().is_none());
    let away = held.map(|(_, image, _)| {
        step(Request::HandOver(HandOver {
            image: image.clone(),
            to: to.clone(),
        }))
    });
    let mut there = vec![make_dir(&call.dir)];
    for (disk, image, place) in &disks {
        let mut ask = attach_ask(disk, image, place)?;
        ask.guest = Some(to.clone()).filter(|_| disk.sharing().is_none());
        there.push(step(Request::Attach(ask)));
    }
    Ok(Plan::nothing()
        .on(&call.from, away.collect())
        .fetch(
            At::Host(call.to.clone()),
            &call.dir,
            At::Host(call.from.clone()),
            &call.dir,
        )
        .on(&call.to, there)
        .or_else(failmigrate(known, call)?))
}

/// The source lets go; the target takes the leases and gets its caches.
pub(super) fn postmigrate(known: &Known<'_>, call: &Migration) -> Result<Plan> {
    if call.from == call.to {
        return Ok(Plan::nothing());
    }
    let disks = known.ours(&call.dir)?;
    let away = let_go(&disks, call);
    let there = disks
        .iter()
        .map(|(disk, image, place)| attach(disk, image, place));
    let there = there.collect::<Result<_>>()?;
    Ok(Plan::nothing().on(&call.from, away).on(&call.to, there))
}

/// The target lets go, whatever it has; the source gets its caches again, also if the target is not reached. Nothing of it
/// need be there.
pub(super) fn failmigrate(known: &Known<'_>, call: &Migration) -> Result<Plan> {
    if call.from == call.to {
        return Ok(Plan::nothing());
    }
    let disks = known.ours(&call.dir)?;
    let away = let_go(&disks, call);
    let held = || disks.iter().filter(|(disk, ..)| disk.sharing().is_none());
    let back = |patient: bool| {
        let insert = |(_, image, _): &(_, ImageSpec, _)| {
            if_there(Request::Insert(Insert {
                image: image.clone(),
                seed: None,
                rate: None,
                patient,
            }))
        };
        Plan::nothing()
            .on(&call.from, held().map(insert).collect())
            .every()
    };
    // A target that is not reached may be dead, and is waited for until Ceph says so; any other has let go, or refuses to.
    let mut plan = Plan::nothing()
        .on(&call.to, away)
        .every()
        .instead(When::Unreached, back(true));
    plan.tasks.extend(back(false).tasks);
    Ok(plan)
}

/// A host takes down what it has of the disks, written back, and of the VM's directory.
fn let_go(disks: &[(&Disk, ImageSpec, DiskPlace)], call: &Migration) -> Vec<StepAsk> {
    let mut steps: Vec<_> = disks
        .iter()
        .map(|(_, image, place)| detach(image, place, false))
        .collect();
    steps.push(remove_dir(&call.dir, true));
    steps
}
