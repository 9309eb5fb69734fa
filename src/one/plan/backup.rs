//! Backups: the disks of a VM as they are at one moment, as files on its host (contract, 5.2).
//!
//! A full backup is made of the snapshot `one_backup`, which goes with the files. Of increments, `one_backup_N` stays, for the
//! next one is what changed since; it goes when oned says that the next one is safe, which is one backup later, or when a chain
//! begins anew.

use super::{Known, Plan, all, if_there, removal, rouse, step};
use crate::image::{ForgetBackups, ImageJob, OneSnap};
use crate::job::{Backup, BackupDisk, BackupRoom, EndBackup, Quiet, Request, Rest, StepAsk, Steps};
use crate::model::{Access, BackupSnap, ImageSpec, SnapName};
use crate::one::DiskId;
use crate::one::call::{BackupCall, DiskPlace};
use crate::one::document::{BackupMode, DiskKind};
use crate::{Error, Kind, Result};

/// A disk of a VM.
struct OneDisk<'k> {
    id: DiskId,
    image: ImageSpec,
    access: Option<&'k Access>,
}

impl Plan {
    /// `prebackup` and `prebackup_live`: snapshots of all disks while the guest's file systems are quiet, then the files.
    /// `document` is the VM's, as oned gave it.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a disk that is not ours: half a VM is no backup.
    pub fn backup(
        known: &Known<'_>,
        call: &BackupCall,
        live: bool,
        document: &str,
    ) -> Result<Self> {
        let disks = disks(known, call)?;
        let (now, last) = increments(known);
        let snap = BackupSnap { increment: now }.snap()?;
        let since = last.map(|last| {
            BackupSnap {
                increment: Some(last),
            }
            .snap()
        });
        let since = since.transpose()?;
        let mut steps = match known.vm.backup.mode {
            // Whether there is a chain of increments that will go on is not known.
            BackupMode::Full => removals(&disks, &snap),
            BackupMode::Increment { last } => forgotten(&disks, last),
        };
        if live {
            steps.insert(0, rouse(&call.deploy_id));
        }
        let files = disks.iter().map(|disk| BackupDisk {
            disk: disk.id.0,
            increment: now.unwrap_or(0),
            image: disk.image.clone(),
            snap: snap.clone(),
            since: since.clone(),
            access: disk.access.cloned(),
        });
        let files: Vec<BackupDisk> = files.collect();
        steps.push(step(Request::BackupRoom(BackupRoom {
            path: call.dir.path(),
            base: call.base.clone(),
            disks: files.clone(),
        })));
        let guest = known.vm.backup.rest.filter(|_| live);
        let guest = guest.map(|rest| (call.deploy_id.as_str(), known.vm.at_rest(rest)));
        steps.extend(quietly(&disks, &snap, guest));
        steps.push(step(Request::Backup(Backup {
            path: call.dir.path(),
            base: call.base.clone(),
            document: document.to_owned(),
            disks: files,
        })));
        let undo = Self::nothing().on(&call.host, cleared(call, live, removals(&disks, &snap)));
        Ok(Self::nothing().on(&call.host, steps).or_else(undo))
    }

    /// `postbackup` and `postbackup_live`: the guest goes on, should a backup that was killed have left it at rest; the files go, and
    /// the snapshot if no increment needs it.
    ///
    /// # Errors
    /// As for [`Plan::backup`].
    pub fn end_backup(known: &Known<'_>, call: &BackupCall, live: bool) -> Result<Self> {
        let (now, _) = increments(known);
        let steps = if now.is_none() || known.vm.backup.failed {
            removals(&disks(known, call)?, &BackupSnap { increment: now }.snap()?)
        } else {
            Vec::new()
        };
        Ok(Self::nothing().on(&call.host, cleared(call, live, steps)))
    }
}

/// The number of this increment, and of the one before it; none of a full backup.
fn increments(known: &Known<'_>) -> (Option<u32>, Option<u32>) {
    match known.vm.backup.mode {
        BackupMode::Full => (None, None),
        BackupMode::Increment { last } => (Some(last.map_or(0, |last| last + 1)), last),
    }
}

/// The disks that are asked for. oned leaves out those that no backup is for.
fn disks<'k>(known: &'k Known<'_>, call: &BackupCall) -> Result<Vec<OneDisk<'k>>> {
    let system = known
        .vm
        .history
        .last()
        .and_then(|stay| stay.driver.as_ref());
    let disk = |id: &DiskId| {
        let place = DiskPlace {
            dir: call.dir.clone(),
            disk: *id,
        };
        let disk = known.vm.disk(*id)?;
        let ours = matches!(disk.kind, DiskKind::Volatile) || disk.driver.as_ref() == system;
        if ours {
            return Ok(OneDisk {
                id: *id,
                image: known.disk(&place)?.1,
                access: known.access(&place)?,
            });
        }
        let message = format!(
            "disk {id} of VM {} is of another driver's datastore",
            known.vm.id
        );
        Err(Error::new(Kind::Usage, message)
            .remedy("only disks of this driver can be backed up on this system datastore"))
    };
    call.disks.iter().map(disk).collect()
}

fn removals(disks: &[OneDisk<'_>], snap: &SnapName) -> Vec<StepAsk> {
    let gone = |disk: &OneDisk<'_>| {
        let snap = OneSnap {
            image: disk.image.clone(),
            snap: snap.clone(),
        };
        removal(snap, disk.access)
    };
    disks.iter().flat_map(gone).collect()
}

/// What earlier backups left goes, but for what this one begins with.
fn forgotten(disks: &[OneDisk<'_>], keep: Option<u32>) -> Vec<StepAsk> {
    let forget = |disk: &OneDisk<'_>| {
        if_there(Request::Image(ImageJob::ForgetBackups(ForgetBackups {
            image: disk.image.clone(),
            keep,
        })))
        .by(disk.access)
    };
    disks.iter().map(forget).collect()
}

/// The snapshots of all disks, all taken while each of them is quiet: one within the other.
fn quietly(disks: &[OneDisk<'_>], snap: &SnapName, guest: Option<(&str, Rest)>) -> Vec<StepAsk> {
    // A step that says nothing goes by what is around it.
    let mixed = disks.iter().any(|disk| disk.access.is_some());
    let access = |disk: &OneDisk<'_>| disk.access.cloned().or(mixed.then_some(Access::OWN));
    let take = |disk: &OneDisk<'_>| {
        step(Request::Image(ImageJob::SnapCreate(OneSnap {
            image: disk.image.clone(),
            snap: snap.clone(),
        })))
        .by(access(disk).as_ref())
    };
    let mut steps: Vec<StepAsk> = disks.iter().map(take).collect();
    // In one order for all VMs: two that have the same images would wait for each other.
    let mut disks: Vec<&OneDisk<'_>> = disks.iter().collect();
    disks.sort_by_key(|disk| disk.image.to_string());
    // The innermost brings the guest to rest: all images are complete by then, and that may have taken long.
    let innermost = disks.len().saturating_sub(1);
    for (at, disk) in disks.into_iter().enumerate().rev() {
        let guest = guest.filter(|_| at == innermost);
        let quiet = Quiet {
            image: disk.image.clone(),
            domain: guest.map(|(domain, _)| domain.to_owned()),
            rest: guest.map_or(Rest::Freeze, |(_, rest)| rest),
            steps,
        };
        steps = vec![step(Request::Quiet(quiet)).by(access(disk).as_ref())];
    }
    steps
}

/// The files go, and then what else is to go. A guest that runs goes on before, and if it does not, that is in nobody's way.
fn cleared(call: &BackupCall, live: bool, mut more: Vec<StepAsk>) -> Vec<StepAsk> {
    let end = step(Request::EndBackup(EndBackup {
        path: call.dir.path(),
        base: call.base.clone(),
    }));
    more.insert(0, end);
    if !live {
        return more;
    }
    let rest = step(Request::Steps(Steps {
        steps: more,
        every: false,
    }));
    all(vec![rouse(&call.deploy_id), rest])
}

#[cfg(test)]
mod tests;
