//! What `failover` answers.

use serde::Serialize;

use crate::job::Report;
use crate::model::HostName;
use crate::tgt::daemon::apply::ApplyReport;

/// Everything.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct FailoverReport {
    /// The version of this document.
    pub version: u32,
    /// The client.
    pub client: String,
    /// The gateway that served it; the same as `to` where a failover is finished or repeated.
    pub from: HostName,
    /// The gateway that serves it now.
    pub to: HostName,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// What was done, in order, with its time.
    pub steps: Vec<FailoverStep>,
    /// The clients of Ceph that were put on the blocklist, or would be.
    pub fenced: Vec<Fenced>,
    /// The cached disks that were attached here.
    pub attached: Vec<Report>,
    /// What was done with tgtd here; absent in a dry run.
    pub apply: Option<ApplyReport>,
    /// How long it took in all.
    pub seconds: f64,
}

/// One step.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct FailoverStep {
    /// What was done, and what came of it.
    pub what: String,
    /// Whether it came through; the old gateway may be dead.
    pub done: bool,
    /// How long it took.
    pub seconds: f64,
}

/// A client that may write no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Fenced {
    /// The image that it had open.
    pub image: String,
    /// Its address, as the blocklist has it.
    pub addr: String,
}
