//! What `apply` did, or would do.

use serde::Serialize;

use super::super::Nexus;
use crate::model::{Change, HostName};
use crate::tgt::render::FileReport;

/// Everything.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct ApplyReport {
    /// The version of this document.
    pub version: u32,
    /// The gateway, where the inventory has any.
    pub gateway: Option<HostName>,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// Identities that were given anew, in words.
    pub registered: Vec<String>,
    /// tgt-admin's files.
    pub files: Vec<FileReport>,
    /// What was done with accounts.
    pub accounts: Vec<String>,
    /// The targets.
    pub targets: Vec<TargetReport>,
    /// Targets of the daemon that are somebody else's, and were not touched.
    pub foreign: Vec<String>,
}

/// One target.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct TargetReport {
    /// Its name.
    pub iqn: String,
    /// Its number.
    pub tid: u16,
    /// What happened to it.
    pub change: Change,
    /// What was done, in order.
    pub steps: Vec<String>,
    /// What was not done, because it would disturb those who are connected.
    pub held: Vec<Held>,
    /// Who is connected.
    pub sessions: Vec<Nexus>,
    /// Why it could not be done.
    pub error: Option<String>,
}

/// A step that was held back.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Held {
    /// The step.
    pub step: String,
    /// Why.
    pub why: String,
}

impl ApplyReport {
    /// Whether a target could not be changed.
    pub fn failed(&self) -> bool {
        self.targets.iter().any(|target| target.error.is_some())
    }

    /// Whether something was held back.
    pub fn held(&self) -> bool {
        self.targets.iter().any(|target| !target.held.is_empty())
    }

    /// Whether the daemon was changed.
    pub fn changed(&self) -> bool {
        !self.accounts.is_empty() || self.targets.iter().any(|target| target.change.is_change())
    }
}
