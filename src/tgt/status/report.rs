//! What `status` answers; also what one gateway tells another.

use serde::{Deserialize, Serialize};

use crate::model::HostName;
use crate::tgt::daemon::Nexus;
use crate::tgt::inventory::ClientRole;

/// The gateways that were asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TgtStatus {
    /// The version of this document.
    pub version: u32,
    /// This gateway, then the others if they were asked.
    pub gateways: Vec<GatewayStatus>,
    /// What shows only between gateways: two writers, differing identities.
    pub problems: Vec<String>,
}

impl TgtStatus {
    /// The version that this program writes.
    pub const VERSION: u32 = 1;

    /// Whether nothing is wrong anywhere.
    pub fn well(&self) -> bool {
        self.problems.is_empty() && self.gateways.iter().all(GatewayStatus::well)
    }
}

/// One gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GatewayStatus {
    /// Its name, where the inventory has any.
    pub gateway: Option<HostName>,
    /// Why it cannot be asked; the rest is empty then.
    pub error: Option<String>,
    /// The targets of the inventory that it should know, and those of ours that it knows and should not.
    pub targets: Vec<TargetStatus>,
    /// Targets of others.
    pub foreign: Vec<String>,
    /// What is wrong with the gateway as such.
    pub problems: Vec<String>,
}

impl GatewayStatus {
    /// Whether nothing is wrong.
    pub fn well(&self) -> bool {
        let target = |target: &TargetStatus| target.drift.is_empty() && target.problems.is_empty();
        self.error.is_none() && self.problems.is_empty() && self.targets.iter().all(target)
    }
}

/// One target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TargetStatus {
    /// Its client; absent for a target that is not in the inventory any more.
    pub client: Option<String>,
    /// Its name.
    pub iqn: String,
    /// What this gateway does for the client.
    pub role: ClientRole,
    /// Its number in the daemon; absent if the daemon does not have it.
    pub tid: Option<u16>,
    /// Whether it takes logins.
    pub ready: bool,
    /// Who is connected.
    pub sessions: Vec<Nexus>,
    /// Its LUNs, as the daemon has them.
    pub luns: Vec<LunStatus>,
    /// What `apply` would do.
    pub drift: Vec<String>,
    /// What is wrong beyond that.
    pub problems: Vec<String>,
}

/// One LUN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LunStatus {
    /// Its number.
    pub number: u64,
    /// What is behind it.
    pub path: String,
    /// Page 83's id.
    pub scsi_id: String,
    /// Page 80's serial.
    pub scsi_sn: String,
    /// Whether the daemon has it open.
    pub online: bool,
    /// The clients that Ceph sees to have the image open; absent where Ceph was not asked.
    pub watchers: Option<Vec<String>>,
    /// Whether this host's own client is not among them: Ceph has thrown it out, and every read and write fails while TEST UNIT
    /// READY does not (facts 3.4); of a cached disk what the SSD does not have.
    pub lost: bool,
}
