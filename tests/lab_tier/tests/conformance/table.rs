//! The drivers that are tried, and what the cases must know of each.

use anyhow::{Context as _, Result};

use crate::host::Host;

/// A driver, as far as the cases must know it.
#[derive(Debug)]
pub struct Driver {
    pub name: &'static str,
    /// What it can do; it is attached in the first of them.
    pub modes: &'static [&'static str],
    /// Whether its slice is as large as the image and filled with all of it.
    pub whole: bool,
    /// Whether all disks are cached in one volume, whose size nobody asks for.
    pub shares: bool,
    /// How it proves its seed; `None` if it cannot be seeded.
    pub proof: Option<&'static str>,
    /// The volumes of its slice.
    pub parts: &'static [&'static str],
    /// What a seed changes for itself, and puts back: how it is shown, and what that shows of a cache that serves. The last word of it is
    /// 0 while it is being filled.
    pub knobs: Option<(&'static str, &'static str)>,
    /// Keeps the kernel from writing back by itself, so that what is dirty stays dirty. Takes the host and the front.
    pub keep_dirty: fn(&Host, &str) -> Result<()>,
    /// What a host may do by itself after a boot, in the shell: udev takes up what it knows.
    pub meddle: &'static str,
    /// The cases of a run that is not exhaustive, which must be short.
    pub usual: &'static [&'static str],
    /// How many steps lie between two crashes of such a run.
    pub stride: usize,
}

pub static DRIVERS: [Driver; 8] = [
    Driver {
        name: "none",
        modes: &["none"],
        whole: false,
        shares: false,
        proof: None,
        parts: &[],
        knobs: None,
        keep_dirty: |_, _| Ok(()),
        meddle: "",
        usual: &["life"],
        stride: 7,
    },
    Driver {
        name: "dm-cache",
        modes: &["writethrough", "writeback"],
        whole: false,
        shares: false,
        proof: Some("mapping"),
        parts: &["data", "meta"],
        knobs: None,
        keep_dirty: |host, front| {
            host.sh(&format!(
                "dmsetup message {front}-cache 0 migration_threshold 0"
            ))
            .map(drop)
        },
        meddle: "",
        // Its crashes are tested at every step anyway.
        usual: &[
            "life",
            "ssd_fails_clean",
            "ssd_fails_dirty",
            "lost_record",
            "power_cut_dirty",
        ],
        stride: 9,
    },
    Driver {
        name: "bcache",
        modes: &["writethrough", "writearound", "writeback"],
        whole: false,
        shares: false,
        proof: Some("second-pass"),
        parts: &["data", "meta"],
        knobs: Some((BCACHE_KNOBS, "2000 20000 4.0M")),
        keep_dirty: keep_bcache_dirty,
        meddle: REGISTER,
        usual: &[
            "life",
            "swap_under_load",
            "crash_attach_detach",
            "ssd_fails_dirty",
            "power_cut_clean",
            "power_cut_dirty",
        ],
        stride: 17,
    },
    Driver {
        name: "bcache-shared",
        modes: &["writethrough", "writearound", "writeback"],
        whole: false,
        shares: true,
        proof: Some("second-pass"),
        parts: &["data"],
        knobs: Some((BCACHE_KNOBS, "0 0 4.0M")),
        keep_dirty: keep_bcache_dirty,
        meddle: REGISTER,
        // What it has in common with bcache is tested there, and what it has not in tests of its own.
        usual: &[],
        stride: 17,
    },
    Driver {
        name: "dm-writecache",
        modes: &["writeback"],
        whole: false,
        shares: false,
        proof: None,
        parts: &["data"],
        knobs: None,
        // It writes nothing back before it is half full.
        keep_dirty: |_, _| Ok(()),
        meddle: "",
        usual: &[
            "life",
            "crash_attach_detach",
            "ssd_fails_dirty",
            "power_cut_dirty",
        ],
        stride: 17,
    },
    Driver {
        name: "example",
        modes: &["writethrough"],
        whole: false,
        shares: false,
        proof: None,
        parts: &["data"],
        knobs: None,
        keep_dirty: |_, _| Ok(()),
        meddle: "",
        usual: &["crash_attach_detach"],
        stride: 23,
    },
    // The example with two modes, which it cannot change in use: it is taken out of the path for that.
    Driver {
        name: "stiff",
        modes: &["writethrough", "writearound"],
        whole: false,
        shares: false,
        proof: None,
        parts: &["data"],
        knobs: None,
        keep_dirty: |_, _| Ok(()),
        meddle: "",
        usual: &["life"],
        stride: 23,
    },
    Driver {
        name: "local",
        modes: &["writeback"],
        whole: true,
        shares: false,
        proof: Some("mapping"),
        parts: &["data", "meta"],
        knobs: None,
        // It writes nothing back before it is told to.
        keep_dirty: |_, _| Ok(()),
        meddle: "",
        // What else happens to it has tests of its own.
        usual: &["life", "crash_attach_detach"],
        stride: 17,
    },
];

/// When it is passed by: latencies of its SSD, and requests in a row.
const BCACHE_KNOBS: &str = "cat /sys/fs/bcache/*-*/congested_read_threshold_us /sys/fs/bcache/*-*/congested_write_threshold_us \
     /sys/block/bcache*/bcache/sequential_cutoff | tr '\\n' ' '";

const REGISTER: &str = "vgchange -qq -ay ssd; modprobe bcache; for d in /dev/ssd/wb-*; do echo $d >/sys/fs/bcache/register; done";

fn keep_bcache_dirty(host: &Host, _front: &str) -> Result<()> {
    host.sh(
        "for d in /sys/block/bcache*/bcache; do echo 0 >$d/writeback_running; done; \
         for d in /sys/fs/bcache/*-*; do echo 0 >$d/congested_read_threshold_us; echo 0 >$d/congested_write_threshold_us; done",
    )
    .map(drop)
}

/// The driver of a name in the table.
pub fn driver(name: &str) -> Result<&'static Driver> {
    let found = DRIVERS.iter().find(|driver| driver.name == name);
    found.with_context(|| format!("no driver {name}"))
}
