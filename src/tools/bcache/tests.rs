use super::*;
use crate::sys::block::tests::fake;

const LONG: Duration = Duration::from_secs(60);
const SET: &str = "0a1b2c3d-0000-4000-8000-000000000001";

#[test]
fn figures_for_people_are_read() {
    let cases = [
        ("0", 0),
        ("512", 512),
        ("16.0k", 16 << 10),
        ("4.0M", 4 << 20),
        ("1.5G", 3 << 29),
        ("-3.1k", 0),
    ];
    for (text, wanted) in cases {
        assert_eq!(human::bytes(text), Some(Bytes(wanted)), "{text}");
    }
    for bad in ["", "k", "x", "1.x"] {
        assert_eq!(human::bytes(bad), None, "{bad}");
    }
    let stats = "Unused:\t\t97%\nClean:\t\t1%\nDirty:\t\t0%\nMetadata:\t2%\nAverage:\t0\n";
    assert_eq!(human::percent(stats, "Unused:"), Some(97));
    assert_eq!(human::percent(stats, "Metadata:"), Some(2));
    assert_eq!(human::percent(stats, "Nothing:"), None);
}

#[test]
fn the_chosen_mode_is_in_brackets() {
    let modes = "writethrough [writeback] writearound none";
    assert_eq!(chosen(modes), Some(CacheMode::Writeback));
    assert_eq!(chosen("[none]"), Some(CacheMode::None));
    assert_eq!(chosen("writethrough"), None);
}

#[test]
fn a_knob_is_turned_only_if_it_must_be() {
    for (text, value) in [
        ("4.0M", "4194304"),
        ("10", "10"),
        ("a [b] c", "b"),
        ("0", "0"),
    ] {
        assert!(reads_as(text, value), "{text} {value}");
    }
    for (text, value) in [("4.0M", "0"), ("[a] b", "b"), ("1", "10"), ("0", "")] {
        assert!(!reads_as(text, value), "{text} {value}");
    }
}

#[test]
fn commands_are_what_make_bcache_takes() {
    let set = make(SET).arg("--bucket").arg("16384");
    assert_eq!(
        set.arg("--cache").arg("/dev/ssd/x").to_string(),
        format!("make-bcache --block 512 --cset-uuid {SET} --bucket 16384 --cache /dev/ssd/x")
    );
}

/// A backing device as Linux 6.1 shows it, in a sysfs of files.
fn registered(roots: &Roots, attached: bool) {
    fake(
        roots,
        "252:0",
        "bcache7",
        &[("dev", "252:0"), ("size", "24576")],
    );
    let attributes = [
        ("bcache/state", if attached { "dirty" } else { "no cache" }),
        (
            "bcache/cache_mode",
            "writethrough [writeback] writearound none",
        ),
        ("bcache/sequential_cutoff", "4.0M"),
        ("bcache/writeback_percent", "10"),
        ("bcache/dirty_data", "1.5M"),
        ("bcache/io_disable", "0"),
        ("bcache/io_errors", "3"),
        ("bcache/stats_total/cache_hits", "5"),
        ("bcache/stats_total/cache_misses", "2"),
        ("bcache/stats_total/cache_bypass_hits", "30"),
        ("bcache/stats_total/cache_bypass_misses", "7"),
    ];
    fake(roots, "253:3", "dm-3", &attributes);
    let set = Bcache::new(&Exec::new([]), roots).set_dir(SET);
    std::fs::create_dir_all(set.join("cache0")).unwrap();
    for (name, value) in [
        ("bucket_size", "16.0k"),
        ("cache0/nbuckets", "2560"),
        ("cache0/io_errors", "4"),
        ("cache0/priority_stats", "Unused:\t\t70%\nMetadata:\t2%\n"),
    ] {
        crate::sys::atomic::write(&set.join(name), value.as_bytes()).unwrap();
    }
    let dir = roots.sys.join("dev/block/253:3/bcache");
    let devices = roots.sys.join("devices/virtual/block");
    if attached {
        std::os::unix::fs::symlink(&set, dir.join("cache")).unwrap();
    }
    std::os::unix::fs::symlink(devices.join("bcache7"), dir.join("dev")).unwrap();
}

#[test]
fn a_backing_device_is_found_by_what_bears_it() {
    let root = tempfile::tempdir().unwrap();
    let roots = Roots::at(root.path());
    let exec = Exec::default();
    let bcache = Bcache::new(&exec, &roots);
    let bearer: DevNum = "253:3".parse().unwrap();
    // No process is started where there is nothing: this one knows of no tool.
    let none = Exec::new([]);
    let idle = Bcache::new(&none, &roots);
    assert_eq!(idle.backing(bearer, LONG).unwrap(), None);
    assert_eq!(idle.look(&[bearer], LONG).unwrap(), Look::default());
    registered(&roots, true);
    let look = bcache
        .look(&[bearer, "253:4".parse().unwrap()], LONG)
        .unwrap();
    let backing = look.backing(bearer).unwrap();
    assert_eq!(
        bcache.backing(bearer, LONG).unwrap().as_ref(),
        Some(backing)
    );
    assert_eq!(backing.state, State::Dirty);
    assert_eq!(backing.mode, Some(CacheMode::Writeback));
    assert_eq!(backing.set.as_deref(), Some(SET));
    let device = backing.device.clone().unwrap();
    assert_eq!(device.path, roots.dev.join("bcache7"));
    assert_eq!(device.size, Sectors(24_576));
    assert_eq!(backing.dirty, Bytes(3 << 19));
    assert!(!backing.failed);
    assert_eq!(
        backing.counters,
        Counters {
            hits: 35,
            misses: 9
        }
    );
    assert_eq!(backing.errors, Some(3));
    let filling = look.filling(SET).unwrap();
    assert_eq!(filling.errors, Some(4));
    assert_eq!(filling.capacity, Bytes::mib(40));
    assert_eq!(filling.resident.0, (40 << 20) / 100 * 28);
}

#[test]
fn one_without_its_set_says_so() {
    let root = tempfile::tempdir().unwrap();
    let roots = Roots::at(root.path());
    registered(&roots, false);
    let exec = Exec::default();
    let bcache = Bcache::new(&exec, &roots);
    let bearer = "253:3".parse().unwrap();
    let backing = bcache.backing(bearer, LONG).unwrap().unwrap();
    assert_eq!((backing.state, backing.set), (State::NoCache, None));
}

/// It may be dirty: what cannot be read is not taken for none.
#[test]
fn one_that_does_not_say_what_it_is_is_not_overlooked() {
    let root = tempfile::tempdir().unwrap();
    let roots = Roots::at(root.path());
    registered(&roots, true);
    let dir = roots.sys.join("dev/block/253:3/bcache");
    std::fs::remove_file(dir.join("state")).unwrap();
    let exec = Exec::default();
    let bcache = Bcache::new(&exec, &roots);
    let bearer: DevNum = "253:3".parse().unwrap();
    assert!(bcache.look(&[bearer], LONG).is_err());
    std::fs::remove_dir_all(dir).unwrap();
    assert_eq!(bcache.backing(bearer, LONG).unwrap(), None);
}

#[test]
fn only_knobs_that_are_not_as_wanted_are_turned() {
    let root = tempfile::tempdir().unwrap();
    let roots = Roots::at(root.path());
    registered(&roots, true);
    let dir = roots.sys.join("dev/block/253:3/bcache");
    let knob = |name: &str, value| Knob {
        file: dir.join(name),
        value,
    };
    let knobs = [
        knob("cache_mode", "writeback"),
        knob("sequential_cutoff", "4194304"),
        knob("writeback_percent", "0"),
        knob("none", "1"),
    ];
    let exec = Exec::default();
    let amiss = Bcache::new(&exec, &roots).amiss(&knobs, LONG).unwrap();
    assert_eq!(amiss, [&knobs[2], &knobs[3]]);
}
