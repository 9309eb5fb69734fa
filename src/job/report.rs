//! What a job answers: what each layer was and became, with its time, and the proofs.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::model::{Change, DiskKey, ImageSpec};
use crate::seed::{SeedProof, VerifyReport};

/// The layers of a disk's stack, from the bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LayerName {
    /// The record of what is wanted, on this host.
    Record,
    /// The lease in the image's metadata.
    Lease,
    /// The kernel's RBD device.
    Map,
    /// The logical volumes on the SSD.
    Slice,
    /// The composite device.
    Cache,
    /// The device that the VM opens.
    Front,
    /// The symbolic link to it.
    Link,
}

impl fmt::Display for LayerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Record => "record",
            Self::Lease => "lease",
            Self::Map => "map",
            Self::Slice => "slice",
            Self::Cache => "cache",
            Self::Front => "front",
            Self::Link => "link",
        })
    }
}

/// One step of a job, done or (in a dry run) to be done.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Step {
    /// Which layer.
    pub layer: LayerName,
    /// What happened to it, or would.
    pub change: Change,
    /// In words: which device, which size, why.
    pub what: String,
    /// How long it took, in seconds; zero in a dry run.
    pub seconds: f64,
}

/// How a flush ended.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct FlushProof {
    /// Blocks that were dirty when it began.
    pub dirty_before: u64,
    /// What shows that nothing is dirty now, in words.
    pub evidence: String,
    /// How long it took.
    pub seconds: f64,
}

/// The answer to a job on a disk.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Report {
    /// The version of this format.
    pub version: u32,
    /// Whether it only says what would be done.
    pub dry_run: bool,
    /// The image.
    pub image: ImageSpec,
    /// The disk's key: its devices and volumes are named by it.
    pub key: DiskKey,
    /// The device to open; absent once the disk is detached.
    pub front: Option<PathBuf>,
    /// The steps, in their order.
    pub steps: Vec<Step>,
    /// The proof of a seeding, if there was one.
    pub seed: Option<SeedProof>,
    /// The proof of a flush, if there was one.
    pub flush: Option<FlushProof>,
    /// The outcome of a comparison with the image, if there was one.
    pub verify: Option<VerifyReport>,
    /// What the operator should know although nothing failed.
    pub warnings: Vec<String>,
}

impl Report {
    /// The version that this program writes.
    pub const VERSION: u32 = 1;
}
