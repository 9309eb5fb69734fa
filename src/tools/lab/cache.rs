//! dm-cache for real.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Lab, NOW, SOON};
use crate::model::{Bytes, Change, DiskKey, DmName, Role, Sectors};
use crate::sys::block::attribute;
use crate::sys::{Block, DevNum, direct, wait};
use crate::tools::dmsetup::{
    Access, CacheMode, CacheState, CacheStatus, CacheTarget, Dev, DmError, Dmsetup, Flush, Policy,
    Status, Table, Target,
};
use crate::tools::krbd::{Krbd, Mapping};
use crate::tools::lvm::{Lvm, Tag, Volumes};
use crate::tools::{blk, thin, udev};

fn key(mapping: &Mapping) -> DiskKey {
    DiskKey::new(&mapping.fsid, mapping.pool_id, &mapping.image_id).unwrap()
}

fn running(status: &[Status]) -> &CacheStatus {
    match status {
        [Status::Cache(CacheState::Running(status))] => status,
        other => panic!("{other:?}"),
    }
}

/// A seeded cache under a front, switched to the image and removed: every dmsetup verb on the way.
#[test]
#[ignore = "needs a lab host"]
fn a_seeded_cache_under_a_front() {
    const BLOCK: Sectors = Sectors(128);
    let lab = Lab::new();
    let (lvm, dm) = (
        Lvm::new(&lab.exec, &lab.roots),
        Dmsetup::new(&lab.exec, &lab.roots),
    );
    let rbd = lab.map("one/lab-cached", "64M");
    let key = key(&rbd);
    let node = |role| lab.roots.mapper(key.dm(role));
    lab.sh(&format!(
        "dd if=/dev/urandom of={} bs=1M count=64 oflag=direct status=none",
        rbd.device.display()
    ));
    lab.sh(&format!("mkswap {} >/dev/null", rbd.device.display()));

    let geometry = thin::Geometry {
        block: BLOCK,
        blocks: 256,
    };
    let data = lvm
        .create(&lab.vg, &key.lv(Role::Data), Bytes::mib(16), &[Tag::ours()])
        .unwrap();
    let meta = lvm
        .create(
            &lab.vg,
            &key.lv(Role::Meta),
            geometry.metadata_size(),
            &[Tag::ours()],
        )
        .unwrap();
    blk::zero_head(&lab.exec, &meta, Bytes::mib(4)).unwrap();
    // the first 200 blocks, as they are
    lab.sh(&format!(
        "dd if={} of={} bs=64k count=200 oflag=direct status=none",
        rbd.device.display(),
        data.display()
    ));
    let mappings = (0..200).map(|n| thin::Mapping {
        cache_block: n,
        origin_block: n,
        dirty: false,
    });
    thin::restore(&lab.exec, &meta, geometry, mappings, thin::Format::V2).unwrap();
    assert_eq!(thin::check(&lab.exec, &meta).unwrap(), thin::Health::Sound);

    let cache = CacheTarget {
        meta: Dev::from(meta.as_path()),
        data: Dev::from(data.as_path()),
        origin: Dev::from(rbd.device.as_path()),
        block: BLOCK,
        mode: CacheMode::Writethrough,
        metadata2: true,
        policy: Policy::Smq,
        migration_threshold: Some(Sectors(2048)),
    };
    let size = rbd.size.sectors();
    let (front, top) = (key.dm(Role::Front), key.dm(Role::Cache));
    let table = Table::one(size, Target::Cache(cache.clone()));
    dm.create(&top, &table, Access::ReadWrite).unwrap();
    assert!(matches!(
        dm.create(&top, &table, Access::ReadWrite),
        Err(DmError::Exists(_))
    ));
    assert_eq!(
        dm.table(&top).unwrap().unwrap(),
        table.clone().resolve().unwrap()
    );
    let status = dm.status(&top).unwrap().unwrap();
    let status = running(&status);
    assert_eq!((status.used, status.total, status.dirty), (200, 256, 0));
    assert!(
        !thin::read_superblock(&meta)
            .unwrap()
            .unwrap()
            .clean_shutdown,
        "in use"
    );

    dm.create(
        &front,
        &Table::linear(size, node(Role::Cache).as_path()),
        Access::ReadWrite,
    )
    .unwrap();
    assert_eq!(
        Block::at(&lab.roots, &node(Role::Front)).unwrap().size,
        size
    );
    hands_off(
        &lab,
        &[
            node(Role::Front),
            node(Role::Cache),
            data.clone(),
            rbd.device.clone(),
        ],
    );

    switch_and_back(&lab, &dm, &front, &node(Role::Cache), &rbd);
    clean(&dm, &top, &cache, size, &node(Role::Front));

    let listed = dm.list().unwrap();
    assert_eq!(listed.len(), 2);
    let listed = listed
        .iter()
        .find(|device| device.info.name == front)
        .unwrap();
    assert_eq!(
        (listed.info.uuid.clone(), listed.info.open_count),
        (front.uuid(), 0)
    );

    let busy = dm.remove(&top, NOW).unwrap_err();
    assert!(
        busy.to_string().contains(&format!("/dev/mapper/{front}")),
        "{busy}"
    );
    assert_eq!(dm.remove(&front, SOON).unwrap(), Change::Removed);
    assert_eq!(dm.remove(&front, SOON).unwrap(), Change::Absent);
    let held = Krbd::new(&lab.exec, &lab.roots)
        .unmap(&rbd, NOW)
        .unwrap_err();
    assert!(
        held.to_string().contains(&format!("/dev/mapper/{top}")),
        "{held}"
    );
    assert_eq!(dm.remove(&top, SOON).unwrap(), Change::Removed);
    assert!(!node(Role::Cache).exists() && !node(Role::Front).exists());
    absent(&dm, &top);

    let superblock = thin::read_superblock(&meta).unwrap().unwrap();
    assert!(
        superblock.clean_shutdown && superblock.format == thin::Format::V2,
        "{superblock:?}"
    );
    assert!(thin::dump(&lab.exec, &meta).unwrap().mappings.len() >= 200);
    lvm.remove(&lab.vg, &[&key.lv(Role::Data), &key.lv(Role::Meta)], SOON)
        .unwrap();
    assert_eq!(
        Krbd::new(&lab.exec, &lab.roots).unmap(&rbd, SOON).unwrap(),
        Change::Removed
    );
    assert!(lvm.list().unwrap() == Volumes::default() && dm.list().unwrap().is_empty());
}

/// What lies below the front hangs with I/O under way, as a cluster does that is gone: a switch gives up at its deadline and
/// leaves the old table in force and I/O running.
#[test]
#[ignore = "needs a lab host"]
fn a_hung_device_below_does_not_hold_a_switch_up() {
    let lab = Lab::new();
    let (lvm, dm) = (
        Lvm::new(&lab.exec, &lab.roots),
        Dmsetup::new(&lab.exec, &lab.roots),
    );
    let key: DiskKey = "801945f3-1-cd34".parse().unwrap();
    let slice = lvm
        .create(&lab.vg, &key.lv(Role::Data), Bytes::mib(8), &[Tag::ours()])
        .unwrap();
    let size = Bytes::mib(8).sectors();
    let (front, below) = (key.dm(Role::Front), key.dm(Role::Cache));
    let (front_node, below_node) = (lab.roots.mapper(&front), lab.roots.mapper(&below));
    let old = Table::linear(size, below_node.as_path());
    let new = Table::linear(size, slice.as_path());
    dm.create(&below, &new, Access::ReadWrite).unwrap();
    dm.create(&front, &old, Access::ReadWrite).unwrap();

    dm.suspend(&below, Flush::Yes, SOON).unwrap();
    lab.sh(&format!(
        "dd if={} of=/dev/null bs=4k count=1 iflag=direct >/dev/null 2>&1 &",
        front_node.display()
    ));
    let queue = DevNum::of(&front_node).unwrap().sysfs(&lab.roots);
    wait::until("a read under way", SOON, || {
        let reads = attribute(&queue, "inflight").unwrap_or_default();
        Ok((!reads.trim_start().starts_with('0')).then_some(()))
    })
    .unwrap();
    let begun = Instant::now();
    let error = dm
        .replace(&front, &new, Access::ReadWrite, Duration::from_secs(2))
        .unwrap_err();
    assert_eq!(crate::Error::from(error).kind(), crate::Kind::Timeout);
    assert!(begun.elapsed() < SOON);
    let info = dm.info(&front).unwrap().unwrap();
    assert!(!info.suspended && !info.inactive, "{info:?}");
    assert_eq!(dm.table(&front).unwrap(), Some(old.resolve().unwrap()));

    dm.resume(&below).unwrap();
    dm.replace(&front, &new, Access::ReadWrite, SOON).unwrap();
    assert_eq!(dm.table(&front).unwrap(), Some(new.resolve().unwrap()));
    assert_eq!(dm.device(&front).unwrap().unwrap().status.len(), 1);
    dm.remove(&front, SOON).unwrap();
    dm.remove(&below, SOON).unwrap();
    lvm.remove(&lab.vg, &[&key.lv(Role::Data)], SOON).unwrap();
}

/// The front goes to the image and back to the cache, with I/O held back in between.
fn switch_and_back(lab: &Lab, dm: &Dmsetup<'_>, front: &DmName, top: &Path, rbd: &Mapping) {
    for below in [rbd.device.as_path(), top] {
        let table = Table::linear(rbd.size.sectors(), below);
        dm.load(front, &table, Access::ReadWrite).unwrap();
        dm.clear(front).unwrap();
        assert!(dm.inactive_table(front).unwrap().unwrap().is_empty());
        dm.load(front, &table, Access::ReadWrite).unwrap();
        dm.suspend(front, Flush::Yes, SOON).unwrap();
        let info = dm.info(front).unwrap().unwrap();
        assert!(info.live && info.inactive && info.suspended);
        dm.resume(front).unwrap();
        let expected = table.resolve().unwrap();
        assert_eq!(dm.table(front).unwrap(), Some(expected));
        assert!(lab.roots.mapper(front).exists());
    }
    dm.suspend(front, Flush::No, SOON).unwrap();
    dm.resume(front).unwrap();
}

/// Makes it write-back, dirties it, and waits for the cleaner by the kernel's event.
fn clean(dm: &Dmsetup<'_>, top: &DmName, cache: &CacheTarget, size: Sectors, front: &Path) {
    let reload = |mode, policy| {
        let cache = CacheTarget {
            mode,
            policy,
            migration_threshold: None,
            ..cache.clone()
        };
        let table = Table::one(size, Target::Cache(cache));
        dm.load(top, &table, Access::ReadWrite).unwrap();
        dm.suspend(top, Flush::Yes, SOON).unwrap();
        dm.resume(top).unwrap();
    };
    reload(CacheMode::Writeback, Policy::Smq);
    dm.message(top, &["migration_threshold", "0"]).unwrap();
    let file = direct::open_exclusive(front).unwrap();
    let mut bytes = direct::AlignedBuf::zeroed(64 << 10);
    bytes.fill(0xa5);
    for block in 10..20 {
        file.write_all_at(&bytes, block * (64 << 10)).unwrap();
    }
    drop(file);
    let dirty = || running(&dm.status(top).unwrap().unwrap()).dirty;
    assert_eq!(dirty(), 10);
    reload(CacheMode::Writeback, Policy::Cleaner);
    dm.message(top, &["migration_threshold", "204800"]).unwrap();
    let begun = Instant::now();
    while dirty() > 0 {
        let event = dm.info(top).unwrap().unwrap().event;
        if dirty() > 0 {
            dm.wait_event(top, event, Duration::from_secs(1)).unwrap();
        }
        assert!(begun.elapsed() < SOON, "{} blocks stay dirty", dirty());
    }
    let event = dm.info(top).unwrap().unwrap().event;
    assert!(
        !dm.wait_event(top, event, NOW).unwrap(),
        "nothing more happens"
    );
}

fn absent(dm: &Dmsetup<'_>, name: &DmName) {
    assert_eq!(dm.table(name).unwrap(), None);
    assert_eq!(dm.status(name).unwrap(), None);
    assert_eq!(dm.info(name).unwrap(), None);
    assert!(matches!(dm.resume(name), Err(DmError::NotFound(_))));
    assert!(matches!(
        dm.wait_event(name, 0, NOW),
        Err(DmError::NotFound(_))
    ));
}

/// With our rules udev has found no signature on any of them, although a swap signature is there; without, it has.
fn hands_off(lab: &Lab, devices: &[PathBuf]) {
    if !udev::present(&lab.roots) {
        return;
    }
    udev::settle(&lab.exec, &lab.roots, SOON).unwrap();
    for device in devices {
        // a close after a write is what a watch would react to
        drop(File::options().write(true).open(device).unwrap());
    }
    udev::settle(&lab.exec, &lab.roots, SOON).unwrap();
    for device in devices {
        let shown = lab.sh(&format!(
            "udevadm info --query=property --name={}",
            device.display()
        ));
        println!("{}: {}", device.display(), shown.replace('\n', " "));
        if std::env::var_os("WARMBLOCK_LAB_NO_RULES").is_none() {
            assert!(
                !shown.contains("ID_FS_TYPE"),
                "{}: {shown}",
                device.display()
            );
            assert!(
                shown.contains("DM_UDEV_DISABLE_OTHER_RULES_FLAG=1"),
                "{shown}"
            );
        }
    }
    assert!(lab.roots.dev.join("ssd").exists(), "LVM's links stay");
}
