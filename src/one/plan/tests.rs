use super::*;
use crate::one::call::{Call, Family};
use crate::one::context::Cd;
use crate::one::document::{Datastore, Vm};

mod access;
mod dead;
mod left;
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

/// It acts on images like any other bridge, also where it is no place for a disk.
#[test]
fn a_front_end_that_is_a_bridge() {
    let bridge = DATASTORE.replace(">c1<", ">fe<");
    let planned = plan_with(VM, &bridge, "delete fe:DIR/disk.0 12 101");
    assert!(
        planned.contains("fe: ") && planned.contains("remove"),
        "{planned}"
    );
}

/// The datastore names its pool, or it is the one that the doctor says.
#[test]
fn a_system_datastore_without_a_pool() {
    let line = "mkswap 512 kvm1:DIR/disk.2 12 100";
    let none = DATASTORE.replace("<POOL_NAME>sys</POOL_NAME>", "");
    // What a user wrote into the disk decides nothing.
    let users = VM.replace(
        "<TYPE>fs</TYPE>",
        "<TYPE>fs</TYPE><POOL_NAME>other</POOL_NAME>",
    );
    for vm in [VM, &users] {
        assert!(plan_of(vm, line).contains("\"sys/one-sys-12-2\""));
        assert!(plan_with(vm, &none, line).contains("\"one/one-sys-12-2\""));
    }
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

/// Of a disk that cannot be attached oned takes leave, and calls nothing.
#[test]
fn a_disk_that_could_not_be_attached_leaves_nothing() {
    let lines = [
        "clone fe:one/one-42 kvm1:DIR/disk.0 12 101",
        "mkimage 1024 raw kvm1:DIR/disk.2 12 100",
        "mkswap 512 kvm1:DIR/disk.2 12 100",
    ];
    let undone = |state, line: &str| {
        let planned = plan_in(state, line);
        let undo = planned.lines().filter(|line| line.starts_with("undo, "));
        undo.collect::<Vec<_>>().join("\n")
    };
    for line in lines {
        assert_eq!(undone(1, line), "", "{line}");
        assert_eq!(undone(17, line), undone(33, line), "{line}");
    }
    insta::assert_snapshot!(lines.map(|line| undone(33, line)).join("\n\n"));
    // An image's own disk undoes itself.
    assert_eq!(undone(33, "ln fe:one/one-43 kvm1:DIR/disk.1 12 101"), "");
}

/// oned names only the target of a live migration when it cleans up in its midst (contract, 5.4).
#[test]
fn a_clean_up_lets_go_at_the_source_as_well() {
    let line = "delete kvm2:DIR/disk.1 12 101";
    let planned = |state| plan_of(&stayed(state, &["kvm1", "kvm2"]), line);
    for state in [0, 15, 23] {
        let planned = planned(state);
        for host in ["kvm2: {", "kvm1: {"] {
            assert!(
                planned
                    .lines()
                    .any(|line| line.starts_with(host) && line.contains("detach")),
                "{planned}"
            );
        }
    }
    // At an ordinary end the disk is where the VM is; the source is asked if it still holds it.
    let ordinary = planned(11);
    let mut asked = ordinary.lines().filter(|line| line.contains("kvm1"));
    assert!(
        asked.all(|line| line.starts_with("held at kvm2: first, ")),
        "{ordinary}"
    );
}

/// What should have followed a live migration did not come through: the old source has the lease when the VM ends.
#[test]
fn an_end_lets_go_at_a_source_that_still_holds_the_lease() {
    let planned = |line| plan_of(&stayed(11, &["kvm1", "kvm2"]), line);
    insta::assert_snapshot!(
        [
            planned("mvds kvm2:DIR/disk.1 one/one-43 12 101"),
            planned("delete kvm2:DIR/disk.1 12 101"),
        ]
        .join("\n\n")
    );
}

/// Images that several VMs may have at once: cached if nobody writes them, never handed over, and let go by their links.
#[test]
fn images_of_several_vms() {
    let vm = |attribute: &str| {
        let own = "<SOURCE>one/one-43</SOURCE>";
        let text = VM.replace(own, &format!("{own}<{attribute}>YES</{attribute}>"));
        text.replace(
            "<HISTORY>",
            "<HISTORY><HOSTNAME>kvm0</HOSTNAME><DS_ID>100</DS_ID></HISTORY><HISTORY>",
        )
    };
    let cleaned_up = |vm: &str| vm.replace("<LCM_STATE>3<", "<LCM_STATE>23<");
    let moved = |vm: &str| vm.replace("<LCM_STATE>3<", "<LCM_STATE>60<");
    let migrations = ["premigrate", "postmigrate", "failmigrate"]
        .map(|action| plan_of(&vm("SHAREABLE"), &format!("{action} kvm0 kvm1 DIR 12 100")));
    let only = |planned: &str| {
        let lines = planned.lines().filter(|line| line.contains("one-43"));
        lines.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(
        [
            plan_of(&vm("SHAREABLE"), "ln fe:one/one-43 kvm1:DIR/disk.1 12 101"),
            plan_of(&vm("READONLY"), "ln fe:one/one-43 kvm1:DIR/disk.1 12 101"),
            only(&migrations.join("\n")),
            plan_of(
                &moved(&vm("SHAREABLE")),
                "mv kvm0:DIR/disk.1 kvm1:DIR/disk.1 12 101"
            ),
            plan_of(&vm("READONLY"), "delete kvm1:DIR/disk.1 12 101"),
            plan_of(&vm("SHAREABLE"), "mvds kvm1:DIR/disk.1 one/one-43 12 101"),
            plan_of(
                &cleaned_up(&vm("READONLY")),
                "delete kvm1:DIR/disk.1 12 101"
            ),
        ]
        .join("\n\n")
    );
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

#[test]
fn volatile_disks() {
    insta::assert_snapshot!(plans(&[
        "mkimage 1024 raw kvm1:DIR/disk.2 12 100",
        "mkimage 1024 ext4 kvm1:DIR/disk.2 12 100",
        "mkimage 1024 qcow2 kvm1:DIR/disk.2 12 100",
        "mkimage 1024 warpfs kvm1:DIR/disk.2 12 100",
        "mkswap 512 kvm1:DIR/disk.2 12 100",
    ]));
    let raw = VM.replace(
        "<TYPE>fs</TYPE>",
        "<TYPE>fs</TYPE><DRIVER>raw</DRIVER><FS>xfs</FS>",
    );
    let planned = plan_of(&raw, "mkimage 1024 qcow2 kvm1:DIR/disk.2 12 100");
    assert!(planned.contains("\"filesystem\":\"xfs\""), "{planned}");
}

/// The front-end means "nowhere", unless the VM runs there.
#[test]
fn a_front_end_that_is_a_host() {
    let vm = VM.replace("<HOSTNAME>kvm1<", "<HOSTNAME>fe<");
    let planned = plan_of(&vm, "clone fe:one/one-42 fe:DIR/disk.0 12 101");
    assert_eq!(
        planned
            .lines()
            .filter(|line| line.starts_with("fe: "))
            .count(),
        3,
        "{planned}"
    );
    assert_eq!(plan("mvds fe:DIR/disk.1 one/one-43 12 101"), "");
}

/// A guest that opens the image in Ceph would write beside the cache. What is there of such a disk can be taken down.
#[test]
fn a_disk_that_is_not_opened_by_its_link_is_refused() {
    let typed = |what: &str| {
        let disk = format!("<TM_MAD>warmblock</TM_MAD><SOURCE>one/one-43</SOURCE>{what}");
        let vm = stayed(8, &["kvm1", "kvm2"]);
        let made = vm.replace(
            "<TM_MAD>warmblock</TM_MAD><SOURCE>one/one-43</SOURCE>",
            &disk,
        );
        assert_ne!(vm, made);
        made
    };
    let calls = [
        "ln fe:one/one-43 kvm2:DIR/disk.1 12 101",
        "mv kvm1:DIR/disk.1 kvm2:DIR/disk.1 12 101",
        "context /var/lib/one/vms/12/context.sh kvm2:DIR/disk.4 12 100",
        "premigrate kvm1 kvm2 DIR 12 100",
    ];
    for what in ["RBD", "RBD_CDROM", "FILE"] {
        let vm = typed(&format!("<TYPE>{what}</TYPE>"));
        for line in calls {
            let planned = plan_of(&vm, line);
            assert!(
                planned.contains(&format!("of the type {what}:")),
                "{planned}"
            );
        }
        for line in [
            "mvds kvm2:DIR/disk.1 one/one-43 12 101",
            "delete kvm2:DIR/disk.1 12 101",
        ] {
            assert!(plan_of(&vm, line).contains("detach"), "{line}");
        }
        let away = vm.replace("<LCM_STATE>8<", "<LCM_STATE>10<");
        let away = plan_of(&away, "mv kvm2:DIR/disk.1 fe:DIR/disk.1 12 101");
        assert!(away.contains("detach"), "{away}");
    }
    let cd = "<TYPE>CDROM</TYPE><DISK_TYPE>RBD</DISK_TYPE>";
    assert!(plan_of(&typed(cd), calls[0]).contains("of the type RBD:"));
    for good in [
        "<TYPE>BLOCK</TYPE>",
        "<TYPE>BLOCK</TYPE><DISK_TYPE>RBD</DISK_TYPE>",
        "<TYPE>CDROM</TYPE><DISK_TYPE>BLOCK</DISK_TYPE>",
        "<TYPE>CDROM</TYPE>",
    ] {
        assert!(plan_of(&typed(good), calls[0]).contains("attach"), "{good}");
    }
    let swap = |how: &str| {
        VM.replace(
            "<TYPE>fs</TYPE>",
            &format!("<TYPE>swap</TYPE><DISK_TYPE>{how}</DISK_TYPE>"),
        )
    };
    let line = "mkswap 512 kvm1:DIR/disk.2 12 100";
    assert!(plan_of(&swap("FILE"), line).contains("of the type FILE:"));
    assert!(plan_of(&swap("BLOCK"), line).contains("attach"));
}

/// oned has the front-end's name from its configuration or the resolver, and not from the machine.
#[test]
fn a_front_end_by_its_other_name() {
    for line in [
        "mvds fe.example.org:DIR/disk.1 one/one-43 12 101",
        "delete fe.example.org:DIR/disk.0 12 101",
        "delete fe.example.org:DIR/disk.1 12 101",
        "delete fe.example.org:DIR 12 100",
        "cpds fe.example.org:DIR/disk.0 one/one-77 -1 12 101",
        "snap_create fe.example.org:DIR/disk.0 0 12 101",
        "snap_delete fe.example.org:DIR/disk.0 0 12 101",
        "resize fe.example.org:DIR/disk.0 30720 12 101",
    ] {
        assert_eq!(
            plan(line),
            plan(&line.replace(".example.org", "")),
            "{line}"
        );
        assert!(!plan(line).contains("fe.example.org"), "{line}");
    }
    assert!(plan("delete fe.example.org:DIR 12 100").starts_with("this machine: "));
    // What is made is made where it is asked for, whatever the VM's document says.
    assert!(plan("ln fe:one/one-43 kvm7:DIR/disk.1 12 101").starts_with("kvm7: "));
}

/// A bridge that is dead does not keep a VM that is nowhere from being acted on, and each has its turn.
#[test]
fn a_vm_that_is_nowhere_has_all_bridges() {
    let bridges = DATASTORE.replace(">c1<", ">c1 c2<");
    let lines = [
        "resize fe:DIR/disk.0 30720 12 101",
        "snap_delete fe:DIR/disk.0 0 12 101",
        "cpds fe:DIR/disk.0 one/one-77 -1 12 101",
    ];
    let planned = lines.map(|line| format!("# {line}\n{}", plan_with(VM, &bridges, line)));
    insta::assert_snapshot!(planned.join("\n\n"));
    let odd = VM.replace("<ID>12<", "<ID>13<");
    let planned = plan_with(&odd, &bridges, "resize fe:DIR/disk.0 30720 13 101");
    assert!(planned.starts_with("c2: "), "{planned}");
}

/// No bridge is named: the host that had it last acts, and a VM that never had one can only be told of (contract, 6.3.13).
#[test]
fn a_vm_that_is_nowhere_without_a_bridge() {
    let none = DATASTORE.replace("<BRIDGE_LIST>c1</BRIDGE_LIST>", "");
    let lines = [
        "resize fe:DIR/disk.0 30720 12 101",
        "snap_delete fe:DIR/disk.0 0 12 101",
        "cpds fe:DIR/disk.0 one/one-77 -1 12 101",
    ];
    let begin = VM.find("<HISTORY>").unwrap();
    let nowhere = format!("{}</HISTORY_RECORDS></VM>", &VM[..begin]);
    for line in lines {
        let planned = plan_with(VM, &none, line);
        let there = |line: &str| line.contains("kvm1: ");
        assert!(
            !planned.is_empty() && planned.lines().all(there),
            "{planned}"
        );
        let planned = plan_with(&nowhere, &none, line);
        assert!(
            planned.contains("no host is known that reaches Ceph"),
            "{planned}"
        );
    }
}

/// The kind of a move says which side is "nowhere", and a delete means either of the last two stays.
#[test]
fn a_front_end_that_is_left_or_reached() {
    let mut planned = Vec::new();
    for (state, hosts, line) in [
        (
            8,
            &["fe", "kvm2"][..],
            "mv fe:DIR/disk.0 kvm2:DIR/disk.0 12 101",
        ),
        (8, &["fe", "kvm2"], "mv fe:DIR kvm2:DIR 12 100"),
        (
            8,
            &["kvm2", "fe"],
            "mv kvm2:DIR/disk.0 fe:DIR/disk.0 12 101",
        ),
        (30, &["fe"], "mv fe:DIR/disk.0 fe:DIR/disk.0 12 101"),
        (30, &["fe"], "mv fe:DIR fe:DIR 12 100"),
        (30, &["fe", "kvm2"], "mv kvm2:DIR fe:DIR 12 100"),
        (31, &["fe", "fe"], "mv fe:DIR/disk.0 fe:DIR/disk.0 12 101"),
        (31, &["fe", "kvm2"], "mv fe:DIR kvm2:DIR 12 100"),
        (
            60,
            &["fe", "kvm2"],
            "mv fe:DIR/disk.1 kvm2:DIR/disk.1 12 101",
        ),
        (0, &["fe", "kvm2"], "delete fe:DIR/disk.1 12 101"),
        (0, &["fe", "kvm1", "kvm2"], "delete fe:DIR/disk.1 12 101"),
    ] {
        let planned_line = plan_of(&stayed(state, hosts), line);
        planned.push(format!(
            "# in state {state}, on {}: {line}\n{planned_line}",
            hosts.join(", ")
        ));
    }
    insta::assert_snapshot!(planned.join("\n\n"));
    let live = plan_of(
        &stayed(4, &["fe", "kvm2"]),
        "failmigrate fe kvm2 DIR 12 100",
    );
    assert!(live.contains("fe: ") && live.contains("kvm2: "), "{live}");
}

/// A migration that ended half way leaves the disk on the other host, and a dead host leaves it to the bridges.
#[test]
fn a_disk_that_goes_wherever_it_is() {
    let bridges = DATASTORE.replace(">c1<", ">c1 kvm1 c2<");
    insta::assert_snapshot!(plan_with(
        &stayed(23, &["kvm1", "kvm2"]),
        &bridges,
        "delete kvm2:DIR/disk.0 12 101"
    ));
}

/// A VM that is recreated finds what its earlier stays left; the host where it is now is none of them.
#[test]
fn a_new_stay_takes_over_what_earlier_ones_left() {
    let line = "clone fe:one/one-42 kvm1:DIR/disk.0 12 101";
    let planned = plan_of(&stayed(1, &["kvm1", "kvm3", "kvm2", "kvm1"]), line);
    assert!(
        planned.contains(r#""left_by":["kvm2","kvm3"]"#),
        "{planned}"
    );
    assert!(!plan(line).contains("left_by"));
}

/// What an earlier stay of the VM left under the name is told from what this one made.
#[test]
fn a_stay_has_its_own_disks() {
    let line = "clone fe:one/one-42 kvm1:DIR/disk.0 12 101";
    let later = VM.replace("<HISTORY>", "<HISTORY><SEQ>3</SEQ>");
    assert!(plan(line).contains("\"VM 12, disk 0, stay 0\""));
    assert!(plan_of(&later, line).contains("\"VM 12, disk 0, stay 3\""));
}

/// It keeps nobody from going who does not need it, and is told by whoever does.
#[test]
fn a_bad_word_of_a_datastore() {
    let bad = |words: &str| DATASTORE.replace("<BRIDGE_LIST>c1</BRIDGE_LIST>", words);
    for words in [
        "<LIMIT_TRANSFER_BW>10MB/s</LIMIT_TRANSFER_BW>",
        "<BRIDGE_LIST>c1,c2</BRIDGE_LIST>",
        "<BRIDGE_LIST>oneadmin@c1</BRIDGE_LIST>",
        "<EC_POOL_NAME>a/b</EC_POOL_NAME>",
    ] {
        for line in [
            "delete kvm1:DIR/disk.0 12 101",
            "delete kvm1:DIR/disk.2 12 100",
            "delete kvm1:DIR 12 100",
            "mvds kvm1:DIR/disk.1 one/one-43 12 101",
            "mv kvm1:DIR/disk.0 kvm2:DIR/disk.0 12 101",
        ] {
            assert_eq!(
                plan_with(VM, &bad(words), line),
                plan_with(VM, &bad(""), line)
            );
        }
    }
    let error = planned_with(
        VM,
        &bad("<EC_POOL_NAME>a/b</EC_POOL_NAME>"),
        "mkswap 512 kvm1:DIR/disk.2 12 100",
    );
    let error = error.unwrap_err().chain();
    assert!(error.contains("EC_POOL_NAME"), "{error}");
    // Those of a list that can be asked are.
    let some = bad("<BRIDGE_LIST>oneadmin@c1 c2</BRIDGE_LIST>");
    let planned = plan_with(VM, &some, "snap_delete fe:DIR/disk.0 0 12 101");
    assert!(planned.starts_with("c2: "), "{planned}");
}

/// The disk is on no host: nothing is taken down, and the image goes back all the same.
#[test]
fn a_snapshot_of_a_disk_that_is_nowhere_is_gone_back_to() {
    insta::assert_snapshot!(plan("snap_revert fe:DIR/disk.0 0 12 101"));
}

/// It would be taken for let go, and be up and dirty.
/// In the trash a clone would keep its parent from being removed, and there is nothing in it that oned could give back.
#[test]
fn what_was_made_for_a_vm_does_not_go_to_the_trash() {
    let trash = "<CEPH_TRASH>YES</CEPH_TRASH>";
    let vm = VM.replace("<SIZE>20480", &format!("{trash}<SIZE>20480"));
    let datastore = DATASTORE.replace("<POOL_NAME>", &format!("{trash}<POOL_NAME>"));
    for disk in ["disk.0 12 101", "disk.2 12 100"] {
        let planned = plan_with(&vm, &datastore, &format!("delete kvm1:DIR/{disk}"));
        assert!(planned.contains("\"verb\":\"remove\""), "{planned}");
        assert!(!planned.contains("discard\""), "{planned}");
    }
}

#[test]
fn an_image_that_is_not_the_disks_is_not_let_go() {
    let error = planned_with(VM, DATASTORE, "mvds kvm1:DIR/disk.1 one/one-44 12 101").unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(error.chain().contains("one/one-43"), "{}", error.chain());
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
