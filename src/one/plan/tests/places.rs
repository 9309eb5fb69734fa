//! Which machine does it, where the front-end is a host or a bridge too, or the VM is nowhere.

use super::*;

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
