//! The driver on stubs of flashcache's tools, which keep their state and refuse what the real ones do; see
//! tests/stubs/flashcache.

use std::path::Path;
use std::time::Duration;

use super::super::drain::drained_behind;
use super::*;
use crate::cancel::Cancel;
use crate::config::Config;
use crate::progress::ProgressMode;
use crate::sys::{DevNum, Roots, atomic};

struct World {
    root: tempfile::TempDir,
    host: Host,
    key: DiskKey,
}

const IMAGE: Bytes = Bytes::mib(64);
const SLICE: Bytes = Bytes::mib(16);

impl World {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let stubs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stubs/flashcache");
        let tools = root.path().join("tools");
        std::fs::create_dir_all(&tools).unwrap();
        for stub in std::fs::read_dir(stubs).unwrap() {
            let stub = stub.unwrap();
            // Copied, for a stub finds its world from where it lies.
            std::fs::copy(stub.path(), tools.join(stub.file_name())).unwrap();
        }
        let mut config = Config::default();
        let system = config.tools.path.clone();
        config.tools.path = [vec![tools], system].concat();
        let roots = Roots::at(root.path());
        atomic::write(
            &roots.proc.join("meminfo"),
            b"MemTotal:        8000000 kB\n",
        )
        .unwrap();
        let world = Self {
            host: Host::new(config, roots, ProgressMode::Quiet, Cancel::new()),
            key: "801945f3-3-ab12".parse().unwrap(),
            root,
        };
        world.file("dev/rbd0", IMAGE);
        world.file(&world.ssd(), SLICE);
        world
    }

    fn ssd(&self) -> String {
        format!("dev/ssd/{}", self.key.lv(Role::Data))
    }

    /// A block device's stand-in.
    fn file(&self, name: &str, size: Bytes) {
        let path = self.root.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::File::create(path)
            .unwrap()
            .set_len(size.0)
            .unwrap();
    }

    fn device(&self, name: &str, size: Bytes) -> Device {
        Device {
            path: self.root.path().join(name),
            number: DevNum { major: 1, minor: 1 },
            size: size.sectors(),
        }
    }

    fn site(&self, mode: CacheMode) -> Site<'_> {
        Site {
            host: &self.host,
            key: &self.key,
            origin: self.device("dev/rbd0", IMAGE),
            parts: vec![(Role::Data, self.device(&self.ssd(), SLICE))],
            block: Bytes::kib(256),
            mode,
        }
    }

    fn probe(&self) -> Cache {
        Flashcache.probe(&self.host, &self.key).unwrap()
    }

    fn running(&self) -> Running {
        match self.probe() {
            Cache::Up { running, .. } => running,
            other => panic!("{other:?}"),
        }
    }

    /// A figure of the stub's cache.
    fn set(&self, figure: &str, value: u64) {
        let dir = self
            .root
            .path()
            .join("caches")
            .join(self.key.dm(Role::Cache).to_string());
        atomic::write(&dir.join(figure), format!("{value}\n").as_bytes()).unwrap();
    }

    fn superblock(&self) -> String {
        let bytes = std::fs::read(self.root.path().join(self.ssd())).unwrap();
        String::from_utf8_lossy(&bytes[..16])
            .trim_end_matches('\0')
            .to_owned()
    }

    fn clean(&self) -> Cleanliness {
        Flashcache.cleanliness(&self.host, &self.key).unwrap()
    }
}

#[test]
fn each_mode_is_made_marked_and_taken_away() {
    let world = World::new();
    for mode in Flashcache.capabilities().modes {
        let site = world.site(mode);
        assert_eq!(world.probe(), Cache::Absent);
        Flashcache.open(&site, Running::Serving(mode)).unwrap();
        let Cache::Up {
            running,
            stats,
            size,
            stuck,
            ..
        } = world.probe()
        else {
            panic!("{:?}", world.probe())
        };
        assert_eq!(
            (running, size, stuck),
            (Running::Serving(mode), IMAGE.sectors(), false)
        );
        assert_eq!((stats.capacity, stats.dirty), (SLICE, Bytes(0)));
        // One that takes dirty data is clean for the moment only.
        let clean = matches!(world.clean(), Cleanliness::Clean { .. });
        assert_eq!(clean, !mode.can_be_dirty());
        assert_eq!(
            world.superblock(),
            if mode.can_be_dirty() { "DIRTY" } else { "" }
        );
        Flashcache.close(&world.host, &world.key).unwrap();
        Flashcache.close(&world.host, &world.key).unwrap();
        Flashcache.format(&site, None).unwrap();
    }
    assert!(
        !world
            .host
            .roots
            .run
            .join("wb-801945f3-3-ab12-disk")
            .exists()
    );
}

#[test]
fn an_old_superblock_is_wiped_and_never_forced() {
    let world = World::new();
    let site = world.site(CacheMode::Writeback);
    Flashcache
        .open(&site, Running::Serving(CacheMode::Writeback))
        .unwrap();
    Flashcache.close(&world.host, &world.key).unwrap();
    assert_eq!(world.superblock(), "CLEAN");
    let refused = Flashcache
        .open(&site, Running::Serving(CacheMode::Writeback))
        .unwrap_err();
    assert_eq!(refused.kind(), Kind::Exists);
    assert!(
        refused.chain().contains("there is a flashcache on"),
        "{}",
        refused.chain()
    );
    Flashcache.format(&site, None).unwrap();
    Flashcache
        .open(&site, Running::Serving(CacheMode::Writeback))
        .unwrap();
}

#[test]
fn what_the_tool_would_ask_about_is_refused_in_words() {
    let world = World::new();
    let mut site = world.site(CacheMode::Writethrough);
    site.origin.size = Bytes::mib(8).sectors();
    let refused = Flashcache
        .open(&site, Running::Serving(CacheMode::Writethrough))
        .unwrap_err();
    // A lack of room, as `on_full` has it.
    assert_eq!(refused.kind(), Kind::NoSpace);
    assert!(
        refused.chain().contains("larger than the image"),
        "{}",
        refused.chain()
    );
    // And if it did ask, there is nobody to answer.
    world.file("dev/small", Bytes::mib(8));
    let tools = Tools::new(&world.host.exec, &world.host.roots);
    let (ssd, disk) = (
        world.root.path().join(world.ssd()),
        world.root.path().join("dev/small"),
    );
    let asked = tools
        .create(tool::Mode::Through, &world.key.dm(Role::Cache), &ssd, &disk)
        .unwrap_err();
    assert!(matches!(asked, tool::FlashcacheError::Asks(_)), "{asked}");
    // The same for what it takes of the host's memory.
    let meminfo = world.host.roots.proc.join("meminfo");
    atomic::write(&meminfo, b"MemTotal:            300 kB\n").unwrap();
    let site = world.site(CacheMode::Writethrough);
    let refused = Flashcache.open(&site, Running::Serving(CacheMode::Writethrough));
    let refused = refused.unwrap_err().chain();
    assert!(refused.contains("host's memory"), "{refused}");
    let name = world.key.dm(Role::Cache);
    let asked = tools.create(tool::Mode::Through, &name, &ssd, &site.origin.path);
    assert!(
        matches!(asked, Err(tool::FlashcacheError::Asks(why)) if why.contains("25% of memory"))
    );
}

#[test]
fn it_is_filled_in_the_mode_in_which_it_serves_then() {
    let world = World::new();
    for mode in [CacheMode::Writethrough, CacheMode::Writeback] {
        let site = world.site(mode);
        Flashcache.open(&site, Running::Filling).unwrap();
        assert_eq!(world.running(), Running::Filling);
        world.set("cached", 128);
        let filled = Flashcache.settle(&site, mode).unwrap();
        assert_eq!(
            (filled.resident, filled.dropped, filled.counted),
            (2, 0, true),
            "128 blocks of 4 KiB"
        );
        assert_eq!(world.running(), Running::Serving(mode));
        Flashcache.close(&world.host, &world.key).unwrap();
        Flashcache.format(&site, None).unwrap();
    }
}

#[test]
fn a_mode_is_not_changed_beneath_a_guest() {
    let world = World::new();
    let site = world.site(CacheMode::Writethrough);
    Flashcache
        .open(&site, Running::Serving(CacheMode::Writethrough))
        .unwrap();
    let refused = Flashcache
        .switch(&site, Running::Serving(CacheMode::Writeback))
        .unwrap_err();
    assert_eq!(refused.kind(), Kind::Usage);
    assert!(refused.remedy_text().unwrap().contains("bypass"));
    assert_eq!(world.running(), Running::Serving(CacheMode::Writethrough));
}

#[test]
fn dirty_blocks_are_drained_and_proven() {
    let world = World::new();
    let site = world.site(CacheMode::Writeback);
    Flashcache
        .open(&site, Running::Serving(CacheMode::Writeback))
        .unwrap();
    world.set("dirty", 100);
    assert_eq!(world.clean(), Cleanliness::Dirty(Bytes(100 * 4096)));
    let before = Flashcache.drain(&site, Duration::from_secs(20)).unwrap();
    assert!(before >= Bytes(60 * 4096), "{before}");
    assert_eq!(world.running(), Running::Draining, "it takes no new ones");
    assert!(matches!(world.clean(), Cleanliness::Clean { .. }));
    Flashcache
        .switch(&site, Running::Serving(CacheMode::Writeback))
        .unwrap();
    assert_eq!(world.running(), Running::Serving(CacheMode::Writeback));
}

/// A write that began before the cache took no new dirty blocks, and ends behind the first proof.
#[test]
fn a_late_write_is_drained_too() {
    let world = World::new();
    let site = world.site(CacheMode::Writeback);
    Flashcache
        .open(&site, Running::Serving(CacheMode::Writeback))
        .unwrap();
    let late = || {
        assert!(matches!(world.clean(), Cleanliness::Clean { .. }));
        world.set("dirty", 60);
        Ok(())
    };
    let before = drained_behind(&Flashcache, &site, Duration::from_secs(20), late).unwrap();
    assert!(before > Bytes(0));
    assert!(matches!(world.clean(), Cleanliness::Clean { .. }));
}

/// What went wrong long ago was mended since; what goes wrong while it is written back leaves no proof.
#[test]
fn new_errors_leave_no_proof() {
    let world = World::new();
    let site = world.site(CacheMode::Writeback);
    let open = || {
        let serving = Running::Serving(CacheMode::Writeback);
        Flashcache.open(&site, serving).unwrap();
    };
    let drain = || Flashcache.drain(&site, Duration::from_secs(20)).unwrap();
    open();
    let file = world.root.path().join("proc/flashcache").join(format!(
        "{}+wb-{}-disk/flashcache_errors",
        world.key.lv(Role::Data),
        world.key
    ));
    let errors = |disk: u64, ssd: u64| {
        let text = format!(
            "disk_read_errors=0 disk_write_errors={disk} ssd_read_errors={ssd} ssd_write_errors=0\n"
        );
        atomic::write(&file, text.as_bytes()).unwrap();
    };
    errors(2, 1);
    world.set("dirty", 100);
    drain();
    assert!(matches!(world.clean(), Cleanliness::Clean { .. }));
    errors(3, 1);
    assert!(matches!(world.clean(), Cleanliness::Unknown { why } if why.contains("1 of the disk")));
    drain();
    assert!(matches!(world.clean(), Cleanliness::Clean { .. }));
    // Somebody has zeroed them (`zero_stats`).
    errors(1, 0);
    assert!(matches!(world.clean(), Cleanliness::Unknown { .. }));
    // And those of a device that is made anew are all its own.
    Flashcache.close(&world.host, &world.key).unwrap();
    Flashcache.format(&site, None).unwrap();
    open();
    errors(2, 0);
    Flashcache.switch(&site, Running::Draining).unwrap();
    assert!(matches!(world.clean(), Cleanliness::Unknown { why } if why.contains("2 of the disk")));
    std::fs::remove_file(&file).unwrap();
    assert!(
        matches!(world.clean(), Cleanliness::Unknown { .. }),
        "what cannot be read is not clean"
    );
}

/// What a power cut leaves is loaded by the link's name, whatever number the RBD has now.
#[test]
fn dirty_blocks_outlive_their_device() {
    let world = World::new();
    let site = world.site(CacheMode::Writeback);
    Flashcache
        .open(&site, Running::Serving(CacheMode::Writeback))
        .unwrap();
    world.set("dirty", 50);
    Flashcache.close(&world.host, &world.key).unwrap();
    assert_eq!(world.superblock(), "FASTCLEAN");
    assert!(
        !world.root.path().join("written_back").exists(),
        "a removal wrote to the image"
    );
    // The RBD comes back as another device.
    std::fs::rename(
        world.root.path().join("dev/rbd0"),
        world.root.path().join("dev/rbd7"),
    )
    .unwrap();
    let mut later = world.site(CacheMode::Writeback);
    later.origin = world.device("dev/rbd7", IMAGE);
    Flashcache.open(&later, Running::Draining).unwrap();
    assert_eq!(world.running(), Running::Draining);
    assert_eq!(world.clean(), Cleanliness::Dirty(Bytes(50 * 4096)));
    Flashcache.drain(&later, Duration::from_secs(20)).unwrap();
    assert!(matches!(world.clean(), Cleanliness::Clean { .. }));
    Flashcache.close(&world.host, &world.key).unwrap();
}

#[test]
fn a_cache_of_another_size_is_not_loaded() {
    let world = World::new();
    let site = world.site(CacheMode::Writeback);
    Flashcache
        .open(&site, Running::Serving(CacheMode::Writeback))
        .unwrap();
    Flashcache.close(&world.host, &world.key).unwrap();
    std::fs::File::options()
        .write(true)
        .open(world.root.path().join("dev/rbd0"))
        .unwrap()
        .set_len(IMAGE.0 * 2)
        .unwrap();
    let refused = Flashcache.open(&site, Running::Draining).unwrap_err();
    assert_eq!(refused.kind(), Kind::Dirty);
    assert!(
        refused
            .chain()
            .contains("Disk size in superblock does not match"),
        "{}",
        refused.chain()
    );
}

/// The tool makes the device, and we are killed before it has its UUID.
#[test]
fn an_interrupted_making_is_seen_and_taken_away() {
    let world = World::new();
    let site = world.site(CacheMode::Writethrough);
    Flashcache
        .open(&site, Running::Serving(CacheMode::Writethrough))
        .unwrap();
    let name = world.key.dm(Role::Cache).to_string();
    std::fs::remove_file(world.root.path().join("caches").join(name).join("uuid")).unwrap();
    assert!(matches!(world.probe(), Cache::Broken { why } if why.contains("interrupted")));
    Flashcache.close(&world.host, &world.key).unwrap();
    assert_eq!(world.probe(), Cache::Absent);
}

#[test]
fn a_slice_is_no_larger_than_asked_and_its_room_is_whole_sets() {
    for (wanted, size) in [
        (Bytes::mib(4), 4),
        (Bytes::mib(13), 12),
        (Bytes::gib(8), 8192),
        (Bytes::mib(1), 4),
    ] {
        let part = Flashcache.layout(wanted, Bytes::kib(256))[0];
        assert_eq!((part.role, part.size), (Role::Data, Bytes::mib(size)));
    }
    let room = Flashcache.room(Bytes::gib(8));
    assert!(
        room < Bytes::gib(8)
            && room.0.is_multiple_of(SET.0)
            && room > Bytes::gib(8).saturating_sub(Bytes::mib(80))
    );
}

/// The module writes back within the write that asks for it: where the disk hangs, that is a process that can be left behind.
#[test]
fn a_knob_that_hangs_is_given_up() {
    let mut world = World::new();
    world.host.config.deadline.tool = Duration::from_secs(1);
    let name = format!("{}+wb-{}-disk", world.key.lv(Role::Data), world.key);
    let knobs = world.host.roots.proc.join("sys/dev/flashcache").join(name);
    std::fs::create_dir_all(&knobs).unwrap();
    // Nobody reads it, so that a write to it never begins.
    nix::unistd::mkfifo(&knobs.join("do_sync"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let sysctl = Sysctl::of(&world.host, &world.key);
    let late = sysctl.set(Knob::DoSync, 1).unwrap_err();
    assert_eq!(late.kind(), Kind::Timeout, "{}", late.chain());
    let missing = sysctl.set(Knob::CacheAll, 1).unwrap_err();
    assert_eq!(missing.kind(), Kind::Failed, "{}", missing.chain());
}
