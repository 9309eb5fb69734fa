//! What `verify` answers.

use serde::Serialize;

use crate::model::HostName;
use crate::tgt::inventory::ClientRole;
use crate::tgt::status::TgtStatus;

/// Everything.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct VerifyReport {
    /// The version of this document.
    pub version: u32,
    /// The gateway, where the inventory has any.
    pub gateway: Option<HostName>,
    /// Whether nothing was healed, only told.
    pub dry_run: bool,
    /// The targets, each with its checks; after healing where something was healed.
    pub targets: Vec<TargetVerified>,
    /// LUNs that were made anew, or would be.
    pub healed: Vec<Healed>,
    /// What the gateways tell of themselves, and what is wrong between them.
    pub status: TgtStatus,
}

impl VerifyReport {
    /// The version that this program writes.
    pub const VERSION: u32 = 1;

    /// Whether nothing is wrong.
    pub fn well(&self) -> bool {
        self.status.well() && self.count(CheckState::Failed) == 0
    }

    /// How many checks ended so.
    pub fn count(&self, state: CheckState) -> usize {
        self.targets
            .iter()
            .flat_map(|target| &target.checks)
            .filter(|check| check.state == state)
            .count()
    }
}

/// One target.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct TargetVerified {
    /// Its client.
    pub client: String,
    /// Its name.
    pub iqn: String,
    /// What this gateway does for the client.
    pub role: ClientRole,
    /// What was looked at.
    pub checks: Vec<Check>,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    /// As it should be.
    Passed,
    /// Otherwise.
    Failed,
    /// It cannot be looked at from here.
    Skipped,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Check {
    /// The LUN, if it is about one.
    pub lun: Option<u8>,
    /// What.
    pub what: &'static str,
    /// How it ended.
    pub state: CheckState,
    /// What was found, and what should have been where that differs.
    pub found: String,
}

impl Check {
    pub(super) fn passed(lun: Option<u8>, what: &'static str, found: impl Into<String>) -> Self {
        Self {
            lun,
            what,
            state: CheckState::Passed,
            found: found.into(),
        }
    }

    pub(super) fn failed(lun: Option<u8>, what: &'static str, found: impl Into<String>) -> Self {
        Self {
            state: CheckState::Failed,
            ..Self::passed(lun, what, found)
        }
    }

    pub(super) fn skipped(lun: Option<u8>, what: &'static str, found: impl Into<String>) -> Self {
        Self {
            state: CheckState::Skipped,
            ..Self::passed(lun, what, found)
        }
    }

    /// Passed if both are the same.
    pub(super) fn same(
        lun: Option<u8>,
        what: &'static str,
        found: impl Into<String>,
        wanted: &str,
    ) -> Self {
        let found = found.into();
        if found == wanted {
            Self::passed(lun, what, found)
        } else {
            Self::failed(lun, what, format!("{found}, and should be {wanted}"))
        }
    }
}

/// A LUN that was made anew because its client was thrown out by Ceph.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Healed {
    /// The target.
    pub iqn: String,
    /// The LUN.
    pub lun: u8,
    /// Why it was necessary.
    pub why: String,
    /// Why it could not be done, if so.
    pub error: Option<String>,
}
