//! What can be asked of one disk, beside what an image is asked for.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::StepAsk;
use crate::model::{Bytes, CacheMode, DriverName, HostName, ImageSpec, OnFull, SeedSpec, Sharing};

/// `attach`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attach {
    /// The image.
    pub image: ImageSpec,
    /// The cache driver; the configuration's where it is absent.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub driver: Option<DriverName>,
    /// The cache mode; likewise.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub mode: Option<CacheMode>,
    /// The slice's size; likewise.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub size: Option<Bytes>,
    /// What to seed; likewise.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub seed: Option<SeedSpec>,
    /// At most so many bytes a second are seeded; likewise.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub rate: Option<Bytes>,
    /// What to do when there is no room; likewise.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub on_full: Option<OnFull>,
    /// A symbolic link to make to the front.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub link: Option<PathBuf>,
    /// Take the lease from a host that is known to be dead and fenced.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub break_lease: bool,
    /// The host that is dead, as the caller knows it: no other's lease is broken, and nobody is barred but for it. Where it
    /// is absent, the lease of whoever holds it.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub dead_host: Option<HostName>,
    /// Give up the data that only a lost cache held. Only together with `break_lease`.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub discard_dirty: bool,
    /// Bar everybody else who has the image open, or its lock, from Ceph. Only together with `break_lease`: it is what makes a
    /// host that is said to be dead harmless.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub fence: bool,
    /// Bar the `dead_host` once Ceph has forgotten it, and not before: it may live, and is refused as long as Ceph shows it.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub fence_late: bool,
    /// Do not wait for the seed: the disk is served from Ceph until then, and the seed goes on after the answer. A disk whose seed
    /// goes on so already is left to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub seed_later: bool,
    /// A disk that this host has already keeps its driver, mode, size and seed, whatever is asked for here.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub keep: bool,
    /// Come in beside the lease's holder, which hands the disk over to a host of this name: without a cache, until the holder
    /// let go and the disk is attached again without this.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub guest: Option<HostName>,
    /// Several VMs have the image at once, on this host and others, each behind a link of its own, and nobody holds the lease.
    /// What they write is not cached; what they only read is as asked for here, in write-through.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub shared: Option<Sharing>,
}

impl Attach {
    /// Attach with nothing but defaults.
    pub const fn new(image: ImageSpec) -> Self {
        Self {
            image,
            driver: None,
            mode: None,
            size: None,
            seed: None,
            rate: None,
            on_full: None,
            link: None,
            break_lease: false,
            dead_host: None,
            discard_dirty: false,
            fence: false,
            fence_late: false,
            seed_later: false,
            keep: false,
            guest: None,
            shared: None,
        }
    }
}

/// `detach`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Detach {
    /// The image.
    pub image: ImageSpec,
    /// Drop dirty data instead of writing them back. Says how many bytes go.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub discard_dirty: bool,
    /// The link by which the caller knows the disk. If the disk has another one it is somebody else's, and stays as it is.
    /// What counts are the last two names, such as `12/disk.0`: a VM's directory may have moved.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub link: Option<PathBuf>,
    /// Afterwards nobody may have the image: if another host does, that is an error, though this one has let go.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub free: bool,
    /// A disk without a link is somebody else's as well: he attached it by hand.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub linked: bool,
}

/// A request that needs nothing but the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskJob {
    /// The image.
    pub image: ImageSpec,
}

/// How a guest comes to rest.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Rest {
    /// Its agent freezes its file systems.
    #[default]
    Freeze,
    /// It is suspended, which needs no agent: its disks are of one moment, as after a power cut.
    Suspend,
    /// It is a container of LXC's, whose processes stop: the file systems are its host's own, so its disks are as after a power cut.
    Container,
}

impl Rest {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde has it so")]
    fn is_freeze(&self) -> bool {
        *self == Self::Freeze
    }
}

/// `quiet`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// The image of the disk. On a host that does not have it, the requests are done as they are.
    pub image: ImageSpec,
    /// The libvirt domain, or container, that comes to rest meanwhile. A guest that cannot is warned of.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub domain: Option<String>,
    /// How it does.
    #[serde(default, skip_serializing_if = "Rest::is_freeze")]
    pub rest: Rest,
    /// The requests, in their order.
    pub steps: Vec<StepAsk>,
}

/// `rouse`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rouse {
    /// The libvirt domain, or container. One that is at rest for anybody else stays so.
    pub domain: String,
}

/// `hand-over`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// The image.
    pub image: ImageSpec,
    /// The host that may come in, by the name that it says as [`Attach::guest`].
    pub to: HostName,
}

/// `recover`.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Recover {
    /// How long Ceph is waited for, in seconds, where there are disks that need it.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub wait: u64,
}

/// `seed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeedJob {
    /// The image.
    pub image: ImageSpec,
    /// What to seed; what the disk was attached with where it is absent.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub what: Option<SeedSpec>,
    /// At most so many bytes a second are read; the configuration's limit where it is absent.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub rate: Option<Bytes>,
    /// Compare what is resident with the image instead of seeding.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub verify: bool,
}

/// `insert`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Insert {
    /// The image.
    pub image: ImageSpec,
    /// What to seed; what the disk was attached with where it is absent.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub seed: Option<SeedSpec>,
    /// At most so many bytes a second are seeded; the configuration's limit where it is absent.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub rate: Option<Bytes>,
    /// Do not wait for the seed, as of [`Attach::seed_later`].
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub seed_later: bool,
    /// A host that the disk was on its way to may be dead: wait until Ceph has forgotten it before refusing because of it.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub patient: bool,
    /// Only if it was not taken out to stay out: what is called off puts things back as they were.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub back: bool,
}

/// `mode`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetMode {
    /// The image.
    pub image: ImageSpec,
    /// The mode; `none` is the same as bypass.
    pub mode: CacheMode,
}
