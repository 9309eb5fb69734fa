use super::*;
use crate::one::call::{Call, Family};
use crate::one::context::Cd;
use crate::one::document::{Datastore, Vm};

mod access;
mod dead;
mod disks;
mod ends;
mod left;
mod places;
mod restore;

const VM: &str = "<VM><ID>12</ID><LCM_STATE>3</LCM_STATE><STIME>1700000000</STIME><TEMPLATE>
    <DISK><DISK_ID>0</DISK_ID><IMAGE_ID>42</IMAGE_ID><TM_MAD>warmblock</TM_MAD><SOURCE>one/one-42</SOURCE><CLONE>YES</CLONE>
      <SIZE>20480</SIZE><ORIGINAL_SIZE>10240</ORIGINAL_SIZE><WARMBLOCK_MODE>WriteBack</WARMBLOCK_MODE></DISK>
    <DISK><DISK_ID>1</DISK_ID><IMAGE_ID>43</IMAGE_ID><TM_MAD>warmblock</TM_MAD><SOURCE>one/one-43</SOURCE><CLONE>NO</CLONE></DISK>
    <DISK><DISK_ID>2</DISK_ID><TYPE>fs</TYPE><SIZE>1024</SIZE></DISK>
    <DISK><DISK_ID>3</DISK_ID><IMAGE_ID>44</IMAGE_ID><TM_MAD>ceph</TM_MAD><SOURCE>one/one-44</SOURCE><CLONE>YES</CLONE></DISK>
    </TEMPLATE><HISTORY_RECORDS><HISTORY><HOSTNAME>kvm1</HOSTNAME><DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD></HISTORY>
    </HISTORY_RECORDS></VM>";
const DATASTORE: &str = "<DATASTORE><ID>100</ID><TEMPLATE><POOL_NAME>sys</POOL_NAME><BRIDGE_LIST>c1</BRIDGE_LIST></TEMPLATE></DATASTORE>";

/// The plan of a call, a line per step: place, request as JSON.
fn plan(line: &str) -> String {
    plan_of(VM, line)
}

/// The plans of several calls.
fn plans(lines: &[&str]) -> String {
    let planned = lines.iter().map(|line| format!("# {line}\n{}", plan(line)));
    planned.collect::<Vec<_>>().join("\n\n")
}

/// The VM in a state of its life cycle, after stays on these hosts.
fn stayed(state: u32, hosts: &[&str]) -> String {
    let (begin, end) = (
        VM.find("<HISTORY>").unwrap(),
        VM.find("</HISTORY_RECORDS>").unwrap(),
    );
    let stays = hosts.iter().enumerate().map(|(seq, host)| {
        format!(
            "<HISTORY><SEQ>{seq}</SEQ><HOSTNAME>{host}</HOSTNAME><DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD></HISTORY>"
        )
    });
    let vm = format!(
        "{}{}{}",
        &VM[..begin],
        stays.collect::<String>(),
        &VM[end..]
    );
    vm.replace("<LCM_STATE>3</LCM_STATE>", &states(state))
}

/// The same, of a VM in a state of its life cycle.
fn plan_in(state: u32, line: &str) -> String {
    plan_of(
        &VM.replace("<LCM_STATE>3</LCM_STATE>", &states(state)),
        line,
    )
}

fn plan_of(vm: &str, line: &str) -> String {
    plan_with(vm, DATASTORE, line)
}

fn plan_with(vm: &str, datastore: &str, line: &str) -> String {
    let plan = match planned_with(vm, datastore, line) {
        Ok(plan) => plan,
        Err(error) => return error.chain(),
    };
    let tasks = plan.tasks.iter().flat_map(|task| lines(task, ""));
    let undo = plan.undo.iter().flat_map(|task| lines(task, "undo, "));
    tasks.chain(undo).collect::<Vec<_>>().join("\n")
}

/// A word of a call, with the VM's directory for `DIR`.
fn in_place(word: &str) -> String {
    word.replace("DIR", "/var/lib/one//datastores/100/12")
}

fn planned_with(vm: &str, datastore: &str, line: &str) -> Result<Plan> {
    let mut words = line.split_whitespace();
    let action = words.next().unwrap();
    let args: Vec<String> = words.map(in_place).collect();
    let Call::Transfer(call) = Call::parse(Family::Transfer, action, &args).unwrap() else {
        unreachable!()
    };
    let mut vm = Vm::parse(vm).unwrap();
    if let Some(left) = vm.left_at() {
        // As oned is asked for it: of this host it hears.
        vm.history[left].may_live = vm.history[left].host.as_str() == "silent";
    }
    let ask = || Datastore::parse(datastore);
    let cd = Cd::Inline("SVNP".to_owned());
    let known = Known {
        vm: &vm,
        datastore: &Asked::by(&ask),
        front_end: &"fe".parse().unwrap(),
        context: Some(&cd),
    };
    Plan::of(&call, &known)
}

fn lines(task: &Task, prefix: &str) -> Vec<String> {
    let at = format!("{prefix}{}", task.at);
    let mut lines = as_usual(task, &at);
    if task.stubborn {
        lines.push(format!("{at}: tried some times"));
    }
    for instead in &task.instead {
        let when = format!("{prefix}{:?} at {}: ", instead.when, task.at).to_lowercase();
        let first = format!("{when}first, ");
        lines.extend(
            instead
                .first
                .iter()
                .flat_map(|task| self::lines(task, &first)),
        );
        match instead.tasks.as_slice() {
            [] => lines.push(format!("{when}never mind")),
            tasks => lines.extend(tasks.iter().flat_map(|task| self::lines(task, &when))),
        }
    }
    lines
}

fn as_usual(task: &Task, at: &str) -> Vec<String> {
    match &task.work {
        Work::Fetch {
            from,
            path,
            to,
            gone,
        } => {
            let (path, to) = (path.display(), to.display());
            let gone = if *gone { ", which is gone then" } else { "" };
            vec![format!("{at}: fetch {path} of {from} as {to}{gone}")]
        }
        Work::Job(request) => match request.as_ref() {
            Request::Steps(all) => steps(all, at),
            _ => unreachable!(),
        },
    }
}

fn steps(all: &Steps, at: &str) -> Vec<String> {
    let all_the_same = if all.every { "all the same, " } else { "" };
    let line = |step: &StepAsk| match &step.request {
        Request::Steps(inner) => steps(inner, at),
        _ => vec![format!("{at}: {all_the_same}{}", shown(step))],
    };
    all.steps.iter().flat_map(line).collect()
}

fn shown(step: &StepAsk) -> String {
    let mut json = serde_json::to_value(&step.request).unwrap();
    prune(&mut json);
    if step.content_with.is_empty() {
        return json.to_string();
    }
    let kinds: Vec<String> = step
        .content_with
        .iter()
        .map(|kind| format!("{kind:?}"))
        .collect();
    format!("{json} (or {})", kinds.join(", "))
}

/// Leaves out what says nothing.
fn prune(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::Object(fields) => {
            fields.retain(|_, value| {
                !value.is_null() && *value != false && *value != serde_json::json!([])
            });
            fields.values_mut().for_each(prune);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

/// Of a VM that is active; with 0, of one that is done.
fn states(lcm_state: u32) -> String {
    let state = if lcm_state == 0 { 6 } else { 3 };
    format!("<STATE>{state}</STATE><LCM_STATE>{lcm_state}</LCM_STATE>")
}

#[test]
fn a_clone() {
    insta::assert_snapshot!(plan("clone fe:one/one-42 kvm1:DIR/disk.0 12 101"));
}

#[test]
fn a_link() {
    insta::assert_snapshot!(plan("ln fe:one/one-43 kvm1:DIR/disk.1 12 101"));
}

#[test]
fn ends() {
    insta::assert_snapshot!(plans(&[
        "mvds kvm1:DIR/disk.1 one/one-43 12 101",
        "delete kvm1:DIR/disk.0 12 101",
        "delete kvm1:DIR/disk.1 12 101",
        "delete kvm1:DIR/disk.2 12 100",
        "delete fe:DIR/disk.0 12 101",
        "delete kvm1:DIR 12 100",
        "delete fe:DIR 12 100",
    ]));
}

/// Stop and undeploy, resume, cold migration, and the move from a host that is down (contract, 5.3).
#[test]
fn moves() {
    let mut planned = Vec::new();
    for (state, line) in [
        (10, "mv kvm1:DIR/disk.0 fe:DIR/disk.0 12 101"),
        (30, "mv kvm1:DIR/disk.0 fe:DIR/disk.0 12 101"),
        (9, "mv fe:DIR/disk.0 kvm2:DIR/disk.0 12 101"),
        (8, "mv kvm1:DIR/disk.0 kvm2:DIR/disk.0 12 101"),
        (60, "mv kvm1:DIR/disk.0 kvm2:DIR/disk.0 12 101"),
        (10, "mv kvm1:DIR fe:DIR 12 100"),
        (31, "mv fe:DIR kvm2:DIR 12 100"),
        (8, "mv kvm1:DIR kvm2:DIR 12 100"),
        (61, "mv kvm1:DIR kvm2:DIR 12 100"),
        (8, "mv kvm1:DIR kvm1:DIR 12 100"),
        (8, "mv kvm1:DIR/disk.0 kvm1:DIR/disk.0 12 101"),
        (8, "mv kvm1:DIR/disk.0 kvm1:/ds/110/12/disk.0 12 101"),
    ] {
        planned.push(format!(
            "# in state {state}: {line}\n{}",
            plan_in(state, line)
        ));
    }
    insta::assert_snapshot!(planned.join("\n\n"));
}

/// A host that is down is asked nothing: not in the moves, and not in what undoes them.
#[test]
fn a_dead_host_is_never_contacted() {
    for state in [60, 61] {
        for what in ["DIR/disk.0", "DIR/disk.1", "DIR/disk.2", "DIR"] {
            let planned = plan_in(state, &format!("mv kvm1:{what} kvm2:{what} 12 101"));
            assert!(
                !planned.is_empty() && planned.lines().all(|line| line.starts_with("kvm2: ")),
                "{planned}"
            );
        }
    }
}

/// A VM that its host does not report may run there all the same, and others do: the host is asked, and barred only if it is not
/// reached.
#[test]
fn a_host_that_may_live_is_asked() {
    let planned = ["disk.1", "disk.0"].map(|what| {
        let line = format!("mv silent:DIR/{what} kvm2:DIR/{what} 12 101");
        plan_of(&stayed(60, &["silent", "kvm2"]), &line)
    });
    for planned in &planned {
        let barring = planned
            .lines()
            .filter(|line| line.contains("\"fence\":true"));
        for line in barring {
            assert!(line.starts_with("unreached at silent: "), "{planned}");
        }
        let reached = |line: &&str| line.starts_with("kvm2: ") && line.contains("attach");
        assert_eq!(planned.lines().filter(reached).count(), 1, "{planned}");
    }
    insta::assert_snapshot!(format!(
        "{}\n\n{}",
        planned[0],
        plan_of(
            &stayed(61, &["silent", "kvm2"]),
            "mv silent:DIR kvm2:DIR 12 100"
        )
    ));
}

#[test]
fn a_live_migration() {
    insta::assert_snapshot!(plans(&[
        "premigrate kvm1 kvm2 DIR 12 100",
        "postmigrate kvm1 kvm2 DIR 12 100",
        "failmigrate kvm1 kvm2 DIR 12 100",
    ]));
    // Between two datastores of one host (7.x) the disks stay where they are.
    assert_eq!(plan("premigrate kvm1 kvm1 DIR 12 100"), "");
}

#[test]
fn snapshots_and_sizes() {
    insta::assert_snapshot!(plans(&[
        "snap_create kvm1:DIR/disk.0 0 12 101",
        "snap_create_live kvm1:DIR/disk.0 0 12 101",
        "snap_revert kvm1:DIR/disk.0 0 12 101",
        "snap_delete kvm1:DIR/disk.0 0 12 101",
        "resize kvm1:DIR/disk.0 30720 12 101",
        "resize fe:DIR/disk.0 30720 12 101",
    ]));
}

#[test]
fn copies() {
    insta::assert_snapshot!(plans(&[
        "cpds kvm1:DIR/disk.0 one/one-77 -1 12 101",
        "cpds kvm1:DIR/disk.0 one/one-77 12 101",
        "cpds kvm1:DIR/disk.0 one/one-77 3 12 101",
        "cpds fe:DIR/disk.1 one/one-77 -1 12 101",
    ]));
}

#[test]
fn a_start() {
    insta::assert_snapshot!(plan(
        "context /var/lib/one/vms/12/context.sh kvm1:DIR/disk.4 12 100"
    ));
}

/// The disk is on no host: nothing is taken down, and the image goes back all the same.
#[test]
fn a_snapshot_of_a_disk_that_is_nowhere_is_gone_back_to() {
    insta::assert_snapshot!(plan("snap_revert fe:DIR/disk.0 0 12 101"));
}

#[test]
fn what_cannot_be_is_told() {
    assert!(plan("clone fe:/a/file kvm1:DIR/disk.0 12 101").contains("no image of Ceph's"));
    assert!(plan("clone fe:one/one-42 kvm1:DIR/disk.9 12 101").contains("no disk 9"));
    assert!(plan("clone fe:/a/kernel kvm1:DIR/kernel 12 2").contains("not supported"));
}

/// What most actions need stands in the VM's document: oned is asked for the datastore only where it does not.
#[test]
fn oned_is_asked_for_a_datastore_only_where_the_plan_needs_it() {
    let without = VM.replace(
        "<DISK><DISK_ID>2</DISK_ID><TYPE>fs</TYPE><SIZE>1024</SIZE></DISK>",
        "",
    );
    assert_ne!(without, VM);
    let asks = |vm: &str, line: &str| plan_with(vm, "no document", line).contains("cannot read");
    for line in [
        "ln fe:one/one-43 kvm1:DIR/disk.1 12 101",
        "context /var/lib/one/vms/12/context.sh kvm1:DIR/disk.4 12 100",
        "mvds kvm1:DIR/disk.1 one/one-43 12 101",
        "delete kvm1:DIR/disk.1 12 101",
        "delete kvm1:DIR 12 100",
        "mv kvm1:DIR/disk.0 kvm2:DIR/disk.0 12 101",
        "mv kvm1:DIR kvm2:DIR 12 100",
        "premigrate kvm1 kvm2 DIR 12 100",
        "postmigrate kvm1 kvm2 DIR 12 100",
        "failmigrate kvm1 kvm2 DIR 12 100",
        "snap_create_live kvm1:DIR/disk.0 0 12 101",
        "snap_revert kvm1:DIR/disk.0 0 12 101",
        "snap_delete kvm1:DIR/disk.0 0 12 101",
        "resize kvm1:DIR/disk.0 30720 12 101",
    ] {
        assert!(!asks(&without, line), "{line}");
    }
    // The pool for data, the bridges, what is made in the system datastore's pool.
    for line in [
        "clone fe:one/one-42 kvm1:DIR/disk.0 12 101",
        "cpds kvm1:DIR/disk.0 one/one-77 -1 12 101",
        "delete kvm1:DIR/disk.0 12 101",
        "resize fe:DIR/disk.0 30720 12 101",
        "mkswap 512 kvm1:DIR/disk.2 12 100",
        "premigrate kvm1 kvm2 DIR 12 100",
    ] {
        assert!(asks(VM, line), "{line}");
    }
}
