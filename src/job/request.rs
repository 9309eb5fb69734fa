//! What can be asked of a host.

mod disk;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use disk::{
    Attach, Detach, DiskJob, HandOver, Insert, Quiet, Recover, Rest, Rouse, SeedJob, SetMode,
};

use super::{Backup, BackupRoom, EndBackup, PutFile, RemoveDir, StoreDir, VmDirJob};
use crate::Kind;
use crate::image::ImageJob;
use crate::model::Access;

/// One request to one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The version of this format; [`Job::VERSION`].
    pub version: u32,
    /// Say what would be done, and do nothing.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub dry_run: bool,
    /// What is asked.
    pub request: Request,
}

impl Job {
    /// The version that this program reads and writes.
    pub const VERSION: u32 = 1;
    /// How the error of a job begins that a host does not understand. Whoever asked for it may be of a newer release.
    pub const NOT_UNDERSTOOD: &str = "cannot understand the job on standard input";
    /// Behind this, such an error names the version that the host reads, if that is why.
    const READS: &str = "here is read version ";

    /// A request that is to be done.
    pub const fn new(request: Request) -> Self {
        Self {
            version: Self::VERSION,
            dry_run: false,
            request,
        }
    }

    /// Why a job of another version is not understood.
    pub(crate) fn other_version(version: u32) -> String {
        let ours = Self::VERSION;
        format!("it is of version {version}, and {}{ours}", Self::READS)
    }

    /// The version that a host reads, by what it says of a job of another one. A release that does not say it is older.
    pub(crate) fn version_read(error: &str) -> Option<u32> {
        let (_, rest) = error.rsplit_once(Self::READS)?;
        let end = rest.find(|c: char| !c.is_ascii_digit());
        rest[..end.unwrap_or(rest.len())].parse().ok()
    }
}

/// What is asked of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Request {
    /// Say who you are.
    Hello,
    /// Bring a disk up.
    Attach(Attach),
    /// Take a disk down.
    Detach(Detach),
    /// Put in and fill the cache that an attach left for later.
    SeedLater(DiskJob),
    /// Fill the cache of an attached disk, beginning anew.
    Seed(SeedJob),
    /// Write dirty blocks back and prove it.
    Flush(DiskJob),
    /// Take the cache out of the path of an attached disk.
    Bypass(DiskJob),
    /// Put a cache into the path again.
    Insert(Insert),
    /// Take over the size that the image of an attached disk has now.
    TakeSize(DiskJob),
    /// Take the cache out of the path and let another host in, to which the guest moves.
    HandOver(HandOver),
    /// Change the cache's mode.
    Mode(SetMode),
    /// Find all that is ours and bring it to what its records say.
    Recover(Recover),
    /// A job on an image.
    Image(ImageJob),
    /// Make a VM's directory.
    MakeDir(VmDirJob),
    /// Say whether VMs' directories can be made in a datastore's.
    LookDir(StoreDir),
    /// Say which cluster of Ceph's is reached.
    LookCluster,
    /// Remove a VM's directory and what is in it.
    RemoveDir(RemoveDir),
    /// Say whether there is room for that.
    BackupRoom(BackupRoom),
    /// Save a VM's disks as files.
    Backup(Backup),
    /// Remove those files.
    EndBackup(EndBackup),
    /// Put a file into a VM's directory.
    PutFile(PutFile),
    /// Several requests while the image of a disk is complete, and the guest's file systems are quiet.
    Quiet(Quiet),
    /// Let a guest go on that such a request, which was killed, left at rest.
    Rouse(Rouse),
    /// Several requests, one after the other.
    Steps(Steps),
}

impl Request {
    /// Whether what it works on comes after it on standard input.
    pub fn has_data(&self) -> bool {
        match self {
            Self::Image(ImageJob::Import(ask)) => ask.source == Path::new("-"),
            Self::PutFile(ask) => ask.chunked,
            Self::Steps(ask) => ask.steps.iter().any(|step| step.request.has_data()),
            _ => false,
        }
    }

    /// The file of whoever asks that is this data.
    pub fn data_file(&self) -> Option<&Path> {
        match self {
            Self::PutFile(ask) => ask.from.as_deref(),
            Self::Steps(ask) => ask.steps.iter().find_map(|step| step.request.data_file()),
            _ => None,
        }
    }
}

/// `steps`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// The requests, in their order.
    pub steps: Vec<StepAsk>,
    /// Do what follows a request that failed all the same; the first failure is the answer.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub every: bool,
}

/// A request among several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepAsk {
    /// What is asked.
    pub request: Request,
    /// Failures of these kinds are none: what was to be taken away is not there, say.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub content_with: Vec<Kind>,
    /// How Ceph is reached for it, and for the requests within it; as the host's configuration says where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
}

impl StepAsk {
    /// A request that must come through.
    pub const fn new(request: Request) -> Self {
        Self {
            request,
            content_with: Vec::new(),
            access: None,
        }
    }

    /// The same, by an access.
    #[must_use]
    pub fn by(mut self, access: Option<&Access>) -> Self {
        self.access = access.cloned();
        self
    }

    /// The same, whose failure of a kind is none.
    #[must_use]
    pub fn content_with(mut self, kind: Kind) -> Self {
        self.content_with.push(kind);
        self
    }
}

#[cfg(test)]
mod tests;
