//! The configuration: `warmblock.toml` and the drop-ins beside it, read once, refused as a whole when a key is unknown.

mod ceph;
mod duration;
mod load;
pub mod reference;
mod show;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::ceph::Ceph;
pub use self::show::show;
use crate::model::{
    Bytes, CacheMode, DriverName, HostName, OnFull, SeedSpec, SlicePolicy, SliceSize, VgName,
};

/// Everything an operator can set. Every key has a default; `warmblock config show` prints the effective values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// This host's name in leases; the kernel's host name where it is absent.
    pub host: Option<HostName>,
    /// How Ceph is reached.
    pub ceph: Ceph,
    /// The SSD slices.
    pub slice: Slice,
    /// The cache.
    pub cache: Cache,
    /// The seeding.
    pub seed: Seed,
    /// Kernel RBD.
    pub krbd: Krbd,
    /// How long things may take.
    pub deadline: Deadline,
    /// Where the tools are.
    pub tools: Tools,
    /// Where cache drivers from outside are.
    pub drivers: Drivers,
}

/// `[slice]`: what is carved from the host's SSD.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Slice {
    /// The volume group on the SSD. Without it, disks are served uncached or refused, as `on_full` says.
    pub vg: Option<VgName>,
    /// How large a slice is: `8G`, or a share of its image, `10%`; never more than the image needs.
    pub size: SliceSize,
    /// A slice is at least so large.
    pub min: Bytes,
    /// A slice is at most so large.
    pub max: Bytes,
    /// How large the volume is that all disks of a host have in common, of a driver that shares one cache (`bcache-shared`). It
    /// is carved when the first of them is attached, and holds until the last one is gone.
    pub shared: Bytes,
    /// What to do when there is no room.
    pub on_full: OnFull,
}

impl Slice {
    /// How large a slice is, for an image of a given size.
    pub const fn policy(&self) -> SlicePolicy {
        SlicePolicy {
            size: self.size,
            min: self.min,
            max: self.max,
        }
    }
}

/// `[cache]`: which cache, and how it works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// The cache driver, as `warmblock driver ls` names it.
    pub driver: DriverName,
    /// How writes are treated.
    pub mode: CacheMode,
    /// The cache block: a multiple of 32 KiB, up to 1 GiB (kernel's admin-guide, device-mapper/cache).
    pub block: Bytes,
}

/// `[seed]`: what is brought into the cache beforehand, and how fast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Seed {
    /// What is seeded: `none`, `allocated` (all that holds data) or `first:SIZE`.
    pub what: SeedSpec,
    /// At most so many bytes a second; as fast as it goes where it is absent.
    pub rate: Option<Bytes>,
    /// How many reads are in flight at once, from 1 to 256.
    pub depth: usize,
    /// Bytes of one read: a multiple of 4 KiB, up to 64 MiB.
    pub chunk: Bytes,
}

/// `[krbd]`: the kernel's RBD client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Krbd {
    /// Map options as in rbd(8), such as `rxbounce` for Windows guests or `ms_mode=secure`.
    pub options: Vec<String>,
}

/// `[deadline]`: every wait ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Deadline {
    /// For the wait until another job on the same disk has ended.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Time")]
    pub lock: Duration,
    /// For one call of a tool.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Time")]
    pub tool: Duration,
    /// For mapping an image, the wait for a dead client's watch (30 s by default in Ceph) included.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Time")]
    pub map: Duration,
    /// For a copy that moves no data any more.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Time")]
    pub stall: Duration,
    /// For writing dirty blocks back.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Time")]
    pub flush: Duration,
}

/// `[tools]`: where the external tools are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tools {
    /// The directories searched, in order; `$PATH` is not used.
    pub path: Vec<PathBuf>,
}

/// `[drivers]`: cache drivers that are not of this program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Drivers {
    /// The directories searched, in order: each driver is a directory in one of them, named as the driver is. They, and all
    /// above them, must belong to root and be writable by nobody else.
    pub path: Vec<PathBuf>,
}

impl Default for Slice {
    /// 8 GiB, as DESIGN's cache defaults say.
    fn default() -> Self {
        Self {
            vg: None,
            size: SliceSize::Fixed(Bytes::gib(8)),
            min: Bytes::mib(64),
            max: Bytes::gib(256),
            shared: Bytes::gib(32),
            on_full: OnFull::default(),
        }
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            driver: fixed("dm-cache"),
            mode: CacheMode::Writethrough,
            block: Bytes::kib(256),
        }
    }
}

impl Default for Seed {
    fn default() -> Self {
        Self {
            what: SeedSpec::Allocated,
            rate: None,
            depth: 16,
            chunk: Bytes::mib(4),
        }
    }
}

impl Default for Deadline {
    fn default() -> Self {
        Self {
            lock: Duration::from_secs(30),
            tool: Duration::from_secs(60),
            map: Duration::from_secs(60),
            stall: Duration::from_secs(60),
            flush: Duration::from_secs(600),
        }
    }
}

impl Default for Tools {
    fn default() -> Self {
        Self {
            path: ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
                .map(PathBuf::from)
                .to_vec(),
        }
    }
}

impl Default for Drivers {
    /// The operator's own first, then those of packages.
    fn default() -> Self {
        Self {
            path: [
                "/usr/local/lib/warmblock/drivers",
                "/usr/lib/warmblock/drivers",
            ]
            .map(PathBuf::from)
            .to_vec(),
        }
    }
}

/// A default that is known to parse; the test below builds them all.
#[expect(
    clippy::panic,
    reason = "the words are constants of this file, and a test builds every one of them"
)]
pub(crate) fn fixed<T: std::str::FromStr>(word: &str) -> T {
    match word.parse() {
        Ok(value) => value,
        Err(_) => panic!("{word} is a constant of this file"),
    }
}
