//! What `tgt inventory` answers.

use serde::Serialize;

use super::inventory::{Inventory, Problem, Severity};
use crate::model::HostName;

/// An inventory in short, and what is wrong with it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct InventoryReport {
    /// The version of this document.
    pub version: u32,
    /// Its clients; empty if the inventory cannot be used.
    pub clients: Vec<ClientSummary>,
    /// What was found.
    pub problems: Vec<Problem>,
}

/// A client in short.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct ClientSummary {
    /// Its name.
    pub client: String,
    /// Who serves it.
    pub gateway: Option<HostName>,
    /// Who could.
    pub standby: Vec<HostName>,
    /// Whether it proves itself with CHAP.
    pub chap: bool,
    /// Addresses, networks and initiator names that are let in.
    pub access: Vec<String>,
    /// Its targets.
    pub targets: Vec<TargetSummary>,
}

/// A target in short.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct TargetSummary {
    /// Its name.
    pub iqn: String,
    /// Its images.
    pub images: Vec<String>,
}

impl InventoryReport {
    /// The report of an examined inventory.
    pub fn new(inventory: Option<&Inventory>, problems: Vec<Problem>) -> Self {
        let clients = inventory
            .map(|inventory| inventory.clients.as_slice())
            .unwrap_or_default();
        let clients = clients
            .iter()
            .map(|client| ClientSummary {
                client: client.name.clone(),
                gateway: client.gateway.clone(),
                standby: client.standby.clone(),
                chap: client.chap.is_some(),
                access: client
                    .addresses
                    .iter()
                    .chain(&client.initiators)
                    .cloned()
                    .collect(),
                targets: client
                    .targets
                    .iter()
                    .map(|target| TargetSummary {
                        iqn: target.iqn.clone(),
                        images: target
                            .luns
                            .iter()
                            .map(|lun| lun.image.to_string())
                            .collect(),
                    })
                    .collect(),
            })
            .collect();
        Self {
            version: 1,
            clients,
            problems,
        }
    }

    /// Whether the inventory cannot be used.
    pub fn failed(&self) -> bool {
        self.problems
            .iter()
            .any(|found| found.severity == Severity::Error)
    }
}
