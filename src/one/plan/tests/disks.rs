//! Whose a disk's image is, and what it is called.

use super::*;

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

/// oned passes on nothing of the datastore to a disk that it has made there; what the disk itself says comes first.
#[test]
fn a_volatile_disk_is_cached_as_its_datastore_says() {
    let words = "<WARMBLOCK_DRIVER>bcache</WARMBLOCK_DRIVER><WARMBLOCK_SIZE>2G</WARMBLOCK_SIZE>";
    let datastore = DATASTORE.replace("<TEMPLATE>", &format!("<TEMPLATE>{words}"));
    let line = "mkimage 1024 raw kvm1:DIR/disk.2 12 100";
    let planned = plan_with(VM, &datastore, line);
    assert!(
        planned.contains("\"driver\":\"bcache\"") && planned.contains("\"size\":2147483648"),
        "{planned}"
    );
    let own = VM.replace(
        "<TYPE>fs</TYPE>",
        "<TYPE>fs</TYPE><WARMBLOCK_DRIVER>none</WARMBLOCK_DRIVER>",
    );
    let planned = plan_with(&own, &datastore, line);
    assert!(planned.contains("\"driver\":\"none\""), "{planned}");
    let link = plan_with(VM, &datastore, "ln fe:one/one-43 kvm1:DIR/disk.1 12 100");
    assert!(!link.contains("bcache"), "{link}");
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
