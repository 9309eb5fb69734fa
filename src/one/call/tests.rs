//! The call vectors of the contract, 9.2.

use super::*;
use crate::one::{DatastoreId, DiskId, Megabytes, SnapshotId, VmId};

fn tm(line: &str) -> Result<TmCall> {
    match call(Family::Transfer, line)? {
        Call::Transfer(call) => Ok(call),
        Call::Datastore(_) => unreachable!(),
    }
}

fn call(family: Family, line: &str) -> Result<Call> {
    let mut words = line.split_whitespace().map(str::to_owned);
    let action = words.next().unwrap_or_default();
    Call::parse(family, &action, &words.collect::<Vec<_>>())
}

fn dir(vm: u32) -> VmDir {
    VmDir {
        datastores: "/var/lib/one/datastores".into(),
        datastore: DatastoreId(100),
        vm: VmId(vm),
    }
}

fn disk(number: u32) -> DiskPlace {
    DiskPlace {
        dir: dir(12),
        disk: DiskId(number),
    }
}

fn node(name: &str) -> Node {
    name.parse().unwrap()
}

#[test]
fn a_clone() {
    let wanted = TmCall::Clone {
        source: "one/one-42".parse().unwrap(),
        host: node("kvm1"),
        place: Place::Disk(disk(0)),
        vm: VmId(12),
        datastore: DatastoreId(101),
    };
    let doubled = "fe1:one/one-42 kvm1:/var/lib/one//datastores/100/12/disk.0 12 101";
    assert_eq!(tm(&format!("clone {doubled}")).unwrap(), wanted);
    assert_eq!(tm(&format!("clone.ssh {doubled}")).unwrap(), wanted);
    assert_eq!(wanted.vm(), Some(VmId(12)));
}

#[test]
fn a_kernel_is_a_file() {
    let call = tm(
        "clone fe1:/var/lib/one/datastores/2/abc kvm1:/var/lib/one/datastores/100/12/kernel 12 2",
    )
    .unwrap();
    let TmCall::Clone { place, source, .. } = call else {
        panic!("no clone")
    };
    assert_eq!(source.as_str(), "/var/lib/one/datastores/2/abc");
    assert!(matches!(place, Place::File { name, .. } if name == "kernel"));
    assert!(tm("ln fe1:one/x kvm1:/var/lib/one/datastores/100/12/kernel 12 2").is_err());
}

#[test]
fn context_is_read_from_the_right() {
    let line = "context /var/lib/one/vms/12/context.sh /var/lib/one/datastores/2/f1:name kvm1:/var/lib/one/datastores/100/12/disk.4 12 100";
    let TmCall::Context { files, disk, .. } = tm(line).unwrap() else {
        panic!("no context")
    };
    assert_eq!(files.len(), 2);
    assert_eq!(disk.disk, DiskId(4));
    assert_eq!(
        disk.path().to_str(),
        Some("/var/lib/one/datastores/100/12/disk.4")
    );
}

#[test]
fn moves_name_disks_or_the_directory() {
    let disks = tm("mv kvm1:/var/lib/one/datastores/100/12/disk.0 fe1:/var/lib/one/datastores/100/12/disk.0 12 101").unwrap();
    assert!(matches!(
        disks,
        TmCall::Mv {
            from: (_, Place::Disk(_)),
            ..
        }
    ));
    let whole =
        tm("mv kvm1:/var/lib/one//datastores/100/12 kvm2:/var/lib/one//datastores/100/12 12 100")
            .unwrap();
    assert!(matches!(whole, TmCall::Mv { to: (_, Place::Directory(to)), .. } if to == dir(12)));
}

#[test]
fn copies_are_of_now_or_of_a_snapshot() {
    let of = |line: &str| match tm(line).unwrap() {
        TmCall::Cpds { snapshot, .. } => snapshot,
        other => panic!("{other:?}"),
    };
    assert_eq!(of("cpds kvm1:/d/100/12/disk.0 one/one-77 -1 12 101"), None);
    assert_eq!(
        of("cpds kvm1:/d/100/12/disk.0 one/one-77 3 12 101"),
        Some(SnapshotId(3))
    );
    assert_eq!(of("cpds kvm1:/d/100/12/disk.0 one/one-77 12 101"), None);
}

#[test]
fn what_is_deleted_lies_in_a_datastore() {
    assert!(matches!(
        tm("delete kvm1:/var/lib/one/datastores/100/12 12 100").unwrap(),
        TmCall::Delete {
            place: Place::Directory(_),
            ..
        }
    ));
    for bad in [
        "/",
        "",
        "/12",
        "/100/12",
        "relative/100/12",
        "/d/100/../12",
        "/d/100/12/other",
        "/d/one/12",
    ] {
        assert!(tm(&format!("delete kvm1:{bad} 12 100")).is_err(), "{bad}");
    }
    assert!(tm("delete -oProxyCommand=x:/d/100/12 12 100").is_err());
    assert!(tm("delete kvm1;reboot:/d/100/12 12 100").is_err());
}

#[test]
fn migrations_of_all_ages() {
    let five = "premigrate kvm1 kvm2 /var/lib/one//datastores/100/12 12 100";
    let read = |line: &str| match tm(line).unwrap() {
        TmCall::Premigrate(call) => call,
        other => panic!("{other:?}"),
    };
    let call = read(five);
    assert_eq!(
        (call.dir, call.caller, call.document),
        (dir(12), None, None)
    );
    assert_eq!(
        read(&format!("{five} fs_lvm")).caller.unwrap().as_str(),
        "fs_lvm"
    );
    let document = "PFZNPg==".repeat(20);
    assert_eq!(
        read(&format!("{five} {document}")).document,
        Some(document.clone())
    );
    assert_eq!(
        read(&format!("{five} {document} ceph"))
            .caller
            .unwrap()
            .as_str(),
        "ceph"
    );
    assert!(tm("failmigrate kvm1 kvm2 /var/lib/one//datastores/100/12 12 100").is_ok());
}

#[test]
fn sizes_are_megabytes() {
    let TmCall::Resize { size, .. } = tm("resize kvm1:/d/100/12/disk.0 20480 12 101").unwrap()
    else {
        panic!("no resize")
    };
    assert_eq!(size, Megabytes(20480));
    assert!(tm("mkswap 512 kvm1:/d/100/12/disk.3 12 100").is_ok());
    assert!(tm("mkimage 1024 raw kvm1:/d/100/12/disk.2 12 100").is_ok());
    assert!(tm("mkimage -1 raw kvm1:/d/100/12/disk.2 12 100").is_err());
}

#[test]
fn backups() {
    let TmCall::Prebackup { live: true, call } =
        tm("prebackup_live kvm1:/d/100/12 0:2:3 one-12 - 12 100").unwrap()
    else {
        panic!("no prebackup")
    };
    assert_eq!(call.disks, [DiskId(0), DiskId(2), DiskId(3)]);
    assert_eq!(call.job, None);
    let TmCall::Restore(call) = tm("restore kvm1:/d/100/12 12 55 -1 2").unwrap() else {
        panic!("no restore")
    };
    assert_eq!((call.increment, call.disk), (None, Some(DiskId(2))));
}

#[test]
fn datastore_calls_of_all_ages() {
    let read = |line: &str| match call(Family::Datastore, line).unwrap() {
        Call::Datastore(call) => call,
        Call::Transfer(_) => unreachable!(),
    };
    let document = "PERTPg";
    for (line, stdin) in [
        ("cp 7", "PERTPg==\n"),
        ("cp - 7", "PERTPg\n"),
        ("cp PERTPg== 7", ""),
        ("cp PERTPg 7", ""),
    ] {
        let call = read(line);
        assert_eq!((call.action, call.id), (DsAction::Cp, 7));
        assert_eq!(
            call.input.document(stdin.as_bytes()).unwrap(),
            "<DS>",
            "{line} {document}"
        );
    }
    assert!(read("cp 7").input.document("".as_bytes()).is_err());
    assert!(read("cp 7").input.document("<DS>".as_bytes()).is_err());
    assert!(call(Family::Datastore, "cp").is_err());
    assert!(call(Family::Datastore, "backup 7").is_err());
}

/// `monitor` of the transfer manager's is called as the datastore's actions are (contract, 1.7 and 1.8).
#[test]
fn how_full_a_system_datastore_is_asked_at_all_ages() {
    for (line, stdin) in [
        ("monitor 100", "PERTPg==\n"),
        ("monitor - 100", "PERTPg\n"),
        ("monitor PERTPg== 100", ""),
    ] {
        let TmCall::Monitor { datastore, input } = tm(line).unwrap() else {
            panic!("{line} is something else")
        };
        assert_eq!(datastore, DatastoreId(100), "{line}");
        let document = input.document(stdin.as_bytes()).unwrap();
        assert_eq!(document, "<DS>", "{line}");
    }
    assert!(tm("monitor").is_err() && tm("monitor a b 100").is_err());
    assert!(tm("monitor PERTPg== x").is_err());
}

#[test]
fn what_is_no_call_says_what_one_is() {
    let error = tm("clone one two").unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    assert!(
        error
            .chain()
            .contains("clone FE:SOURCE HOST:SYSDIR/disk.N VMID DSID"),
        "{}",
        error.chain()
    );
    assert!(
        tm("dance")
            .unwrap_err()
            .chain()
            .contains("no driver action")
    );
}

/// Every vector of 9.2 is read, by its plain name and with a suffix; what has an argument too few or too many is not.
#[test]
fn the_vectors_of_the_contract() {
    let vectors = [
        "clone fe1:one/one-42 kvm1:/var/lib/one//datastores/100/12/disk.0 12 101",
        "clone fe1:/var/lib/one/datastores/2/abc kvm1:/var/lib/one//datastores/100/12/kernel 12 2",
        "ln fe1:one/one-43 kvm1:/var/lib/one//datastores/100/12/disk.1 12 101",
        "mkimage 1024 raw kvm1:/var/lib/one//datastores/100/12/disk.2 12 100",
        "mkimage 1024 qcow2 kvm1:/var/lib/one//datastores/100/12/disk.2 12 100",
        "mkswap 512 kvm1:/var/lib/one//datastores/100/12/disk.3 12 100",
        "mv kvm1:/var/lib/one/datastores/100/12/disk.0 fe1:/var/lib/one/datastores/100/12/disk.0 12 101",
        "mv kvm1:/var/lib/one/datastores/100/12 kvm2:/var/lib/one/datastores/100/12 12 100",
        "mvds kvm1:/var/lib/one/datastores/100/12/disk.1 one/one-43 12 101",
        "delete kvm1:/var/lib/one/datastores/100/12/disk.0 12 101",
        "delete kvm1:/var/lib/one/datastores/100/12 12 100",
        "snap_create kvm1:/var/lib/one/datastores/100/12/disk.0 0 12 101",
        "snap_create_live kvm1:/var/lib/one/datastores/100/12/disk.0 0 12 101",
        "snap_revert kvm1:/var/lib/one/datastores/100/12/disk.0 99 12 101",
        "snap_delete kvm1:/var/lib/one/datastores/100/12/disk.0 0 12 101",
        "resize kvm1:/var/lib/one/datastores/100/12/disk.0 20480 12 101",
    ];
    for line in vectors {
        let call = tm(line).unwrap();
        assert!(
            call.vm() == Some(VmId(12)) && call.datastore().is_some(),
            "{line}"
        );
        let (action, rest) = line.split_once(' ').unwrap();
        assert_eq!(tm(&format!("{action}.ssh {rest}")).unwrap(), call, "{line}");
        assert!(tm(&format!("{line} one_more")).is_err(), "{line}");
        let fewer = line.rsplit_once(' ').unwrap().0;
        assert!(tm(fewer).is_err(), "{fewer}");
    }
    assert_eq!(tm("activate").unwrap(), TmCall::Activate);
}

/// Hosts are apart from paths at the first colon; nothing that a shell or ssh would take for more gets in (9.3).
#[test]
fn words_that_could_do_harm() {
    let host = |word: &str| match tm(&format!("delete {word}:/d/100/12 12 100")) {
        Ok(TmCall::Delete { host, .. }) => Some(host.to_string()),
        _ => None,
    };
    assert_eq!(
        host("kvm1.example.org").as_deref(),
        Some("kvm1.example.org")
    );
    for bad in [
        "",
        "-l",
        "a;b",
        "$(reboot)",
        "a'b",
        "a\"b",
        "a`b`",
        "a|b",
        "a&b",
        "a>b",
    ] {
        assert_eq!(host(bad), None, "{bad:?}");
    }
    for bad in [
        "/d/100/12;reboot",
        "/d/100/$(x)",
        "/d/100/12/disk.-1",
        "/d/100/12/disk.0x",
        "/d/100/12/disk.",
    ] {
        assert!(
            tm(&format!("mvds kvm1:{bad} one/one-1 12 100")).is_err(),
            "{bad:?}"
        );
    }
}
