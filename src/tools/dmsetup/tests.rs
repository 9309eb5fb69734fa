use std::path::Path;

use super::*;
use crate::model::{Bytes, Role, Sectors};

const KEY: &str = "801945f3-3-ab12";

fn name(role: Role) -> DmName {
    let key: crate::model::DiskKey = KEY.parse().unwrap();
    key.dm(role)
}

fn cache() -> CacheTarget {
    CacheTarget {
        meta: Dev::from(Path::new("/dev/ssd/meta")),
        data: Dev::from(Path::new("/dev/ssd/data")),
        origin: Dev::from(Path::new("/dev/rbd0")),
        block: Sectors(512),
        mode: CacheMode::Writethrough,
        metadata2: true,
        policy: Policy::Smq,
        migration_threshold: Some(Sectors(4096)),
    }
}

#[test]
fn argv() {
    let front = name(Role::Front);
    let table = Table::linear(Sectors(2048), Path::new("/dev/rbd0"));
    let shown: Vec<String> = [
        create(&front, &table, Access::ReadWrite),
        create(&name(Role::Cache), &table, Access::ReadOnly),
        load(&front, &table, Access::ReadWrite),
        load(&front, &table, Access::ReadOnly),
        suspend(&front, Flush::Yes),
        suspend(&front, Flush::No),
        info_columns(),
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    dmsetup create wb-801945f3-3-ab12 --uuid WARMBLOCK-1-front-801945f3-3-ab12 --verifyudev < (26 B)
    dmsetup create wb-801945f3-3-ab12-cache --uuid WARMBLOCK-1-cache-801945f3-3-ab12 --readonly --verifyudev < (26 B)
    dmsetup load wb-801945f3-3-ab12 < (26 B)
    dmsetup load wb-801945f3-3-ab12 --readonly < (26 B)
    dmsetup suspend wb-801945f3-3-ab12 --nolockfs
    dmsetup suspend wb-801945f3-3-ab12 --nolockfs --noflush
    dmsetup info --columns --noheadings --separator '|' -o name,uuid,major,minor,attr,open,events
    ");
}

#[test]
fn tables_print_as_the_kernel_wants_them() {
    let table = Table::one(Sectors(524_288), Target::Cache(cache()));
    assert_eq!(
        table.to_string(),
        "0 524288 cache /dev/ssd/meta /dev/ssd/data /dev/rbd0 512 2 metadata2 writethrough smq 2 migration_threshold 4096\n"
    );
    let two =
        Table::linear(Sectors(16), Path::new("/dev/ssd/head")).then(Sectors(2048), Target::Error);
    assert_eq!(
        two.to_string(),
        "0 16 linear /dev/ssd/head 0\n16 2048 error\n"
    );
    assert_eq!(two.len(), Sectors(2064));
}

/// Recorded: Linux 6.1, dmsetup 1.02.185.
#[test]
fn tables_read_back() {
    for line in [
        "0 524288 cache 253:1 253:0 254:0 128 2 metadata2 writethrough smq 0\n",
        "0 524288 cache 253:1 253:0 254:0 128 1 writethrough smq 0\n",
        "0 524288 cache 253:1 253:0 254:0 128 2 metadata2 writeback cleaner 0\n",
        "0 524288 cache 253:1 253:0 254:0 128 2 metadata2 passthrough smq 2 migration_threshold 2048\n",
        "0 2048 linear 254:1 0\n",
        "0 1024 linear 98:0 0\n1024 1024 error\n",
        "0 8 writecache s 254:0 253:0 4096 0\n",
        "0 8 cache 253:1 253:0 254:0 128 2 metadata2 no_discard_passdown smq 0\n",
        "",
    ] {
        assert_eq!(table::parse(line).unwrap().to_string(), line);
    }
    let parsed =
        table::parse("0 524288 cache 253:1 253:0 254:0 128 2 metadata2 writethrough smq 0")
            .unwrap();
    let cache = parsed.as_cache().unwrap();
    assert_eq!(
        (cache.mode, cache.policy, cache.metadata2),
        (CacheMode::Writethrough, Policy::Smq, true)
    );
    assert_eq!(
        table::parse("0 1024 error ").unwrap(),
        Table::one(Sectors(1024), Target::Error)
    );
}

#[test]
fn damaged_tables_are_refused() {
    for line in [
        "0 2048",
        "x 2048 linear 1:2 0",
        "0 2048 linear 1:2",
        "0 2048 linear nodev 0",
        "0 2048 cache 253:1 253:0 254:0 128 9 metadata2",
        "0 2048 cache 253:1 253:0 254:0 128 1 writethrough",
        "0 2048 cache 253:1",
    ] {
        assert!(table::parse(line).is_err(), "{line:?} was taken");
    }
}

/// Recorded: Linux 6.1.
#[test]
fn a_caches_status() {
    let line = "0 524288 cache 8 18/2048 128 256/2048 7787 5285 80 1 2 3 64 2 metadata2 writeback 2 migration_threshold 2048 smq 0 rw - \n";
    let [Status::Cache(CacheState::Running(status))] = &status::parse(line).unwrap()[..] else {
        panic!("not a running cache")
    };
    assert_eq!(status.meta_block, Bytes(4096));
    assert_eq!((status.meta_used, status.meta_total), (18, 2048));
    assert_eq!(
        (status.used, status.total, status.block),
        (256, 2048, Sectors(128))
    );
    assert_eq!((status.read_hits, status.read_misses), (7787, 5285));
    assert_eq!((status.write_hits, status.write_misses), (80, 1));
    assert_eq!(
        (status.demotions, status.promotions, status.dirty),
        (2, 3, 64)
    );
    assert_eq!(
        (status.mode, status.policy),
        (CacheMode::Writeback, Some(Policy::Smq))
    );
    assert_eq!(status.migration_threshold, Some(Sectors(2048)));
    assert!(!status.read_only && !status.needs_check);

    let ill = line.replace("smq 0 rw -", "cleaner 0 ro needs_check");
    let [Status::Cache(CacheState::Running(ill))] = &status::parse(&ill).unwrap()[..] else {
        panic!("not a running cache")
    };
    assert!(ill.read_only && ill.needs_check && ill.policy == Some(Policy::Cleaner));
    assert_eq!(
        status::parse("0 8 cache Fail").unwrap(),
        [Status::Cache(CacheState::Fail)]
    );
    assert_eq!(
        status::parse("0 8 cache Error").unwrap(),
        [Status::Cache(CacheState::Error)]
    );
    assert!(
        matches!(&status::parse("0 8 linear ").unwrap()[..], [Status::Other { text, .. }] if text.is_empty())
    );
    for damaged in [
        "0 8",
        "0 8 cache 8 18/2048",
        "0 8 cache 8 18 128 0/1 0 0 0 0 0 0 0 1 writeback 0 smq 0 rw -",
        &line[..60],
    ] {
        assert!(status::parse(damaged).is_err(), "{damaged:?} was taken");
    }
}

#[test]
fn listings_are_joined_and_strangers_passed_by() {
    let ours = format!("wb-{KEY}");
    let infos = format!(
        "ssd-slice1|LVM-abc|254|0|L--w|0|0\n{ours}|WARMBLOCK-1-front-{KEY}|254|7|LIsr|2|5\nodd|WARMBLOCK-9-x|254|8|L--w|0|0\n{ours}-cache||254|9|L--w|0|0\n"
    );
    let infos = info::parse(&infos).unwrap();
    let [info] = &infos[..] else {
        panic!("{infos:?}")
    };
    assert_eq!(
        (info.name.clone(), info.num.to_string()),
        (name(Role::Front), "254:7".into())
    );
    assert!(info.live && info.inactive && info.suspended && info.read_only);
    assert_eq!((info.open_count, info.event), (2, 5));

    let tables = table::parse_all(&format!(
        "ssd-slice1: 0 damaged\n{ours}: 0 16 linear 98:0 0\n{ours}: 16 8 error \n{ours}-cache: \n"
    ));
    let tables = tables.unwrap();
    assert_eq!(tables[&ours].segments.len(), 2);
    assert!(tables[&format!("{ours}-cache")].is_empty());
    let statuses = status::parse_all(&format!(
        "x: 0 1\n{ours}: 0 16 linear \n{ours}: 16 8 error \n"
    ))
    .unwrap();
    let devices = info::join(infos.clone(), tables, statuses);
    assert_eq!(devices[0].status.len(), 2);
    assert!(
        info::join(infos, [].into(), [].into()).is_empty(),
        "it went away meanwhile"
    );
    assert_eq!(info::parse("No devices found\n").unwrap(), []);
    assert!(info::parse(&format!("{ours}|WARMBLOCK-1-front-{KEY}|254|x|L--w|0|0")).is_err());
    assert!(info::parse(&format!("{ours}|WARMBLOCK-1-front-{KEY}|254")).is_err());
}

/// Recorded: dmsetup 1.02.185.
#[test]
fn what_dmsetup_says_is_understood() {
    let failed = |stderr: &str| ExecError::Failed {
        cmd: "dmsetup".into(),
        status: crate::exec::Status::Code(1),
        stderr: stderr.into(),
    };
    for gone in [
        "Device does not exist.\nCommand failed.",
        "device-mapper: remove ioctl on nope  failed: No such device or address\nCommand failed.",
        "device-mapper: table ioctl on nope  failed: No such device or address\nCommand failed.",
    ] {
        assert!(absent(&failed(gone)));
    }
    for other in [
        "device-mapper: reload ioctl on bad (254:4) failed: No such device or address\nCommand failed.",
        "device-mapper: remove ioctl on b  failed: Device or resource busy\nCommand failed.",
    ] {
        assert!(!absent(&failed(other)));
    }
}
