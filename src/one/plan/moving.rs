//! Disks move: between hosts, off all hosts, and under a VM that runs on.

use super::{Known, Plan, attach, detach, disk_at, image_of, make_dir, step};
use crate::job::{DiskJob, Insert, Request, StepAsk, VmDirJob};
use crate::model::ImageSpec;
use crate::one::call::{DiskPlace, Migration, Node, Place};
use crate::one::document::Disk;
use crate::{Error, Kind, Result};

/// The source's host is dead: nothing may be asked of it (contract, 5.1: `PROLOG_MIGRATE_UNKNOWN` and its failure).
const FROM_DEAD_HOST: [u32; 2] = [60, 61];

/// Flushed and taken down where it was, attached where it goes; the front-end as either means "nowhere".
pub(super) fn mv(known: &Known<'_>, from: &(Node, Place), to: &(Node, Place)) -> Result<Plan> {
    let ((source, was), (target, becomes)) = (from, to);
    let (Place::Disk(was), Place::Disk(becomes)) = (was, becomes) else {
        return Err(Error::new(
            Kind::Usage,
            "mv of a VM's directory is not done yet",
        ));
    };
    let disk = disk_at(known, was)?;
    let image = image_of(known, disk)?;
    if FROM_DEAD_HOST.contains(&known.vm.lcm_state) {
        return Err(Error::new(
            Kind::Usage,
            "mv from a host that is down is not done yet",
        ));
    }
    let mut plan = Plan::nothing();
    if source != target {
        plan = plan.then(known, source, vec![detach(&image, false)]);
    }
    let there = vec![make_dir(&becomes.dir), attach(disk, &image, becomes)?];
    Ok(plan.then(known, target, there))
}

/// The disks of ours, with their places in the VM's directory.
fn ours<'k>(known: &Known<'k>, call: &Migration) -> Result<Vec<(&'k Disk, ImageSpec, DiskPlace)>> {
    let driver = known
        .vm
        .history
        .last()
        .and_then(|stay| stay.driver.as_ref());
    let mine = |disk: &&Disk| disk.driver.is_none() || disk.driver.as_ref() == driver;
    let with_place = |disk: &'k Disk| {
        let place = DiskPlace {
            dir: call.dir.clone(),
            disk: disk.id,
        };
        Ok((disk, image_of(known, disk)?, place))
    };
    known.vm.disks.iter().filter(mine).map(with_place).collect()
}

fn for_each(
    disks: &[(&Disk, ImageSpec, DiskPlace)],
    request: impl Fn(DiskJob) -> Request,
) -> Vec<StepAsk> {
    let ask = |image: &ImageSpec| DiskJob {
        image: image.clone(),
    };
    disks
        .iter()
        .map(|(_, image, _)| step(request(ask(image))))
        .collect()
}

/// The source writes everything back and lets go of its cache; the target gets the disks past any cache, so that what it
/// reads before the switch is kept nowhere.
pub(super) fn premigrate(known: &Known<'_>, call: &Migration) -> Result<Plan> {
    let disks = ours(known, call)?;
    let away = for_each(&disks, Request::Bypass);
    let mut there = vec![make_dir(&call.dir)];
    for (disk, image, place) in &disks {
        let StepAsk {
            request,
            content_with,
        } = attach(disk, image, place)?;
        let Request::Attach(mut ask) = request else {
            continue;
        };
        // Uncached until the source has let go.
        (ask.driver, ask.mode) = (Some(crate::config::fixed("none")), None);
        there.push(StepAsk {
            request: Request::Attach(ask),
            content_with,
        });
    }
    Ok(Plan::nothing()
        .then(known, &call.from, away)
        .then(known, &call.to, there))
}

/// The source lets go; the target gets its cache.
pub(super) fn postmigrate(known: &Known<'_>, call: &Migration) -> Result<Plan> {
    let disks = ours(known, call)?;
    let mut away: Vec<StepAsk> = disks
        .iter()
        .map(|(_, image, _)| detach(image, false))
        .collect();
    away.push(step(Request::RemoveDir(VmDirJob {
        path: call.dir.path(),
    })));
    let there = disks
        .iter()
        .map(|(disk, image, place)| attach(disk, image, place));
    let there = there.collect::<Result<_>>()?;
    Ok(Plan::nothing()
        .then(known, &call.from, away)
        .then(known, &call.to, there))
}

/// The target lets go, whatever it has; the source gets its cache again.
pub(super) fn failmigrate(known: &Known<'_>, call: &Migration) -> Result<Plan> {
    let disks = ours(known, call)?;
    let away = disks
        .iter()
        .map(|(_, image, _)| detach(image, false))
        .collect();
    let back = disks.iter().map(|(_, image, _)| {
        step(Request::Insert(Insert {
            image: image.clone(),
            seed: None,
            rate: None,
        }))
    });
    let back = back.collect();
    Ok(Plan::nothing()
        .then(known, &call.to, away)
        .then(known, &call.from, back))
}
