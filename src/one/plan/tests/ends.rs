//! What is let go at the end of a disk, and what is not.

use super::*;

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
}

/// The same of an image's own disk: it is let go, and keeps all that it has. What is not the disk that was to come stays.
#[test]
fn an_image_that_could_not_be_attached_is_let_go() {
    let line = "ln fe:one/one-43 kvm1:DIR/disk.1 12 101";
    assert!(!plan_in(1, line).contains("undo, "));
    for state in [17, 33] {
        let planned = plan_in(state, line);
        let undo: Vec<&str> = planned
            .lines()
            .filter(|line| line.starts_with("undo, "))
            .collect();
        let link = "\"link\":\"/var/lib/one/datastores/100/12/disk.1\",\"linked\":true";
        let let_go = format!(
            "undo, kvm1: {{\"image\":\"one/one-43\",{link},\"op\":\"detach\"}} (or NotFound)"
        );
        assert_eq!(undo, [let_go], "{planned}");
    }
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
fn another_vms_directory_stays() {
    let other = plan("delete kvm1:/var/lib/one/datastores/100/13 12 100");
    assert!(
        other.contains("13 is not the directory of VM 12"),
        "{other}"
    );
}
