//! Who has an image open: each gateway notes the clients of Ceph that its tgtd made, before anybody can write through them.
//!
//! Ceph itself forgets: the watch of a gateway that is frozen expires after 30 s, and there is a lock only once something
//! was written. What such a gateway has in flight would reach the image when it thaws, so a failover bars what is noted here
//! as well, and closes the note then; until that is done nobody else opens the image. Other than that a gateway changes its own
//! notes only, and says first that it is about to open an image: a note that was begun and not finished names a client that
//! nobody knows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::{ImageKey, Store, Table, contest};
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

/// The first other gateway that noted that it has an image open, and not that it is closed.
pub fn open_elsewhere<'a>(
    holdings: &'a Holdings,
    key: &ImageKey,
    gateway: &HostName,
) -> Option<&'a HostName> {
    let of = holdings.get(key)?;
    let open = |(other, holding): &(&HostName, &Holding)| *other != gateway && !holding.is_closed();
    of.iter().find(open).map(|(other, _)| other)
}

/// Why an image of a client is not opened on `gateway`: `holder` may still have it open, whatever Ceph shows.
pub fn may_be_open(
    client: &str,
    image: impl std::fmt::Display,
    holder: &HostName,
    gateway: &HostName,
) -> Error {
    let message =
        format!("{holder} noted that it has {image} open, and not that it has closed it since");
    Error::new(Kind::Busy, message).remedy(format!(
        "`warmblock tgt failover {client} --to {gateway}`: it asks {holder} to let go, or bars it from Ceph; a note that a killed \
         `tgt apply` left is settled by another `warmblock tgt apply` on {holder} or, if {holder} is off, by `failover --dead`"
    ))
}

/// Notes that a gateway is about to open `images`, each with its client; refused if meanwhile another gateway serves one of the
/// clients than `active` says, or while another one may have one of the images open. From the answer on, no failover takes the
/// images to be closed here.
pub fn note_opening(
    store: &dyn Store,
    gateway: &HostName,
    images: &BTreeMap<ImageKey, &str>,
    active: &BTreeMap<String, HostName>,
) -> Result<()> {
    contest(store, || {
        let snapshot = store.read()?;
        let table = Table::read(&snapshot)?;
        unmoved(&table, images.values().copied(), active)?;
        for (key, client) in images {
            if let Some(holder) = open_elsewhere(table.holdings(), key, gateway) {
                return Err(may_be_open(client, format!("image {key}"), holder, gateway));
            }
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
        let written = store.write(snapshot.generation, &entries)?;
        Ok(written.then_some(()))
    })
}

/// Refuses what is to be done for `clients` by an `active` that is not the registry's any more: another gateway serves one of them
/// by now.
pub fn refuse_moved<'a>(
    store: &dyn Store,
    clients: impl Iterator<Item = &'a str>,
    active: &BTreeMap<String, HostName>,
) -> Result<()> {
    unmoved(&Table::read(&store.read()?)?, clients, active)
}

fn unmoved<'a>(
    table: &Table,
    mut clients: impl Iterator<Item = &'a str>,
    active: &BTreeMap<String, HostName>,
) -> Result<()> {
    let Some(client) = clients.find(|client| table.active().get(*client) != active.get(*client))
    else {
        return Ok(());
    };
    let message = format!("client {client} was moved to another gateway meanwhile");
    Err(Error::new(Kind::Busy, message)
        .remedy("run the same command again: it follows the registry"))
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
    contest(store, || {
        let written = store.write(store.generation()?, &entries)?;
        Ok(written.then_some(()))
    })
}

/// Closes notes of gateways that were barred, as they were read when that was done. One that changed since stays: nobody knows
/// whether what it names is barred.
pub fn close(store: &dyn Store, barred: &Holdings) -> Result<()> {
    contest(store, || {
        let snapshot = store.read()?;
        let table = Table::read(&snapshot)?;
        let mut entries = BTreeMap::new();
        for (key, of) in barred {
            let now = table.holdings().get(key);
            for (gateway, holding) in of {
                if now.and_then(|now| now.get(gateway)) == Some(holding) {
                    let closed = Holding::default();
                    entries.extend([Entry::Open(gateway.clone(), key.clone(), closed).write()?]);
                }
            }
        }
        let done = entries.is_empty() || store.write(snapshot.generation, &entries)?;
        Ok(done.then_some(()))
    })
}

/// What all gateways noted.
pub fn holdings(store: &dyn Store) -> Result<Holdings> {
    Ok(Table::read(&store.read()?)?.holdings().clone())
}
