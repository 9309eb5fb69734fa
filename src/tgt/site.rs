//! A site as one gateway sees it: the inventory, who this host is in it, and who everything is.

use std::collections::BTreeMap;

use crate::Result;
use crate::model::HostName;

use super::inventory::{Client, ClientRole, Inventory};
use super::registry::{Identities, open_elsewhere};
use super::render::{ClientView, Templates, view};

/// An inventory that follows the registry.
#[derive(Debug)]
pub struct Site {
    /// The clients and what they get.
    pub inventory: Inventory,
    /// Which gateway this host is; `None` where the inventory has none.
    pub gateway: Option<HostName>,
    /// The numbers and ids.
    pub identities: Identities,
    /// The templates of tgt-admin's files.
    pub templates: Templates,
    /// Whether it was put together without Ceph, so that what only Ceph knows is left as it is.
    pub offline: bool,
}

impl Site {
    /// Puts them together; the registry says which gateway serves.
    pub fn new(
        mut inventory: Inventory,
        gateway: Option<HostName>,
        identities: Identities,
        templates: Templates,
    ) -> Self {
        inventory.follow(&identities.active);
        Self {
            inventory,
            gateway,
            identities,
            templates,
            offline: false,
        }
    }

    /// Leaves each client to another gateway that noted that it has one of its images open, and not that it has closed it.
    pub fn hold_back(&mut self) {
        let Some(gateway) = &self.gateway else { return };
        let holder = |client: &Client| {
            let mut luns = client.targets.iter().flat_map(|target| &target.luns);
            luns.find_map(|lun| {
                let key = &self.identities.lun(&lun.image).ok()?.key;
                open_elsewhere(&self.identities.holdings, key, gateway).cloned()
            })
        };
        let active = |client: &&Client| client.role(Some(gateway)) == ClientRole::Active;
        let clients = self.inventory.clients.iter().filter(active);
        let held: BTreeMap<String, HostName> = clients
            .filter_map(|client| Some((client.name.clone(), holder(client)?)))
            .collect();
        self.inventory.hold_back(&held);
    }

    /// A client as this gateway has it.
    pub fn view(&self, client: &Client) -> Result<ClientView> {
        view(
            &self.inventory,
            client,
            self.gateway.as_ref(),
            &self.identities,
        )
    }

    /// All clients as this gateway has them.
    pub fn views(&self) -> Result<Vec<ClientView>> {
        self.inventory
            .clients
            .iter()
            .map(|client| self.view(client))
            .collect()
    }
}
