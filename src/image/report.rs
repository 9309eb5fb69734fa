//! What a job on images answers.

use std::time::Instant;

use serde::Serialize;

use super::allocated::Allocated;
use super::feature::Feature;
use super::format::{Packing, SourceFormat};
use super::usage::Usage;
use crate::Result;
use crate::ceph::{Child, Locker, ParentSpec, Snap, Watcher};
use crate::model::{Bytes, Change, ImageId, ImageName, ImageSpec, Lease, Namespace, PoolName};

/// The answer to an [`ImageJob`](super::ImageJob).
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ImageReport {
    /// The version of this format.
    pub version: u32,
    /// Whether it only says what would be done.
    pub dry_run: bool,
    /// What happened to the image or snapshot that was asked for; absent for a job that only looks.
    pub change: Option<Change>,
    /// The image, under the name that it has now; absent for a list.
    pub image: Option<ImageSpec>,
    /// The steps, in their order.
    pub steps: Vec<ImageStep>,
    /// What is known of the image: all of it for `info`, what was at hand otherwise.
    pub facts: Option<Box<ImageFacts>>,
    /// The images of `list`.
    pub images: Option<Vec<ImageRow>>,
    /// What `allocated` measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocated: Option<Vec<Allocated>>,
    /// The snapshots of `snap-list`.
    pub snapshots: Option<Vec<Snap>>,
    /// What an import read and wrote.
    pub import: Option<Box<ImportProof>>,
    /// The checksum that `digest` took.
    pub digest: Option<String>,
    /// How full the pool of `usage` is.
    pub usage: Option<Usage>,
    /// What the operator should know although nothing failed.
    pub warnings: Vec<String>,
}

impl ImageReport {
    /// The version that this program writes.
    pub const VERSION: u32 = 1;

    /// A report in which nothing has happened yet.
    pub(super) fn new(image: Option<&ImageSpec>, dry_run: bool) -> Self {
        Self {
            version: Self::VERSION,
            dry_run,
            change: None,
            image: image.cloned(),
            steps: Vec::new(),
            facts: None,
            images: None,
            allocated: None,
            snapshots: None,
            import: None,
            digest: None,
            usage: None,
            warnings: Vec::new(),
        }
    }

    /// Does a step, and adds it if it came through.
    pub(super) fn step<T>(
        &mut self,
        change: Change,
        what: String,
        act: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let began = Instant::now();
        let done = act()?;
        self.steps.push(ImageStep {
            change,
            what,
            seconds: began.elapsed().as_secs_f64(),
        });
        Ok(done)
    }

    /// Adds what another report says was done.
    pub(super) fn take_in(&mut self, other: Self) {
        self.steps.extend(other.steps);
        self.warnings.extend(other.warnings);
    }

    /// Adds a step that would be done.
    pub(super) fn planned(&mut self, change: Change, what: String) {
        self.steps.push(ImageStep {
            change,
            what,
            seconds: 0.0,
        });
    }

    /// Does a step, or in a dry run only adds it; either way it is what the job was asked for.
    pub(super) fn main_step(
        &mut self,
        change: Change,
        what: String,
        act: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        self.change = Some(change);
        if self.dry_run {
            self.planned(change, what);
            return Ok(());
        }
        self.step(change, what, act)
    }
}

/// One step of a job, done or (in a dry run) to be done.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ImageStep {
    /// What happened, or would.
    pub change: Change,
    /// In words: what, to which image or snapshot.
    pub what: String,
    /// How long it took, in seconds; zero in a dry run.
    pub seconds: f64,
}

/// What is known of an image.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ImageFacts {
    /// Its id.
    pub id: ImageId,
    /// Its size.
    pub size: Bytes,
    /// The size of its objects.
    pub object_size: Bytes,
    /// Its features.
    pub features: Vec<Feature>,
    /// The pool of its data, if that is another one.
    pub data_pool: Option<PoolName>,
    /// When it was made, in seconds of Unix time.
    pub created: i64,
    /// What it was cloned from.
    pub parent: Option<ParentSpec>,
    /// What only `info` asks for.
    pub more: Option<MoreFacts>,
}

/// What is known of an image to whom asks for all of it.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct MoreFacts {
    /// The bytes of its own objects, without its parent's; whole objects where it has fast-diff, data otherwise.
    pub allocated: Bytes,
    /// Its snapshots, those that Ceph keeps for clones included.
    pub snapshots: Vec<Snap>,
    /// Its clones.
    pub children: Vec<Child>,
    /// Who has it open to write, or mapped.
    pub watchers: Vec<Watcher>,
    /// Its advisory locks; that of a writer shows as well.
    pub locks: Vec<Locker>,
    /// Its lease.
    pub lease: Lease,
    /// Its metadata, without the lease.
    pub metadata: Vec<Metadatum>,
}

/// A key and a value of an image's metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Metadatum {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// A row of `image ls`.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ImageRow {
    /// Its namespace; absent in the default one.
    pub namespace: Option<Namespace>,
    /// Its name.
    pub name: ImageName,
    /// Its id.
    pub id: ImageId,
    /// Its size.
    pub size: Bytes,
    /// What it was cloned from.
    pub parent: Option<ParentSpec>,
    /// Its lease; absent if it cannot be understood, see `problem`.
    pub lease: Option<Lease>,
    /// The bytes of its own objects, if they were asked for.
    pub allocated: Option<Bytes>,
    /// Whether it is an import under way, or one that was stopped.
    pub importing: bool,
    /// Why it could not be looked at.
    pub problem: Option<String>,
}

/// What an import read and wrote.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ImportProof {
    /// What the source was.
    pub format: SourceFormat,
    /// How it was packed.
    pub packing: Packing,
    /// The bytes that were read of the source.
    pub read: Bytes,
    /// The size of the disk in it.
    pub size: Bytes,
    /// The bytes that were written to the image; the rest of it is zero and takes no room.
    pub written: Bytes,
    /// The checksum of the source, `ALGORITHM:HEX`, if one was asked for; it was as asked.
    pub checksum: Option<String>,
    /// Whether the source had to be staged in a file.
    pub staged: bool,
    /// How long it took.
    pub seconds: f64,
}
