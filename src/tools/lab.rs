//! The tools for real: a kernel with krbd and dm-cache, a Ceph cluster, a spare SSD. In a throw-away lab host only:
//! `WARMBLOCK_LAB_SSD=/dev/ubda warmblock-… --ignored tools::lab --test-threads 1`, with and without udevd.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use super::krbd::{Client, Krbd, KrbdError, MapOptions, Mapping};
use super::lvm::{Lvm, LvmError, Tag};
use super::{blk, kmod, udev};
use crate::exec::{Cmd, Exec};
use crate::model::{Bytes, Change, DiskKey, Role, VgName};
use crate::sys::{DevNum, Roots};

const SOON: Duration = Duration::from_secs(10);
const NOW: Duration = Duration::from_millis(300);

mod cache;

struct Lab {
    exec: Exec,
    roots: Roots,
    vg: VgName,
}

impl Lab {
    fn new() -> Self {
        let ssd = std::env::var_os("WARMBLOCK_LAB_SSD")
            .expect("WARMBLOCK_LAB_SSD names a disk that may be overwritten");
        let (exec, roots) = (Exec::default(), Roots::default());
        kmod::ensure(
            &exec,
            &roots,
            &["rbd", "dm-mod", "dm-cache", "dm-cache-smq"],
        )
        .unwrap();
        assert_eq!(
            kmod::probe(&exec, &roots, "dm-cache").unwrap(),
            kmod::Module::Present
        );
        assert_eq!(
            kmod::probe(&exec, &roots, "no-such-module").unwrap(),
            kmod::Module::Missing
        );
        if udev::present(&roots) && std::env::var_os("WARMBLOCK_LAB_NO_RULES").is_none() {
            let rules = Path::new("/etc/udev/rules.d").join(udev::RULES_NAME);
            crate::sys::atomic::write_mode(&rules, udev::RULES.as_bytes(), 0o644).unwrap();
            exec.run(&Cmd::change("udevadm").args(["control", "--reload"]))
                .unwrap();
        }
        let lab = Self {
            exec,
            roots,
            vg: "ssd".parse().unwrap(),
        };
        let lvm = Lvm::new(&lab.exec, &lab.roots);
        if matches!(lvm.vg(&lab.vg), Err(LvmError::NoVg(_))) {
            lab.sh(&format!(
                "pvcreate -q {0} && vgcreate -q ssd {0}",
                ssd.display()
            ));
        }
        lab
    }

    /// A step that is not ours to wrap.
    fn sh(&self, script: &str) -> String {
        let cmd = udev::with_dm_env(Cmd::change("sh").arg("-c").arg(script), &self.roots);
        self.exec.run(&cmd).unwrap().text().unwrap().to_owned()
    }

    fn map(&self, image: &str, size: &str) -> Mapping {
        self.sh(&format!(
            "rbd info {image} >/dev/null 2>&1 || rbd create --size {size} {image}"
        ));
        let spec = image.parse().unwrap();
        let krbd = Krbd::new(&self.exec, &self.roots);
        krbd.map(&Client::default(), &spec, &MapOptions::default(), SOON)
            .unwrap()
    }
}

#[test]
#[ignore = "needs a lab host"]
fn krbd_maps_finds_and_unmaps() {
    let lab = Lab::new();
    let krbd = Krbd::new(&lab.exec, &lab.roots);
    for name in ["one/lab-a", "one/-lab-odd"] {
        lab.sh(&format!(
            "rbd create --size 32M --pool one --image={} || true",
            &name[4..]
        ));
        let mapping = lab.map(name, "32M");
        assert_eq!(
            (mapping.image.to_string().as_str(), mapping.size),
            (name, Bytes::mib(32))
        );
        let found = krbd.find(&mapping.fsid, mapping.pool_id, &mapping.image_id);
        assert_eq!(found, std::slice::from_ref(&mapping));
        assert_eq!(DevNum::of(&mapping.device).unwrap(), mapping.num);

        lab.sh(&format!(
            "sleep 3 <{} >/dev/null 2>&1 &",
            mapping.device.display()
        ));
        let busy = krbd.unmap(&mapping, NOW).unwrap_err();
        assert!(matches!(busy, KrbdError::Busy { .. }), "{busy}");
        assert!(busy.to_string().contains("(sleep)"), "{busy}");
        assert_eq!(krbd.unmap(&mapping, SOON).unwrap(), Change::Removed);
        assert_eq!(krbd.unmap(&mapping, SOON).unwrap(), Change::Absent);
    }
    let none = krbd.map(
        &Client::default(),
        &"one/none".parse().unwrap(),
        &MapOptions::default(),
        SOON,
    );
    assert!(matches!(none, Err(KrbdError::NotFound(_))), "{none:?}");
    let journaled = "one/lab-journal".parse().unwrap();
    lab.sh("rbd create --size 32M --image-feature layering,exclusive-lock,journaling one/lab-journal || true");
    let refused = krbd.map(&Client::default(), &journaled, &MapOptions::default(), SOON);
    assert!(
        matches!(refused, Err(KrbdError::Unmappable { .. })),
        "{refused:?}"
    );
    let stranger = Client {
        id: "stranger".parse().ok(),
        ..Client::default()
    };
    let refused = krbd.map(
        &stranger,
        &"one/lab-a".parse().unwrap(),
        &MapOptions::default(),
        SOON,
    );
    assert!(
        matches!(refused, Err(KrbdError::Cluster { .. })),
        "{refused:?}"
    );
}

/// To be run alone, with the cluster's OSDs stopped (SIGSTOP).
#[test]
#[ignore = "needs a lab host whose cluster hangs"]
fn hung_cluster_does_not_hold_a_map_up() {
    let lab = Lab::new();
    let krbd = Krbd::new(&lab.exec, &lab.roots);
    let begun = Instant::now();
    let image = "one/lab-a".parse().unwrap();
    let error = krbd.map(
        &Client::default(),
        &image,
        &MapOptions::default(),
        Duration::from_secs(3),
    );
    let error = crate::Error::from(error.unwrap_err());
    assert_eq!(error.kind(), crate::Kind::Timeout, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10) && krbd.list().is_empty());
}

#[test]
#[ignore = "needs a lab host"]
fn lvm_carves_and_removes_slices() {
    let lab = Lab::new();
    let lvm = Lvm::new(&lab.exec, &lab.roots);
    let key: DiskKey = "801945f3-1-ab12".parse().unwrap();
    let (data, meta) = (key.lv(Role::Data), key.lv(Role::Meta));
    let free = lvm.vg(&lab.vg).unwrap().free;
    let tags = [Tag::ours(), Tag::pair("image", "one/a b#ü").unwrap()];
    let path = lvm
        .create(&lab.vg, &data, Bytes(10_000_000), &tags)
        .unwrap();
    assert!(DevNum::of(&path).is_ok() && DevNum::of(&lvm.mapper_path(&lab.vg, &data)).is_ok());
    assert!(matches!(
        lvm.create(&lab.vg, &data, Bytes::mib(4), &tags),
        Err(LvmError::Exists { .. })
    ));
    assert!(matches!(
        lvm.create(&lab.vg, &meta, Bytes::gib(999), &tags),
        Err(LvmError::Full { .. })
    ));
    lvm.create(&lab.vg, &meta, Bytes::mib(4), &tags).unwrap();

    let found = lvm.lv(&lab.vg, &data).unwrap().unwrap();
    assert_eq!(
        (found.size, found.tag("image").as_deref()),
        (Bytes::mib(12), Some("one/a b#ü"))
    );
    assert_eq!(found.num, DevNum::of(&path).ok());
    assert_eq!(lvm.list().unwrap().slices.len(), 2);
    lvm.retag(&lab.vg, &data, &[Tag::pair("x", "1").unwrap()], &tags[1..])
        .unwrap();
    let found = lvm.lv(&lab.vg, &data).unwrap().unwrap();
    assert_eq!(
        (found.tag("image"), found.tag("x").as_deref()),
        (None, Some("1"))
    );

    lvm.deactivate(&lab.vg, &data).unwrap();
    assert_eq!(lvm.lv(&lab.vg, &data).unwrap().unwrap().num, None);
    assert_eq!(lvm.activate(&lab.vg, &data).unwrap(), path);
    lvm.activate(&lab.vg, &data).unwrap();
    assert_eq!(blk::discard(&lab.exec, &path).unwrap(), blk::Discard::Done);

    let open = File::open(&path).unwrap();
    let busy = lvm.remove(&lab.vg, &[&data], NOW).unwrap_err();
    assert!(matches!(busy, LvmError::Busy { .. }), "{busy}");
    drop(open);
    assert_eq!(
        lvm.remove(&lab.vg, &[&data, &meta], SOON).unwrap(),
        Change::Removed
    );
    assert_eq!(
        lvm.remove(&lab.vg, &[&data, &meta], SOON).unwrap(),
        Change::Absent
    );
    assert_eq!(lvm.lv(&lab.vg, &data).unwrap(), None);
    assert_eq!(lvm.vg(&lab.vg).unwrap().free, free);
}
