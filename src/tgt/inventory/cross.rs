//! What must not be there twice, and who must be there at all: rules over the whole inventory.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::net::SocketAddr;

use super::{Client, Gateway, Inventory, Place, Problems, RegistryPlace, StandbyLogin};

/// Every rule.
pub(super) fn check(inventory: &Inventory, problems: &mut Problems) {
    clients(inventory, problems);
    accounts(inventory, problems);
    targets(inventory, problems);
    images(inventory, problems);
    shared_initiators(inventory, problems);
    if matches!(inventory.registry, RegistryPlace::File(_)) && inventory.gateways.len() > 1 {
        problems.warning(
            &inventory.gateways[1].place,
            "the registry of identities is a file, and there is more than one gateway",
            "put it into RADOS ([registry] pool = \"POOL\"), unless that file is on a shared file system",
        );
    }
}

/// Remembers where something was first, and tells of the second one.
struct Once<K>(HashMap<K, Place>);

impl<K: Hash + Eq> Once<K> {
    fn new() -> Self {
        Self(HashMap::new())
    }

    /// Where it was before, if it was.
    fn seen(&mut self, key: K, place: &Place) -> Option<Place> {
        match self.0.entry(key) {
            std::collections::hash_map::Entry::Occupied(first) => Some(first.get().clone()),
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(place.clone());
                None
            }
        }
    }
}

fn clients(inventory: &Inventory, problems: &mut Problems) {
    let mut names = Once::new();
    for client in &inventory.clients {
        let Client { name, place, .. } = client;
        if let Some(first) = names.seen(name, place) {
            problems.error(
                place,
                format!("client {name} is given twice; first at {first}"),
                "keep one of them",
            );
        }
        if !client.addresses.is_empty() && !client.initiators.is_empty() {
            problems.warning(place, format!("client {name} has addresses and initiators, and tgtd admits whoever matches either"), "keep one of the lists; CHAP is what adds to it");
        }
        if client.targets.is_empty() {
            problems.warning(
                place,
                format!("client {name} has no targets"),
                "add [[client.NAME.target]], or remove it",
            );
        }
        gateways(inventory, client, problems);
    }
}

fn gateways(inventory: &Inventory, client: &Client, problems: &mut Problems) {
    let Client { name, place, .. } = client;
    if inventory.gateways.is_empty() {
        if client.gateway.is_some() || !client.standby.is_empty() {
            problems.error(
                place,
                format!("client {name} names a gateway, and the inventory has none"),
                "add [gateway.NAME] for each",
            );
        }
        return;
    }
    let Some(active) = &client.gateway else {
        problems.error(
            place,
            format!("client {name} has no gateway"),
            "say which one serves it: gateway = \"NAME\"",
        );
        return;
    };
    let mut seen = Once::new();
    for host in std::iter::once(active).chain(&client.standby) {
        if !inventory
            .gateways
            .iter()
            .any(|gateway| gateway.name == *host)
        {
            problems.error(
                place,
                format!("client {name} names the gateway {host}, which is not in the inventory"),
                "add [gateway.NAME], or correct the name",
            );
        }
        let listens = |gateway: &Gateway| gateway.name == *host && !gateway.portals.is_empty();
        let redirects = client.standby_login == StandbyLogin::Redirect;
        if redirects && !inventory.gateways.iter().any(listens) {
            problems.error(
                place,
                format!("client {name} has its logins redirected, and gateway {host} has no portals to redirect them to"),
                "give it portals = [\"ADDRESS:3260\"]: any of the client's gateways may come to serve it",
            );
        }
        let everywhere = |gateway: &Gateway| gateway.name == *host && is_wildcard(gateway);
        if redirects && inventory.gateways.iter().any(everywhere) {
            problems.error(
                place,
                format!("client {name} has its logins redirected, and gateway {host} has a portal that is no address to go to"),
                "write an address that initiators reach instead of 0.0.0.0 or [::]",
            );
        }
        if seen.seen(host, place).is_some() {
            problems.error(
                place,
                format!("client {name} names the gateway {host} twice"),
                "the one that serves is no standby: remove one",
            );
        }
    }
}

/// Whether one of its portals stands for all of its addresses.
fn is_wildcard(gateway: &Gateway) -> bool {
    let portals = gateway.portals.iter().map(|portal| portal.parse());
    portals
        .flatten()
        .any(|portal: SocketAddr| portal.ip().to_canonical().is_unspecified())
}

/// tgtd's accounts are global to the daemon and cannot be read or changed (facts 3.6): one user name per client.
fn accounts(inventory: &Inventory, problems: &mut Problems) {
    let mut users = Once::new();
    for client in &inventory.clients {
        let place = &client.place;
        for chap in [&client.chap, &client.chap_mutual].into_iter().flatten() {
            if let Some(first) = users.seen(&chap.user, place) {
                problems.error(place, format!("CHAP user {} is used twice; first at {first}", chap.user), "tgtd knows one secret per user name and takes the first: use a name of its own for each client and direction");
            }
        }
        match (&client.chap, &client.chap_mutual) {
            (Some(chap), Some(mutual)) if chap.secret == mutual.secret => {
                problems.error(
                    place,
                    format!("client {} has one secret in both directions", client.name),
                    "initiators refuse that: use two",
                );
            }
            (None, Some(_)) => {
                problems.error(
                    place,
                    format!("client {} has chap_mutual without chap", client.name),
                    "the target proves itself only to an initiator that did: add chap",
                );
            }
            _ => {}
        }
    }
}

fn targets(inventory: &Inventory, problems: &mut Problems) {
    let (mut iqns, mut tids) = (Once::new(), Once::new());
    let (mut ids, mut serials) = (Once::new(), Once::new());
    for (_, target) in inventory.targets() {
        let place = &target.place;
        if let Some(first) = iqns.seen(&target.iqn, place) {
            problems.error(
                place,
                format!("target {} is given twice; first at {first}", target.iqn),
                "give each target a title of its own",
            );
        }
        if let Some((tid, first)) = target
            .tid
            .and_then(|tid| Some((tid, tids.seen(tid, place)?)))
        {
            problems.error(
                place,
                format!("tid {tid} is given twice; first at {first}"),
                "leave one out: the registry gives one",
            );
        }
        let mut numbers = Once::new();
        for lun in &target.luns {
            let twice = lun
                .number
                .and_then(|number| Some((number, numbers.seen(number, &lun.place)?)));
            if let Some((number, first)) = twice {
                problems.error(
                    &lun.place,
                    format!(
                        "LUN {number} of {} is given twice; first at {first}",
                        target.iqn
                    ),
                    "leave one out: the registry gives one",
                );
            }
            for (what, word, seen) in [
                ("scsi_id", &lun.scsi_id, &mut ids),
                ("scsi_sn", &lun.scsi_sn, &mut serials),
            ] {
                if let Some((word, first)) = word
                    .as_ref()
                    .and_then(|word| Some((word, seen.seen(word, &lun.place)?)))
                {
                    problems.error(
                        &lun.place,
                        format!("{what} {word} is given twice; first at {first}"),
                        "two disks of one identity are one to ESXi, with two paths: leave it out",
                    );
                }
            }
        }
    }
}

/// One image is served by one LUN of one target: anything else is two writers that do not know of each other.
fn images(inventory: &Inventory, problems: &mut Problems) {
    let mut images: HashMap<String, (&Client, Place)> = HashMap::new();
    for (client, target) in inventory.targets() {
        for lun in &target.luns {
            let name = lun.image.to_string();
            let Some((first, place)) = images.get(&name) else {
                images.insert(name, (client, lun.place.clone()));
                continue;
            };
            let who = match (&first.gateway, &client.gateway) {
                (Some(one), Some(other)) if one != other => {
                    format!(", by the gateways {one} and {other}, which would be two writers")
                }
                _ => String::new(),
            };
            problems.error(
                &lun.place,
                format!("{name} is served twice{who}; first at {place}"),
                "serve it once, and admit every initiator that shares it to that one target",
            );
        }
    }
}

/// Known to two clients: legal, and worth a look.
fn shared_initiators(inventory: &Inventory, problems: &mut Problems) {
    let mut seen: BTreeMap<&str, &Client> = BTreeMap::new();
    for client in &inventory.clients {
        for word in client.addresses.iter().chain(&client.initiators) {
            if let Some(first) = seen.get(word.as_str()) {
                problems.warning(
                    &client.place,
                    format!(
                        "clients {} and {} both admit {word}",
                        first.name, client.name
                    ),
                    "it sees the disks of both; if that is not meant, remove it from one",
                );
            } else {
                seen.insert(word, client);
            }
        }
    }
}
