use std::path::Path;

use super::*;
use crate::model::Bytes;

fn spec(word: &str) -> SnapSpec {
    word.parse().unwrap()
}

fn failed(code: i32, stderr: &str) -> ExecError {
    ExecError::Failed {
        cmd: "rbd".into(),
        status: Status::Code(code),
        stderr: stderr.into(),
    }
}

#[test]
fn argv() {
    let client = Client {
        id: "one".parse().ok(),
        conf: Some("/etc/ceph/b.conf".into()),
        keyring: Some("/etc/ceph/key".into()),
        keyfile: Some("/etc/ceph/one.secret".into()),
        cluster: "b".parse().ok(),
    };
    let options = MapOptions {
        exclusive: true,
        read_only: true,
        alloc_size: None,
        queue_depth: Some(64),
        ms_mode: Some(MsMode::PreferCrc),
        extra: vec!["rxbounce".into()],
    };
    let shown: Vec<String> = [
        map(
            &Client::default(),
            &spec("one/-odd"),
            &MapOptions::default(),
        ),
        map(&client, &spec("one/ns/img@snap"), &options),
        unmap(Path::new("/dev/rbd0")),
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    rbd device map --pool=one --image=-odd --options noudev,alloc_size=4096
    rbd device map --id=one --conf=/etc/ceph/b.conf --keyring=/etc/ceph/key --keyfile=/etc/ceph/one.secret --cluster=b --pool=one --namespace=ns --image=img --snap=snap --options noudev,exclusive,ro,queue_depth=64,ms_mode=prefer-crc,rxbounce
    rbd device unmap --options noudev /dev/rbd0
    ");
}

#[test]
fn names_that_would_map_something_else_are_refused() {
    for bad in [
        "one/sp ace",
        "one/a@s 1",
        "o ne/a",
        "one/n s/a",
        "one/n,ro/a",
        "one/n=1/a",
        "one/a\u{a0}b",
    ] {
        let refused = refuse_unmappable(&spec(bad));
        assert!(
            matches!(refused, Err(KrbdError::Unmappable { .. })),
            "{bad:?} was taken"
        );
    }
    for good in ["one/-odd", "one/a,b=c", "one/ns/ü@s"] {
        assert!(
            refuse_unmappable(&spec(good)).is_ok(),
            "{good:?} was refused"
        );
    }
}

/// A sysfs as Linux 6.1 shows it.
fn fake(roots: &Roots, number: u32, changes: &[(&str, &str)]) {
    let dir = roots.sys.join("bus/rbd/devices").join(number.to_string());
    let minor = (number * 16).to_string();
    let recorded = [
        ("client_addr", "10.213.72.11:0/3734171488"),
        ("client_id", "client4133"),
        ("cluster_fsid", "f76ad527-a5fa-4e14-a975-80d89087a3fd"),
        ("current_snap", "-"),
        ("features", "0x000000000000003d"),
        ("image_id", "1018f3aaee32"),
        ("major", "253"),
        ("minor", &minor),
        ("name", "plain"),
        ("pool", "one"),
        ("pool_id", "1"),
        ("pool_ns", ""),
        ("size", "67108864"),
    ];
    for (name, value) in recorded.iter().chain(changes) {
        crate::sys::atomic::write(&dir.join(name), format!("{value}\n").as_bytes()).unwrap();
    }
}

#[test]
fn mappings_are_read_from_sysfs_and_found_by_id() {
    let root = tempfile::tempdir().unwrap();
    let roots = Roots::at(root.path());
    let exec = Exec::new([]);
    let krbd = Krbd::new(&exec, &roots);
    assert_eq!(krbd.list(), []);
    fake(&roots, 10, &[]);
    fake(&roots, 2, &[("current_snap", "s1")]);
    fake(
        &roots,
        3,
        &[
            ("pool_ns", "ns"),
            ("image_id", "10204e660236"),
            ("name", "in"),
        ],
    );
    fake(&roots, 4, &[("pool_id", "damaged")]);
    crate::sys::block::tests::fake(&roots, "253:32", "rbd2", &[("ro", "1")]);

    let all = krbd.list();
    let shown: Vec<String> = all
        .iter()
        .map(|m| format!("{} {} {}", m.number, m.num, m.image))
        .collect();
    assert_eq!(
        shown,
        [
            "2 253:32 one/plain@s1",
            "3 253:48 one/ns/in",
            "10 253:160 one/plain"
        ]
    );
    assert!(all[0].read_only && !all[1].read_only);
    assert_eq!(
        (all[2].features, all[2].client_id, all[2].size),
        (0x3d, 4133, Bytes::mib(64))
    );

    let (fsid, id) = (all[2].fsid.clone(), all[2].image_id.clone());
    let found = krbd.find(&fsid, PoolId(1), &id);
    assert_eq!(found.iter().map(|m| m.number).collect::<Vec<_>>(), [10]);
    assert!(krbd.find(&fsid, PoolId(11), &id).is_empty());

    // the number was given to another mapping meanwhile: nothing is run, nothing is removed
    fake(&roots, 10, &[("client_id", "client9")]);
    assert_eq!(
        krbd.unmap(&found[0], Duration::ZERO).unwrap(),
        Change::Absent
    );
}

/// Recorded: rbd 16.2.15.
#[test]
fn what_rbd_says_is_understood() {
    let explained = |code, stderr| explain(failed(code, stderr), &spec("one/x"));
    assert!(matches!(
        explained(
            2,
            "rbd: error opening image nope: (2) No such file or directory"
        ),
        KrbdError::NotFound(_)
    ));
    assert!(matches!(
        explained(
            6,
            "rbd: sysfs write failed\nrbd: map failed: (6) No such device or address"
        ),
        KrbdError::Unmappable { .. }
    ));
    assert!(matches!(
        explained(13, "rbd: couldn't connect to the cluster!"),
        KrbdError::Cluster { .. }
    ));
    assert!(matches!(
        explained(30, "rbd: map failed: (30) Read-only file system"),
        KrbdError::Locked(_)
    ));
    assert!(matches!(
        explained(
            108,
            "rbd: sysfs write failed\nrbd: map failed: (108) Cannot send after transport endpoint shutdown"
        ),
        KrbdError::Barred(_)
    ));
    assert!(matches!(
        explained(22, "rbd: unknown map option 'frobnicate'"),
        KrbdError::Exec(_)
    ));
    assert_eq!(mapping::number_of("/dev/rbd12\n"), Ok(12));
    assert!(mapping::number_of("rbd: warning").is_err() && mapping::number_of("/dev/rbd").is_err());
}
