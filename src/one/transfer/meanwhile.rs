//! A VM that went away while a disk was made for it: oned deletes at once, and never hears of what ends later (contract, 5.4).

use std::io::Write;
use std::time::{Duration, Instant};

use super::{Site, ask, done, plan};
use crate::one::Remote;
use crate::one::call::{Node, Place, TmCall};
use crate::one::document::Vm;
use crate::one::voice::{Level, Voice};
use crate::{Error, Kind, Result};

/// Its disks are deleted and made anew at once.
const CLEANUP_RESUBMIT: u32 = 15;

/// A disk that was made sooner is that of the VM that oned has just told of: it is not asked again.
const LONG: Duration = Duration::from_secs(5);

/// Where a call makes a disk; nothing for calls that make none.
fn makes(call: &TmCall) -> Option<(&Node, Place)> {
    match call {
        TmCall::Clone { host, place, .. } => Some((host, place.clone())),
        TmCall::Ln { host, disk, .. }
        | TmCall::Mkimage { host, disk, .. }
        | TmCall::Mkswap { host, disk, .. } => Some((host, Place::Disk(disk.clone()))),
        _ => None,
    }
}

/// What takes down again what a call has made, if the VM has no use for it any more; the VM as it is now.
fn takedown(call: &TmCall, was: &Vm, now: &Vm) -> Option<TmCall> {
    let (host, place) = makes(call)?;
    let stay = |vm: &Vm| vm.history.last().map(|stay| (stay.seq, stay.host.clone()));
    // In another stay on the same host the disk may be the new one's by now; and a clone is made anew by that in any case.
    let elsewhere = stay(now).is_some_and(|(_, now_at)| now_at != *host) && stay(now) != stay(was);
    let linked = matches!(call, TmCall::Ln { .. });
    let unwanted = match linked {
        true => now.is_going() || elsewhere,
        false => now.is_going() && now.lcm_state != CLEANUP_RESUBMIT,
    };
    if !unwanted {
        return None;
    }
    Some(TmCall::Delete {
        host: host.clone(),
        place,
        vm: was.id,
        datastore: call.datastore()?,
    })
}

/// Looks once more at the VM if a disk took long to make, and takes the disk down if nobody wants it any more. Also if the call
/// failed: it may have been stopped half way.
pub(super) fn look_again(
    site: &Site,
    remote: &Remote,
    call: &TmCall,
    was: &Vm,
    began: Instant,
    voice: &mut Voice<impl Write>,
) -> Result<()> {
    if makes(call).is_none() || began.elapsed() < LONG {
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
    let Some(delete) = takedown(call, was, &now) else {
        return Ok(());
    };
    done(remote, &plan(site, &delete, &now)?, voice, || Ok(()))?;
    Err(Error::new(
        Kind::Cancelled,
        format!("VM {} went away meanwhile, and its disk with it", was.id),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::one::call::{Call, Family};

    const LN: [&str; 5] = ["fe:one/one-43", "kvm1:/d/100/12/disk.1", "12", "101", ""];

    fn call(action: &str, args: &[&str]) -> TmCall {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        match Call::parse(Family::Transfer, action, &args).unwrap() {
            Call::Transfer(call) => call,
            other => panic!("{other:?}"),
        }
    }

    fn vm(state: u32, lcm_state: u32, host: &str, seq: u32) -> Vm {
        Vm::parse(&format!(
            "<VM><ID>12</ID><STATE>{state}</STATE><LCM_STATE>{lcm_state}</LCM_STATE><TEMPLATE/><HISTORY_RECORDS><HISTORY>\
             <SEQ>{seq}</SEQ><HOSTNAME>{host}</HOSTNAME><DS_ID>100</DS_ID></HISTORY></HISTORY_RECORDS></VM>"
        ))
        .unwrap()
    }

    #[test]
    fn a_disk_goes_only_if_nobody_wants_it() {
        let (ln, was) = (call("ln", &LN[..4]), vm(3, 1, "kvm1", 0));
        let mut args = LN;
        args[1] = "kvm1:/d/100/12/disk.0";
        let clone = call("clone", &args[..4]);
        let goes = |call: &TmCall, now: Vm| takedown(call, &was, &now).is_some();
        for call in [&ln, &clone] {
            assert!(!goes(call, vm(3, 1, "kvm1", 0)), "it goes on");
            assert!(!goes(call, vm(3, 39, "kvm1", 0)), "the prolog has failed");
            assert!(!goes(call, vm(3, 1, "kvm1", 1)), "again, and here");
            assert!(goes(call, vm(6, 0, "kvm1", 0)), "done");
            assert!(goes(call, vm(3, 23, "kvm1", 0)), "being deleted");
        }
        // Made anew here.
        assert!(goes(&ln, vm(3, 15, "kvm1", 0)) && !goes(&clone, vm(3, 15, "kvm1", 0)));
        // Made anew elsewhere: a clone is replaced there, an image itself would be held here.
        assert!(goes(&ln, vm(3, 1, "kvm2", 1)) && !goes(&clone, vm(3, 1, "kvm2", 1)));
        let down = takedown(&clone, &was, &vm(6, 0, "kvm1", 0)).unwrap();
        assert_eq!(
            down,
            call("delete", &["kvm1:/d/100/12/disk.0", "12", "101"])
        );
        assert_eq!(takedown(&down, &was, &vm(6, 0, "kvm1", 0)), None);
    }
}
