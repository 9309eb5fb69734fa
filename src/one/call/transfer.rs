//! The calls of a transfer-manager driver (contract, 1.5).

use super::Wrong;
use super::backup::{BackupCall, Restore};
use super::place::{DiskPlace, Node, Place, Source, VmDir, on_host};
use crate::model::DriverName;
use crate::one::{DatastoreId, Megabytes, SnapshotId, VmId};

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
    Monitor { datastore: DatastoreId },
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
    pub caller: Option<DriverName>,
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

    pub(super) fn parse(action: &str, args: &[&str]) -> Result<Self, Wrong> {
        if !Self::ACTIONS.contains(&action) {
            return Err(Wrong::Action);
        }
        match action {
            "clone" | "ln" => begin(action, args),
            "mkimage" | "mkswap" => volatile(action, args),
            "context" => context(args),
            "mv" | "mvds" | "cpds" | "delete" => moved(action, args),
            "premigrate" => migration(args).map(Self::Premigrate),
            "postmigrate" => migration(args).map(Self::Postmigrate),
            "failmigrate" => migration(args).map(Self::Failmigrate),
            "snap_create" | "snap_create_live" | "snap_revert" | "snap_delete" => {
                snapshot(action, args)
            }
            "resize" => resize(args),
            "prebackup" | "prebackup_live" => BackupCall::parse(args).map(|call| Self::Prebackup {
                live: action.ends_with("_live"),
                call,
            }),
            "postbackup" | "postbackup_live" => {
                BackupCall::parse(args).map(|call| Self::Postbackup {
                    live: action.ends_with("_live"),
                    call,
                })
            }
            "restore" => Restore::parse(args).map(Self::Restore),
            _ => other(action, args),
        }
    }

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
            | Self::Monitor { datastore } => Some(*datastore),
            Self::Premigrate(call) | Self::Postmigrate(call) | Self::Failmigrate(call) => {
                Some(call.datastore)
            }
            Self::Prebackup { call, .. } | Self::Postbackup { call, .. } => Some(call.datastore),
            Self::Restore(call) => Some(call.dir.datastore),
            Self::MonitorDs { .. } | Self::Activate => None,
        }
    }
}

fn begin(action: &str, args: &[&str]) -> Result<TmCall, Wrong> {
    let [source, place, vm, datastore] = args else {
        return Err(Wrong::Arguments("FE:SOURCE HOST:SYSDIR/disk.N VMID DSID"));
    };
    let (source, vm, datastore) = (Source::after_host(source)?, vm.parse()?, datastore.parse()?);
    let (host, place) = on_host(place)?;
    Ok(match (action, place) {
        ("ln", Place::Disk(disk)) => TmCall::Ln {
            source,
            host,
            disk,
            vm,
            datastore,
        },
        ("ln", _) | (_, Place::Directory(_)) => {
            return Err(Wrong::Arguments("FE:SOURCE HOST:SYSDIR/disk.N VMID DSID"));
        }
        (_, place) => TmCall::Clone {
            source,
            host,
            place,
            vm,
            datastore,
        },
    })
}

/// `HOST:SYSDIR/disk.N`, and nothing else.
fn disk(word: &str) -> Result<(Node, DiskPlace), Wrong> {
    match on_host(word)? {
        (host, Place::Disk(disk)) => Ok((host, disk)),
        _ => Err(Wrong::Arguments("… HOST:SYSDIR/disk.N …")),
    }
}

fn volatile(action: &str, args: &[&str]) -> Result<TmCall, Wrong> {
    Ok(match (action, args) {
        ("mkimage", [size, format, place, vm, datastore]) => {
            let ((host, disk), vm, datastore) = (disk(place)?, vm.parse()?, datastore.parse()?);
            TmCall::Mkimage {
                size: size.parse()?,
                format: (*format).to_owned(),
                host,
                disk,
                vm,
                datastore,
            }
        }
        ("mkswap", [size, place, vm, datastore]) => {
            let ((host, disk), vm, datastore) = (disk(place)?, vm.parse()?, datastore.parse()?);
            TmCall::Mkswap {
                size: size.parse()?,
                host,
                disk,
                vm,
                datastore,
            }
        }
        ("mkimage", _) => {
            return Err(Wrong::Arguments(
                "SIZE_MB FORMAT HOST:SYSDIR/disk.N VMID DSID",
            ));
        }
        _ => return Err(Wrong::Arguments("SIZE_MB HOST:SYSDIR/disk.N VMID DSID")),
    })
}

/// Read from the right, for the files before are as many as there are.
fn context(args: &[&str]) -> Result<TmCall, Wrong> {
    let [files @ .., place, vm, datastore] = args else {
        return Err(Wrong::Arguments("[FILE…] HOST:SYSDIR/disk.N VMID DSID"));
    };
    let ((host, disk), vm, datastore) = (disk(place)?, vm.parse()?, datastore.parse()?);
    let files = files.iter().map(|file| (*file).to_owned()).collect();
    Ok(TmCall::Context {
        files,
        host,
        disk,
        vm,
        datastore,
    })
}

fn moved(action: &str, args: &[&str]) -> Result<TmCall, Wrong> {
    Ok(match (action, args) {
        ("mv", [from, to, vm, datastore]) => TmCall::Mv {
            from: on_host(from)?,
            to: on_host(to)?,
            vm: vm.parse()?,
            datastore: datastore.parse()?,
        },
        ("mvds", [place, source, vm, datastore]) => {
            let (host, disk) = disk(place)?;
            TmCall::Mvds {
                host,
                disk,
                source: source.parse()?,
                vm: vm.parse()?,
                datastore: datastore.parse()?,
            }
        }
        // 4.4 knew no snapshots.
        ("cpds", [place, to, rest @ .., vm, datastore]) if rest.len() <= 1 => {
            let (host, disk) = disk(place)?;
            let snapshot = rest
                .first()
                .map_or(Ok(None), |word| SnapshotId::or_current(word))?;
            TmCall::Cpds {
                host,
                disk,
                to: to.parse()?,
                snapshot,
                vm: vm.parse()?,
                datastore: datastore.parse()?,
            }
        }
        ("delete", [place, vm, datastore]) => {
            let (host, place) = on_host(place)?;
            TmCall::Delete {
                host,
                place,
                vm: vm.parse()?,
                datastore: datastore.parse()?,
            }
        }
        ("mv", _) => return Err(Wrong::Arguments("SRCHOST:SRC DSTHOST:DST VMID DSID")),
        ("mvds", _) => return Err(Wrong::Arguments("HOST:SYSDIR/disk.N SOURCE VMID DSID")),
        ("cpds", _) => {
            return Err(Wrong::Arguments(
                "HOST:SYSDIR/disk.N SOURCE [SNAPID] VMID DSID",
            ));
        }
        _ => return Err(Wrong::Arguments("HOST:SYSDIR[/disk.N] VMID DSID")),
    })
}

/// Five arguments; before 5.10 a sixth with the document and a seventh with the caller, since then a sixth with the caller.
fn migration(args: &[&str]) -> Result<Migration, Wrong> {
    let [from, to, dir, vm, datastore, rest @ ..] = args else {
        return Err(Wrong::Arguments(
            "SRCHOST DSTHOST SYSDIR VMID DSID [CALLER]",
        ));
    };
    let (document, caller) = match rest {
        [] => (None, None),
        [document, caller] => (Some(*document), Some(*caller)),
        // No driver's name is as long as a document.
        [word] if word.len() > 64 => (Some(*word), None),
        [caller] => (None, Some(*caller)),
        _ => {
            return Err(Wrong::Arguments(
                "SRCHOST DSTHOST SYSDIR VMID DSID [CALLER]",
            ));
        }
    };
    Ok(Migration {
        from: from.parse()?,
        to: to.parse()?,
        dir: dir.parse()?,
        vm: vm.parse()?,
        datastore: datastore.parse()?,
        caller: caller.map(str::parse).transpose()?,
        document: document.map(str::to_owned),
    })
}

fn snapshot(action: &str, args: &[&str]) -> Result<TmCall, Wrong> {
    let [place, snapshot, vm, datastore] = args else {
        return Err(Wrong::Arguments("HOST:SYSDIR/disk.N SNAPID VMID DSID"));
    };
    let ((host, disk), snapshot) = (disk(place)?, snapshot.parse()?);
    let (vm, datastore) = (vm.parse()?, datastore.parse()?);
    Ok(match action {
        "snap_revert" => TmCall::SnapRevert {
            host,
            disk,
            snapshot,
            vm,
            datastore,
        },
        "snap_delete" => TmCall::SnapDelete {
            host,
            disk,
            snapshot,
            vm,
            datastore,
        },
        _ => TmCall::SnapCreate {
            live: action == "snap_create_live",
            host,
            disk,
            snapshot,
            vm,
            datastore,
        },
    })
}

fn resize(args: &[&str]) -> Result<TmCall, Wrong> {
    let [place, size, vm, datastore] = args else {
        return Err(Wrong::Arguments("HOST:SYSDIR/disk.N SIZE_MB VMID DSID"));
    };
    let (host, disk) = disk(place)?;
    Ok(TmCall::Resize {
        host,
        disk,
        size: size.parse()?,
        vm: vm.parse()?,
        datastore: datastore.parse()?,
    })
}

fn other(action: &str, args: &[&str]) -> Result<TmCall, Wrong> {
    match (action, args) {
        ("monitor", [datastore]) => Ok(TmCall::Monitor {
            datastore: datastore.parse()?,
        }),
        ("monitor_ds", [dir]) => Ok(TmCall::MonitorDs {
            dir: (*dir).to_owned(),
        }),
        // cron gives it nothing.
        ("activate", _) => Ok(TmCall::Activate),
        ("monitor", _) => Err(Wrong::Arguments("DSID")),
        ("monitor_ds", _) => Err(Wrong::Arguments("DIRECTORY")),
        _ => Err(Wrong::Action),
    }
}
