//! The calls of the transfer-manager driver (contract, 1.5).

mod parse;

use super::backup::{BackupCall, Restore};
use super::datastore::DsInput;
use super::place::{DiskPlace, Node, Place, Source, VmDir};
use crate::one::{DatastoreId, Mad, Megabytes, SnapshotId, VmId};

/// A call. The datastore is the one in the last argument: the image's, and for a volatile disk the system's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are the arguments, named as the contract names them"
)]
pub enum TmCall {
    /// A disk that is thrown away with its VM: a clone of the image. Also `kernel` and `initrd`.
    Clone {
        source: Source,
        host: Node,
        place: Place,
        vm: VmId,
        datastore: DatastoreId,
    },
    /// The image itself as a disk.
    Ln {
        source: Source,
        host: Node,
        disk: DiskPlace,
        vm: VmId,
        datastore: DatastoreId,
    },
    /// A new, empty disk, formatted if asked.
    Mkimage {
        size: Megabytes,
        format: String,
        host: Node,
        disk: DiskPlace,
        vm: VmId,
        datastore: DatastoreId,
    },
    /// A new disk for swapping.
    Mkswap {
        size: Megabytes,
        host: Node,
        disk: DiskPlace,
        vm: VmId,
        datastore: DatastoreId,
    },
    /// The context CD; also the moment at which a VM is about to start.
    Context {
        files: Vec<String>,
        host: Node,
        disk: DiskPlace,
        vm: VmId,
        datastore: DatastoreId,
    },
    /// A disk or the VM's directory goes to another host; the front-end as either of them means "nowhere".
    Mv {
        from: (Node, Place),
        to: (Node, Place),
        vm: VmId,
        datastore: DatastoreId,
    },
    /// The disk ends, its image stays.
    Mvds {
        host: Node,
        disk: DiskPlace,
        source: Source,
        vm: VmId,
        datastore: DatastoreId,
    },
    /// A copy of the disk as it is, or as it was at a snapshot, becomes an image.
    Cpds {
        host: Node,
        disk: DiskPlace,
        to: Source,
        snapshot: Option<SnapshotId>,
        vm: VmId,
        datastore: DatastoreId,
    },
    /// A disk, or the VM's directory, goes.
    Delete {
        host: Node,
        place: Place,
        vm: VmId,
        datastore: DatastoreId,
    },
    /// Before a live migration.
    Premigrate(Migration),
    /// After one that came through.
    Postmigrate(Migration),
    /// After one that did not.
    Failmigrate(Migration),
    /// A snapshot; `live` while the VM runs.
    SnapCreate {
        live: bool,
        host: Node,
        disk: DiskPlace,
        snapshot: SnapshotId,
        vm: VmId,
        datastore: DatastoreId,
    },
    /// Back to a snapshot.
    SnapRevert {
        host: Node,
        disk: DiskPlace,
        snapshot: SnapshotId,
        vm: VmId,
        datastore: DatastoreId,
    },
    /// A snapshot goes.
    SnapDelete {
        host: Node,
        disk: DiskPlace,
        snapshot: SnapshotId,
        vm: VmId,
        datastore: DatastoreId,
    },
    /// The disk grows.
    Resize {
        host: Node,
        disk: DiskPlace,
        size: Megabytes,
        vm: VmId,
        datastore: DatastoreId,
    },
    /// Snapshots of disks for a backup; `live` while the VM runs.
    Prebackup { live: bool, call: BackupCall },
    /// Their end.
    Postbackup { live: bool, call: BackupCall },
    /// A backup into the disks of a VM that is off.
    Restore(Restore),
    /// How full a system datastore is.
    Monitor {
        datastore: DatastoreId,
        input: DsInput,
    },
    /// The same, on a host.
    MonitorDs { dir: String },
    /// The host has booted.
    Activate,
}

/// A live migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Where the VM runs.
    pub from: Node,
    /// Where it goes.
    pub to: Node,
    /// Its directory, the same path on both.
    pub dir: VmDir,
    /// The VM.
    pub vm: VmId,
    /// The system datastore.
    pub datastore: DatastoreId,
    /// The driver that calls us for our disks; we must not call others then.
    pub caller: Option<Mad>,
    /// The VM's document, where it comes as an argument (before 5.10) and not on standard input.
    pub document: Option<String>,
}

impl TmCall {
    /// All actions, by the names of their scripts.
    pub const ACTIONS: [&str; 25] = [
        "activate",
        "clone",
        "context",
        "cpds",
        "delete",
        "failmigrate",
        "ln",
        "mkimage",
        "mkswap",
        "monitor",
        "monitor_ds",
        "mv",
        "mvds",
        "postbackup",
        "postbackup_live",
        "postmigrate",
        "prebackup",
        "prebackup_live",
        "premigrate",
        "resize",
        "restore",
        "snap_create",
        "snap_create_live",
        "snap_delete",
        "snap_revert",
    ];

    /// The VM that a call is about: log lines carry it.
    pub fn vm(&self) -> Option<VmId> {
        match self {
            Self::Clone { vm, .. }
            | Self::Ln { vm, .. }
            | Self::Mkimage { vm, .. }
            | Self::Mkswap { vm, .. }
            | Self::Context { vm, .. }
            | Self::Mv { vm, .. }
            | Self::Mvds { vm, .. }
            | Self::Cpds { vm, .. }
            | Self::Delete { vm, .. }
            | Self::SnapCreate { vm, .. }
            | Self::SnapRevert { vm, .. }
            | Self::SnapDelete { vm, .. }
            | Self::Resize { vm, .. } => Some(*vm),
            Self::Premigrate(call) | Self::Postmigrate(call) | Self::Failmigrate(call) => {
                Some(call.vm)
            }
            Self::Prebackup { call, .. } | Self::Postbackup { call, .. } => Some(call.vm),
            Self::Restore(call) => Some(call.vm),
            Self::Monitor { .. } | Self::MonitorDs { .. } | Self::Activate => None,
        }
    }

    /// The datastore that a call is about.
    pub fn datastore(&self) -> Option<DatastoreId> {
        match self {
            Self::Clone { datastore, .. }
            | Self::Ln { datastore, .. }
            | Self::Mkimage { datastore, .. }
            | Self::Mkswap { datastore, .. }
            | Self::Context { datastore, .. }
            | Self::Mv { datastore, .. }
            | Self::Mvds { datastore, .. }
            | Self::Cpds { datastore, .. }
            | Self::Delete { datastore, .. }
            | Self::SnapCreate { datastore, .. }
            | Self::SnapRevert { datastore, .. }
            | Self::SnapDelete { datastore, .. }
            | Self::Resize { datastore, .. }
            | Self::Monitor { datastore, .. } => Some(*datastore),
            Self::Premigrate(call) | Self::Postmigrate(call) | Self::Failmigrate(call) => {
                Some(call.datastore)
            }
            Self::Prebackup { call, .. } | Self::Postbackup { call, .. } => Some(call.datastore),
            Self::Restore(call) => Some(call.dir.datastore),
            Self::MonitorDs { .. } | Self::Activate => None,
        }
    }
}
