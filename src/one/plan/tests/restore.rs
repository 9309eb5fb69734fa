//! Disks that become what they were when they were backed up.

use super::*;
use crate::one::DiskId;

/// All that a restore comes to, part by part.
fn restored(vm: &str, wanted: &[u32]) -> Result<String> {
    let args = [
        "kvm1:/var/lib/one//datastores/100/12",
        "12",
        "55",
        "-1",
        "-1",
    ];
    let args: Vec<String> = args.map(str::to_owned).into();
    let Call::Transfer(TmCall::Restore(call)) = Call::parse(Family::Transfer, "restore", &args)?
    else {
        unreachable!()
    };
    let (vm, ask) = (Vm::parse(vm)?, || Datastore::parse(DATASTORE));
    let known = Known {
        vm: &vm,
        datastore: &Asked::by(&ask),
        front_end: &"fe".parse().unwrap(),
        context: None,
    };
    let wanted_ids = wanted.iter().copied().map(DiskId);
    let disks = Restoration::new(&known, &call, wanted_ids, "5eed".parse()?)?;
    let own = "<DATASTORE><ID>101</ID><TEMPLATE><EC_POOL_NAME>ec</EC_POOL_NAME><STAGING_DIR>/srv</STAGING_DIR></TEMPLATE></DATASTORE>";
    let own = Datastore::parse(own)?;
    let bring = |id: &u32| {
        let (host, steps) = disks.bring(DiskId(*id), &own).unwrap();
        Plan::nothing().on(host, steps)
    };
    let mut parts = vec![("begin", disks.begin()?)];
    parts.extend(wanted.iter().map(|id| ("bring", bring(id))));
    parts.push(("forgotten", disks.forgotten()?));
    parts.push(("down", disks.down()?));
    parts.push(("not wanted any more", disks.undone()?));
    parts.push(("exchange", disks.exchange()?));
    parts.push(("settle", disks.settle()?));
    parts.push(("end", disks.end()?));
    let text = parts.iter().map(|(name, plan)| {
        let tasks = plan.tasks.iter().flat_map(|task| lines(task, ""));
        let undo = plan.undo.iter().flat_map(|task| lines(task, "undo, "));
        let lines: Vec<String> = tasks.chain(undo).collect();
        format!("# {name}\n{}", lines.join("\n"))
    });
    Ok(text.collect::<Vec<_>>().join("\n\n"))
}

/// One that is made for the VM, an image's own, and a volatile one.
#[test]
fn disks_are_exchanged_together() {
    insta::assert_snapshot!(restored(VM, &[0, 1, 2]).unwrap());
}

#[test]
fn what_is_not_there_or_not_ours_is_refused() {
    let refused = |disk| {
        let error = restored(VM, &[0, disk]).unwrap_err();
        format!("{}\n  {}", error.chain(), error.remedy_text().unwrap())
    };
    insta::assert_snapshot!([refused(3), refused(9)].join("\n"));
}
