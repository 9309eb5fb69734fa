//! Who has an image open: each gateway notes the clients of Ceph that its tgtd made, before anybody can write through them.
//!
//! Ceph itself forgets: the watch of a gateway that is frozen expires after 30 s, and there is a lock only once something
//! was written. What such a gateway has in flight would reach the image when it thaws, so a failover bars what is noted here
//! as well. A gateway changes its own notes only, and says first that it is about to open an image: a note that was begun and
//! not finished names a client that nobody knows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::{ATTEMPTS, ImageKey, Store, Table, endless};
use crate::model::HostName;
use crate::{Error, Kind, Result};

/// Of each image, what each gateway noted.
pub type Holdings = BTreeMap<ImageKey, BTreeMap<HostName, Holding>>;

/// What a gateway noted of one image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holding {
    /// The addresses of its clients of Ceph that have the image open, as Ceph's blocklist takes them; none once it is closed.
    pub clients: BTreeSet<String>,
    /// It was about to open the image: there may be a client more, of which nothing is known.
    pub opening: bool,
}

impl Holding {
    /// Whether the gateway has the image closed, for all that it noted.
    pub fn is_closed(&self) -> bool {
        self.clients.is_empty() && !self.opening
    }
}

/// Notes that a gateway is about to open `images`, each with its client; refused if meanwhile another gateway serves one of the
/// clients than `active` says. From the answer on, no failover takes the images to be closed here.
pub fn note_opening(
    store: &dyn Store,
    gateway: &HostName,
    images: &BTreeMap<ImageKey, &str>,
    active: &BTreeMap<String, HostName>,
) -> Result<()> {
    for _ in 0..ATTEMPTS {
        let snapshot = store.read()?;
        let table = Table::read(&snapshot)?;
        let moved = |client: &&&str| table.active().get(**client) != active.get(**client);
        if let Some(client) = images.values().find(moved) {
            let message = format!("client {client} was moved to another gateway meanwhile");
            return Err(Error::new(Kind::Busy, message)
                .remedy("run the same command again: it follows the registry"));
        }
        let note = |key: &ImageKey| {
            let known = table.holdings().get(key).and_then(|of| of.get(gateway));
            let mut holding = known.cloned().unwrap_or_default();
            holding.opening = true;
            Entry::Open(gateway.clone(), key.clone(), holding).write()
        };
        let entries = images
            .keys()
            .map(note)
            .collect::<Result<BTreeMap<_, _>>>()?;
        if store.write(snapshot.generation, &entries)? {
            return Ok(());
        }
    }
    Err(endless(store))
}

/// Notes what a gateway has open. Whatever else changed meanwhile does not matter: nobody else writes these entries.
pub fn note(
    store: &dyn Store,
    gateway: &HostName,
    holdings: &BTreeMap<ImageKey, Holding>,
) -> Result<()> {
    let entry = |(key, holding): (&ImageKey, &Holding)| {
        Entry::Open(gateway.clone(), key.clone(), holding.clone()).write()
    };
    let entries = holdings
        .iter()
        .map(entry)
        .collect::<Result<BTreeMap<_, _>>>()?;
    for _ in 0..ATTEMPTS {
        if store.write(store.generation()?, &entries)? {
            return Ok(());
        }
    }
    Err(endless(store))
}

/// What all gateways noted.
pub fn holdings(store: &dyn Store) -> Result<Holdings> {
    Ok(Table::read(&store.read()?)?.holdings().clone())
}
