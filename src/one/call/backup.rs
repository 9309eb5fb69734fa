//! The calls around a backup (contract, 1.5).

use std::path::PathBuf;

use super::Wrong;
use super::place::{Node, VmDir, on_host};
use crate::one::{DatastoreId, DiskId, ImageNumber, SnapshotId, VmId};

/// `prebackup` and `postbackup`: about all disks of a VM at once, whoever drives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupCall {
    /// Where the VM is.
    pub host: Node,
    /// Its directory.
    pub dir: VmDir,
    /// Where its backup is made, if not in its directory: `BASE/VMID/backup`. The call does not say it.
    pub base: Option<PathBuf>,
    /// The disks.
    pub disks: Vec<DiskId>,
    /// The name of the VM's domain at the hypervisor.
    pub deploy_id: String,
    /// The backup job, if there is one.
    pub job: Option<u32>,
    /// The VM.
    pub vm: VmId,
    /// The system datastore.
    pub datastore: DatastoreId,
}

impl BackupCall {
    pub(super) fn parse(args: &[&str]) -> Result<Self, Wrong> {
        let [place, disks, deploy_id, job, vm, datastore] = args else {
            return Err(Wrong::Arguments(
                "HOST:SYSDIR DISK:DISK:… DEPLOY_ID JOB VMID DSID",
            ));
        };
        let (host, dir) = on_host(place)?;
        let disks = disks.split(':').filter(|disk| !disk.is_empty());
        let job = match *job {
            "-" => None,
            number => Some(number.parse::<ImageNumber>()?.0),
        };
        Ok(Self {
            host,
            dir,
            base: None,
            disks: disks.map(str::parse).collect::<Result<_, _>>()?,
            deploy_id: (*deploy_id).to_owned(),
            job,
            vm: vm.parse()?,
            datastore: datastore.parse()?,
        })
    }
}

/// `restore`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// Where the VM is.
    pub host: Node,
    /// Its directory.
    pub dir: VmDir,
    /// The VM.
    pub vm: VmId,
    /// The backup, an image of a backup datastore.
    pub backup: ImageNumber,
    /// Which increment; `None` for the newest.
    pub increment: Option<SnapshotId>,
    /// Which disk; `None` for all.
    pub disk: Option<DiskId>,
}

impl Restore {
    pub(super) fn parse(args: &[&str]) -> Result<Self, Wrong> {
        let [place, vm, backup, increment, disk] = args else {
            return Err(Wrong::Arguments(
                "HOST:SYSDIR VMID BACKUP_IMAGE_ID INCREMENT_ID DISK_ID",
            ));
        };
        let (host, dir) = on_host(place)?;
        Ok(Self {
            host,
            dir,
            vm: vm.parse()?,
            backup: backup.parse()?,
            increment: SnapshotId::or_current(increment)?,
            disk: match *disk {
                "-1" => None,
                number => Some(number.parse()?),
            },
        })
    }
}
