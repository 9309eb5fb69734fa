//! From the words of a call to the call.

use super::super::Wrong;
use super::super::backup::{BackupCall, Restore};
use super::super::datastore::DsInput;
use super::super::place::{DiskPlace, Node, Place, Source, on_host};
use super::{Migration, TmCall};
use crate::one::SnapshotId;

impl TmCall {
    /// Reads a call of the transfer manager's.
    pub(in crate::one::call) fn parse(action: &str, args: &[&str]) -> Result<Self, Wrong> {
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
        ("monitor", args) => {
            let (input, datastore) = DsInput::before(args).ok_or(Wrong::Arguments(
                "DSID, with the document on standard input",
            ))?;
            let datastore = datastore.parse()?;
            Ok(TmCall::Monitor { datastore, input })
        }
        ("monitor_ds", [dir]) => Ok(TmCall::MonitorDs {
            dir: (*dir).to_owned(),
        }),
        // cron gives it nothing.
        ("activate", _) => Ok(TmCall::Activate),
        ("monitor_ds", _) => Err(Wrong::Arguments("DIRECTORY")),
        _ => Err(Wrong::Action),
    }
}
