//! The registry has the last word on which gateway serves: a failover changes it there, at once for all gateways, and the
//! inventories follow when somebody edits them.

use std::collections::BTreeMap;

use super::{Client, Inventory, Problem, Severity};
use crate::model::HostName;

impl Inventory {
    /// Lets each client be served by the gateway that its last failover moved it to, and warns where the file says otherwise.
    pub fn follow(&mut self, active: &BTreeMap<String, HostName>) {
        for client in &mut self.clients {
            let Some(now) = active.get(&client.name) else {
                continue;
            };
            if client.gateway.as_ref() != Some(now) {
                self.warnings.push(follow(client, now));
            }
        }
    }

    /// Lets each client be served by the gateway that may have its images open, and the one that is to serve it stand by, and
    /// warns of that.
    pub fn hold_back(&mut self, holders: &BTreeMap<String, HostName>) {
        for client in &mut self.clients {
            let Some(holder) = holders.get(&client.name) else {
                continue;
            };
            client.standby.retain(|standby| standby != holder);
            let Some(here) = client.gateway.replace(holder.clone()) else {
                continue;
            };
            self.warnings.push(Problem {
                severity: Severity::Warning,
                place: Some(client.place.clone()),
                message: format!("client {} is not served by {here} yet: {holder} may have its images open", client.name),
                remedy: format!("`warmblock tgt failover {} --to {here}`: it asks {holder} to let go, or bars it from Ceph", client.name),
            });
            client.standby.push(here);
        }
    }

    /// A client of a name.
    pub fn client(&self, name: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.name == name)
    }
}

fn follow(client: &mut Client, now: &HostName) -> Problem {
    let name = &client.name;
    let file = client.gateway.clone();
    let said = file
        .as_ref()
        .map_or_else(|| "none".to_owned(), ToString::to_string);
    let (message, remedy) = match (
        file,
        client.standby.iter().position(|standby| standby == now),
    ) {
        (Some(file), Some(at)) => {
            client.standby[at] = file;
            client.gateway = Some(now.clone());
            (
                format!(
                    "client {name} is served by {now} since a failover, and the inventory names {said}"
                ),
                format!(
                    "set gateway = \"{now}\" there, or move it back: warmblock tgt failover {name} --to {said}"
                ),
            )
        }
        _ => (
            format!(
                "the registry has {now} as the gateway of client {name}, which the inventory does not name for it"
            ),
            format!("{said} serves it now; if {now} still does, stop it there first"),
        ),
    };
    Problem {
        severity: Severity::Warning,
        place: Some(client.place.clone()),
        message,
        remedy,
    }
}
