//! A VM that went away while a disk was made for it, or brought to a host: oned deletes at once, and never hears of what ends
//! later (contract, 5.4). So it is asked once more in the end, however short it took.

use std::io::Write;

use super::{Site, ask, done, plan};
use crate::error::both;
use crate::one::Remote;
use crate::one::call::{DiskPlace, Node, Place, TmCall, VmDir};
use crate::one::document::{Disk, DiskKind, Vm};
use crate::one::voice::{Level, Voice};
use crate::{Error, Kind, Result};

/// Its disks are deleted and made anew at once.
const CLEANUP_RESUBMIT: u32 = 15;

/// Which disks a call brings up where; nothing for calls that bring up none. Before a VM starts that is each of ours.
fn brings<'c>(call: &'c TmCall, was: &Vm) -> Option<(&'c Node, Vec<DiskPlace>)> {
    let one = |host, disk: &DiskPlace| Some((host, vec![disk.clone()]));
    match call {
        TmCall::Clone {
            host,
            place: Place::Disk(disk),
            ..
        }
        | TmCall::Mv {
            to: (host, Place::Disk(disk)),
            ..
        }
        | TmCall::Ln { host, disk, .. }
        | TmCall::Mkimage { host, disk, .. }
        | TmCall::Mkswap { host, disk, .. } => one(host, disk),
        TmCall::Context { host, disk: cd, .. } => {
            let place = |disk: &Disk| DiskPlace {
                dir: cd.dir.clone(),
                disk: disk.id,
            };
            Some((host, was.ours().map(place).collect()))
        }
        _ => None,
    }
}

/// What takes down again what a call has brought up, as far as the VM has no use for it any more; the VM as it is now.
fn takedown(call: &TmCall, was: &Vm, now: &Vm) -> Vec<TmCall> {
    let Some((host, places)) = brings(call, was) else {
        return Vec::new();
    };
    let stay = |vm: &Vm| vm.history.last().map(|stay| (stay.seq, stay.host.clone()));
    // In another stay on the same host the disk may be the new one's by now; and a clone is made anew by that in any case.
    let elsewhere = stay(now).is_some_and(|(_, now_at)| now_at != *host) && stay(now) != stay(was);
    // It goes for good, with what was made for it.
    let ends = now.is_going() && now.lcm_state != CLEANUP_RESUBMIT;
    let unwanted = |disk: &Disk| {
        // A disk whose attachment was declared a failure is the VM's no more.
        let lost = now.disk(disk.id).ok().map(|now| &now.kind) != Some(&disk.kind);
        match disk.kind {
            DiskKind::Linked { .. } => now.is_going() || elsewhere || lost,
            _ => ends || (lost && !now.is_going()),
        }
    };
    let datastore = |disk: &Disk| disk.datastore.or_else(|| call.datastore());
    let delete = |place: DiskPlace| {
        let disk = was.disk(place.disk).ok().filter(|disk| unwanted(disk))?;
        Some(TmCall::Delete {
            host: host.clone(),
            place: Place::Disk(place),
            vm: was.id,
            datastore: datastore(disk)?,
        })
    };
    let disks = places.into_iter().filter_map(delete);
    disks.chain(directory(call, was).filter(|_| ends)).collect()
}

/// The directory that a context CD was brought to.
fn directory(call: &TmCall, was: &Vm) -> Option<TmCall> {
    let TmCall::Context {
        host,
        disk: DiskPlace { dir, .. },
        datastore,
        ..
    } = call
    else {
        return None;
    };
    Some(TmCall::Delete {
        host: host.clone(),
        place: Place::Directory(VmDir::clone(dir)),
        vm: was.id,
        datastore: *datastore,
    })
}

/// Looks once more at the VM for which disks were brought up, and takes down what nobody wants any more. Also if the call
/// failed: it may have been stopped half way.
pub(super) fn look_again(
    site: &Site,
    remote: &Remote,
    call: &TmCall,
    was: &Vm,
    voice: &mut Voice<impl Write>,
) -> Result<()> {
    if brings(call, was).is_none() {
        return Ok(());
    }
    let now = match ask(site, was.id) {
        Ok(now) => now,
        Err(error) => {
            // The disk is there; what became of the VM, its next action shows.
            voice.log(Level::Warning, &error.chain());
            return Ok(());
        }
    };
    let deletes = takedown(call, was, &now);
    if deletes.is_empty() {
        return Ok(());
    }
    // As the VM was: it may have the disk no more, which has to be named all the same.
    let each = deletes
        .iter()
        .map(|delete| done(remote, &plan(site, delete, was, None)?, voice, || Ok(())));
    each.fold(Ok(()), both)?;
    Err(Error::new(
        Kind::Cancelled,
        format!(
            "VM {} went away meanwhile or gave the disk up, which was taken down again",
            was.id
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::one::call::{Call, Family};

    fn call(line: &str) -> TmCall {
        let mut words = line.split_whitespace().map(str::to_owned);
        let action = words.next().unwrap();
        match Call::parse(Family::Transfer, &action, &words.collect::<Vec<_>>()).unwrap() {
            Call::Transfer(call) => call,
            other => panic!("{other:?}"),
        }
    }

    const CLONE: &str = "<DISK><DISK_ID>0</DISK_ID><IMAGE_ID>42</IMAGE_ID><DATASTORE_ID>101</DATASTORE_ID><TM_MAD>warmblock</TM_MAD>\
                         <SOURCE>one/one-42</SOURCE><CLONE>YES</CLONE></DISK>";
    const LINK: &str = "<DISK><DISK_ID>1</DISK_ID><IMAGE_ID>43</IMAGE_ID><DATASTORE_ID>101</DATASTORE_ID><TM_MAD>warmblock</TM_MAD>\
                        <SOURCE>one/one-43</SOURCE><CLONE>NO</CLONE></DISK>";
    const SWAP: &str = "<DISK><DISK_ID>2</DISK_ID><TYPE>swap</TYPE></DISK>";
    const OTHER: &str = "<DISK><DISK_ID>3</DISK_ID><IMAGE_ID>44</IMAGE_ID><TM_MAD>ceph</TM_MAD><SOURCE>one/one-44</SOURCE></DISK>";

    fn vm(state: u32, lcm_state: u32, host: &str, seq: u32) -> Vm {
        with(
            &[CLONE, LINK, SWAP, OTHER].concat(),
            state,
            lcm_state,
            host,
            seq,
        )
    }

    fn with(disks: &str, state: u32, lcm_state: u32, host: &str, seq: u32) -> Vm {
        Vm::parse(&format!(
            "<VM><ID>12</ID><STATE>{state}</STATE><LCM_STATE>{lcm_state}</LCM_STATE><TEMPLATE>{disks}</TEMPLATE><HISTORY_RECORDS>\
             <HISTORY><SEQ>{seq}</SEQ><HOSTNAME>{host}</HOSTNAME><DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD></HISTORY>\
             </HISTORY_RECORDS></VM>"
        ))
        .unwrap()
    }

    const LN: &str = "ln fe:one/one-43 kvm1:/d/100/12/disk.1 12 101";
    const DELETE: [&str; 4] = [
        "delete kvm1:/d/100/12/disk.0 12 101",
        "delete kvm1:/d/100/12/disk.1 12 101",
        "delete kvm1:/d/100/12/disk.2 12 100",
        "delete kvm1:/d/100/12 12 100",
    ];

    #[test]
    fn a_disk_goes_only_if_nobody_wants_it() {
        let was = vm(3, 1, "kvm1", 0);
        let (ln, move_linked) = (
            call(LN),
            call("mv kvm9:/d/100/12/disk.1 kvm1:/d/100/12/disk.1 12 101"),
        );
        let clone = call("clone fe:one/one-42 kvm1:/d/100/12/disk.0 12 101");
        let move_clone = call("mv fe:/d/100/12/disk.0 kvm1:/d/100/12/disk.0 12 101");
        let swap = call("mkswap 8 kvm1:/d/100/12/disk.2 12 100");
        let goes = |call: &TmCall, now: Vm| !takedown(call, &was, &now).is_empty();
        for call in [&ln, &move_linked, &clone, &move_clone, &swap] {
            assert!(!goes(call, vm(3, 1, "kvm1", 0)), "it goes on");
            assert!(!goes(call, vm(3, 39, "kvm1", 0)), "the prolog has failed");
            assert!(!goes(call, vm(3, 1, "kvm1", 1)), "again, and here");
            assert!(goes(call, vm(6, 0, "kvm1", 0)), "done");
            assert!(goes(call, vm(3, 23, "kvm1", 0)), "being deleted");
        }
        for linked in [&ln, &move_linked] {
            assert!(goes(linked, vm(3, 15, "kvm1", 0)), "made anew here");
            assert!(goes(linked, vm(3, 1, "kvm2", 1)), "it would be held here");
        }
        // What was made for the VM is replaced by what is made anew, wherever that is.
        for made in [&clone, &move_clone, &swap] {
            assert!(!goes(made, vm(3, 15, "kvm1", 0)) && !goes(made, vm(3, 1, "kvm2", 1)));
        }
        let down = takedown(&clone, &was, &vm(6, 0, "kvm1", 0));
        assert_eq!(down, [call(DELETE[0])]);
        assert!(!goes(&down[0], vm(6, 0, "kvm1", 0)));
    }

    /// `recover --failure` of an attachment: the VM stays, and has the disk no more, or another one under its number.
    #[test]
    fn a_disk_that_the_vm_has_no_more_goes() {
        let was = vm(3, 17, "kvm1", 0);
        let lacks = |disks: &str| with(disks, 3, 3, "kvm1", 0);
        for (line, own) in [
            (LN, LINK),
            ("clone fe:one/one-42 kvm1:/d/100/12/disk.0 12 101", CLONE),
            ("mkswap 8 kvm1:/d/100/12/disk.2 12 100", SWAP),
        ] {
            let call = call(line);
            assert_eq!(takedown(&call, &was, &lacks(own)), []);
            assert_eq!(takedown(&call, &was, &lacks("")).len(), 1, "{line}");
        }
        let another = LINK.replace("43", "49");
        assert_eq!(
            takedown(&call(LN), &was, &lacks(&another)),
            [call(DELETE[1])]
        );
    }

    /// A start brings up all of ours, and a directory.
    #[test]
    fn what_a_start_brought_goes() {
        let was = vm(3, 2, "kvm1", 0);
        let context = call("context /a/context.sh kvm1:/d/100/12/disk.4 12 100");
        assert_eq!(takedown(&context, &was, &vm(3, 2, "kvm1", 0)), []);
        let all = takedown(&context, &was, &vm(6, 0, "kvm1", 0));
        assert_eq!(all, DELETE.map(call));
        let anew = takedown(&context, &was, &vm(3, 15, "kvm1", 0));
        assert_eq!(anew, [call(DELETE[1])]);
    }
}
