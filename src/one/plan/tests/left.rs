//! What was left by moves that ended half way, and calls of unusual looks.

use super::*;

/// After a migration whose `vnm` step failed, or whose front-end was lost, nothing is called; after a cold one that is declared a
/// failure neither. The VM starts where it is, and goes elsewhere, all the same.
#[test]
fn what_a_failed_move_left() {
    let mut planned = Vec::new();
    for (state, hosts, line) in [
        (
            2,
            &["kvm1", "kvm2", "kvm1"][..],
            "context /var/lib/one/vms/12/context.sh kvm1:DIR/disk.4 12 100",
        ),
        (
            4,
            &["kvm1", "kvm2", "kvm1", "kvm3"],
            "premigrate kvm1 kvm3 DIR 12 100",
        ),
        (
            31,
            &["kvm1", "kvm2", "kvm1", "kvm3"],
            "mv fe:DIR/disk.1 kvm3:DIR/disk.1 12 101",
        ),
        (
            8,
            &["kvm1", "kvm2", "kvm1", "kvm3"],
            "mv kvm1:DIR/disk.1 kvm3:DIR/disk.1 12 101",
        ),
        (
            9,
            &["kvm1", "kvm2"],
            "ln fe:one/one-43 kvm2:DIR/disk.1 12 101",
        ),
    ] {
        let plan = plan_of(&stayed(state, hosts), line);
        planned.push(format!(
            "# in state {state}, on {}: {line}\n{plan}",
            hosts.join(", ")
        ));
    }
    insta::assert_snapshot!(planned.join("\n\n"));
}

/// After a `postmigrate` that failed the source has the leases still, and the VM goes back there.
#[test]
fn a_vm_that_goes_back_is_let_go_where_it_came_from() {
    let back = stayed(4, &["kvm1", "kvm2", "kvm1"]);
    let planned = plan_of(&back, "premigrate kvm2 kvm1 DIR 12 100");
    let freed = "held at kvm2: first, kvm1: all the same, {\"image\":\"one/one-42-12-0\"";
    assert!(planned.contains(freed), "{planned}");
}

/// Where a VM has never been elsewhere, nobody is asked.
#[test]
fn where_nothing_can_be_left() {
    let first = stayed(4, &["kvm1", "kvm2"]);
    let planned = plan_of(&first, "premigrate kvm1 kvm2 DIR 12 100");
    assert!(!planned.contains("held at"), "{planned}");
    for line in [
        "context /var/lib/one/vms/12/context.sh kvm1:DIR/disk.4 12 100",
        "ln fe:one/one-43 kvm1:DIR/disk.1 12 101",
    ] {
        assert!(!plan(line).contains("held at"), "{}", plan(line));
    }
}

/// A disk that is made anew may be up on the very host: its `delete` failed.
#[test]
fn what_an_earlier_life_left() {
    let vm = stayed(1, &["kvm2", "kvm1"]);
    insta::assert_snapshot!(plan_of(&vm, "clone fe:one/one-42 kvm1:DIR/disk.0 12 101"));
    let planned = plan_of(&vm, "mkswap 512 kvm1:DIR/disk.2 12 100");
    let let_go = |line: &&str| line.starts_with("held at kvm1: first, kvm1: ");
    assert_eq!(planned.lines().filter(let_go).count(), 1, "{planned}");
}

/// Of all the hosts where a VM has been, those of its last moves are asked; the dead one never, whenever it was there.
#[test]
fn hosts_of_old_are_left_alone() {
    let old = ["k0", "k1", "dead", "k2", "k3", "k4", "dead", "kvm2"];
    let planned = plan_of(
        &stayed(60, &old),
        "mv dead:DIR/disk.1 kvm2:DIR/disk.1 12 101",
    );
    let asked: Vec<&str> = planned
        .lines()
        .filter_map(|line| line.strip_prefix("held at kvm2: first, k"))
        .filter(|line| line.contains("detach"))
        .map(|line| &line[..1])
        .collect();
    assert_eq!(asked, ["4", "3", "2", "1"], "{planned}");
    assert!(
        !planned.contains(" dead: ") && !planned.contains("dead: {"),
        "{planned}"
    );
}

/// The failure of a state is repeated as that state is done.
#[test]
fn states_that_mean_the_same() {
    for (state, others) in [
        (10, &[30, 41, 42][..]),
        (9, &[31, 49, 50]),
        (8, &[38]),
        (43, &[44]),
        (45, &[46]),
        (60, &[61]),
    ] {
        for line in [
            "mv kvm1:DIR/disk.1 kvm2:DIR/disk.1 12 101",
            "mv kvm1:DIR kvm2:DIR 12 100",
            "mv kvm1:DIR/disk.0 fe:DIR/disk.0 12 101",
            "mv fe:DIR/disk.0 kvm2:DIR/disk.0 12 101",
        ] {
            let planned = |state| plan_of(&stayed(state, &["kvm1", "kvm2"]), line);
            for other in others {
                assert_eq!(planned(*other), planned(state), "{other}: {line}");
            }
        }
    }
}

/// The host ends at the first colon; the rest is the SOURCE, which for ours is `POOL/IMAGE` or `POOL/NAMESPACE/IMAGE`.
#[test]
fn sources_of_all_looks() {
    let vm = VM.replace("one/one-4", "one/tenant/one-4");
    insta::assert_snapshot!(
        [
            plan_of(&vm, "clone fe:one/tenant/one-42 kvm1:DIR/disk.0 12 101"),
            plan_of(&vm, "ln fe:one/tenant/one-43 kvm1:DIR/disk.1 12 101"),
            plan_of(&vm, "mvds kvm1:DIR/disk.1 one/tenant/one-43 12 101"),
            plan_of(&vm, "delete kvm1:DIR/disk.0 12 101"),
            plan("clone fe:nbd:one:one-42 kvm1:DIR/disk.0 12 101"),
            plan_of(
                &VM.replace("one/one-43", "one/a:b/c"),
                "mvds kvm1:DIR/disk.1 one/a:b/c 12 101"
            ),
        ]
        .join("\n\n")
    );
}

/// Called by the driver of the system datastore, whose the volatile disks are.
#[test]
fn a_migration_that_another_driver_tells_of() {
    let theirs = "<DS_ID>100</DS_ID><TM_MAD>ceph</TM_MAD>";
    let vm = VM.replace("<DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD>", theirs);
    for action in ["premigrate", "postmigrate", "failmigrate"] {
        let planned = plan_of(&vm, &format!("{action} kvm1 kvm2 DIR 12 100 ceph"));
        for (image, ours) in [
            ("one/one-42-12-0", true),
            ("one/one-43", true),
            ("one-sys-12-2", false),
            ("one-44", false),
        ] {
            assert_eq!(planned.contains(image), ours, "{image}: {planned}");
        }
    }
}
