use super::*;
use crate::error::{Error, Kind};
use crate::exec::Status;
use crate::model::Role;

fn vg() -> VgName {
    "ssd".parse().unwrap()
}

fn lv(role: Role) -> LvName {
    let key: crate::model::DiskKey = "801945f3-3-ab12".parse().unwrap();
    key.lv(role)
}

fn failed(stderr: &str) -> ExecError {
    ExecError::Failed {
        cmd: "lvm".into(),
        status: Status::Code(5),
        stderr: stderr.into(),
    }
}

#[test]
fn argv() {
    let tags = [Tag::ours(), Tag::pair("image", "rbd/a b").unwrap()];
    let shown: Vec<String> = [
        vgs(report::VG_COLUMNS, &vg()),
        vgs(report::PV_COLUMNS, &vg()),
        lvs("@warmblock"),
        lvcreate(&vg(), &lv(Role::Data), Bytes(100_000_000), &tags),
        lvremove(&vg(), &[&lv(Role::Data), &lv(Role::Meta)]),
        lvchange(&vg(), &lv(Role::Meta)).arg("-ay"),
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    vgs --reportformat json --units b --nosuffix --binary -o vg_name,vg_size,vg_free,vg_extent_size ssd
    vgs --reportformat json --units b --nosuffix --binary -o pv_name ssd
    lvs --reportformat json --units b --nosuffix --binary -o vg_name,lv_name,lv_uuid,lv_size,lv_kernel_major,lv_kernel_minor,lv_tags @warmblock
    lvcreate --yes --wipesignatures y --zero y --addtag warmblock --addtag 'warmblock.image=rbd/a#20b' --size 100000256b --name wb-801945f3-3-ab12-data ssd
    lvremove --yes ssd/wb-801945f3-3-ab12-data ssd/wb-801945f3-3-ab12-meta
    lvchange --yes ssd/wb-801945f3-3-ab12-meta -ay
    ");
}

#[test]
fn paths() {
    let (exec, roots) = (Exec::new([]), Roots::default());
    let lvm = Lvm::new(&exec, &roots);
    assert_eq!(
        lvm.path(&vg(), &lv(Role::Meta)).to_str(),
        Some("/dev/ssd/wb-801945f3-3-ab12-meta")
    );
    let mapper = "/dev/mapper/ssd-wb--801945f3--3--ab12--meta";
    assert_eq!(
        lvm.mapper_path(&vg(), &lv(Role::Meta)).to_str(),
        Some(mapper)
    );
}

#[test]
fn disks_of_a_group() {
    let text = r#"{"report": [{"vg": [{"pv_name":"/dev/sdb"}, {"pv_name":"/dev/mapper/ssd c"}]}]}"#;
    assert_eq!(
        report::pvs(text).unwrap(),
        ["/dev/sdb", "/dev/mapper/ssd c"]
    );
    assert!(report::pvs("{}").is_err());
}

/// Recorded: LVM 2.03.16.
#[test]
fn reports() {
    let text = r#"{"report": [{"vg": [
        {"vg_name":"ssd", "vg_size":"2143289344", "vg_free":"2134900736", "vg_extent_size":"4194304"}
    ]}]}"#;
    let expected = Vg {
        name: vg(),
        size: Bytes(2_143_289_344),
        free: Bytes(2_134_900_736),
        extent: Bytes::mib(4),
    };
    assert_eq!(report::vgs(text).unwrap(), [expected]);

    let text = r#"{"report": [{"lv": [
        {"vg_name":"ssd", "lv_name":"wb-801945f3-3-ab12-meta", "lv_uuid":"fA383h-nvB3-qFs7-K9l2-cNl4-Gpyn-WQ0Iff", "lv_size":"8388608", "lv_kernel_major":"254", "lv_kernel_minor":"0", "lv_tags":"warmblock,warmblock.image=rbd/a#20b"},
        {"vg_name":"ssd", "lv_name":"wb-801945f3-3-ab12-data", "lv_uuid":"x", "lv_size":"4194304", "lv_kernel_major":"-1", "lv_kernel_minor":"-1", "lv_tags":""},
        {"vg_name":"ssd", "lv_name":"wb-shared", "lv_uuid":"x", "lv_size":"4194304", "lv_kernel_major":"254", "lv_kernel_minor":"1", "lv_tags":"warmblock"},
        {"vg_name":"ssd", "lv_name":"mine", "lv_uuid":"x", "lv_size":"4194304", "lv_kernel_major":"-1", "lv_kernel_minor":"-1", "lv_tags":"warmblock"}
    ]}]}"#;
    let found = report::lvs(text).unwrap();
    let ([meta, data], [_]) = (&found.slices[..], &found.shared[..]) else {
        panic!("{found:?}")
    };
    assert_eq!(found.of(&meta.name.key), found.slices);
    assert_eq!(found.of(&"801945f3-3-cd34".parse().unwrap()), []);
    assert_eq!(
        (meta.name.clone(), meta.num),
        (lv(Role::Meta), "254:0".parse().ok())
    );
    assert_eq!(meta.tag("image").as_deref(), Some("rbd/a b"));
    assert_eq!(
        (data.num, data.size, data.tags.len()),
        (None, Bytes::mib(4), 0)
    );

    assert_eq!(
        report::lvs(r#"{"report": [{"lv": []}]}"#).unwrap(),
        Volumes::default()
    );
    for damaged in [
        "",
        "{",
        r#"{"report": [{"lv": [{"vg_name":"ssd"}]}]}"#,
        &text.replace("8388608", "8.00m"),
    ] {
        assert!(report::lvs(damaged).is_err(), "{damaged:?} was taken");
    }
}

/// Recorded: LVM 2.03.16.
#[test]
fn what_lvm_says_is_understood() {
    let explained = |stderr| explain(failed(stderr), &vg(), Some(&lv(Role::Data)));
    assert!(matches!(
        explained("Volume group \"ssd\" not found\n  Cannot process volume group ssd"),
        LvmError::NoVg(_)
    ));
    assert!(matches!(
        explained(
            "Logical Volume \"wb-801945f3-3-ab12-data\" already exists in volume group \"ssd\""
        ),
        LvmError::Exists { .. }
    ));
    let missing = "Failed to find logical volume \"ssd/wb-801945f3-3-ab12-data\"";
    assert!(matches!(explained(missing), LvmError::NotFound { .. }));
    assert!(matches!(
        explained("Logical volume ssd/x is used by another device."),
        LvmError::Busy { .. }
    ));
    assert!(matches!(
        explained("Logical volume ssd/x in use."),
        LvmError::Busy { .. }
    ));
    assert!(matches!(explained("Disk on fire"), LvmError::Exec(_)));
}

#[test]
fn volumes_that_are_gone_already_are_no_error() {
    let missing =
        "Failed to find logical volume \"ssd/a\"\n  Failed to find logical volume \"ssd/b\"";
    assert!(only_missing(&failed(missing)) && !only_missing(&failed("")));
    assert_eq!(absent_or_removed(&failed(missing), 2), Change::Absent);
    assert_eq!(absent_or_removed(&failed(missing), 3), Change::Removed);
    assert!(!only_missing(&failed(&format!(
        "{missing}\n  Volume group ssd is exported"
    ))));
}

#[test]
fn a_full_group_is_told_in_sizes_with_a_remedy() {
    let full = LvmError::Full {
        vg: vg(),
        wanted: Bytes::gib(8),
        free: Bytes::gib(2),
    };
    let error = Error::from(full);
    assert_eq!(error.kind(), Kind::NoSpace);
    assert_eq!(
        error.to_string(),
        "volume group ssd has 2 GiB free, 8 GiB are wanted"
    );
    assert!(error.remedy_text().is_some());
}
