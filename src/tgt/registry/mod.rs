//! The registry of identities: which number, LUN, SCSI id and serial each target and image has, for ever.
//!
//! tgt makes all of these from the position of a target among all targets, so they move when a client is added and two
//! gateways give the same ones to different images (facts 3.1); ESXi takes a datastore whose id changed for a copy and does
//! not mount it. Here they are given once, site-wide, kept where every gateway reads them, and never given again: entries
//! are added and never removed.
//!
//! [`Table`] is the pure core; [`Store`] keeps it, in a RADOS object or in a file.

mod allocate;
mod entry;
mod file;
mod holding;
mod key;
mod object;
mod open;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_races;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

pub use allocate::{Want, WantLun};
use entry::Entry;
pub use file::FileStore;
pub use holding::{
    Holding, Holdings, close, holdings, may_be_open, note, note_opening, open_elsewhere,
    refuse_moved,
};
pub use key::ImageKey;
pub use object::ObjectStore;
pub use open::{Lookup, resolve, serve_from, store};
pub use table::Table;

use super::inventory::{Inventory, Problems};
use crate::model::{HostName, SnapSpec};
use crate::sys::wait;
use crate::{Error, Kind, Result};

/// For how long a lost race is run again; each loss means that somebody else won.
const CONTEST: Duration = Duration::from_secs(30);

/// What a store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Rises by one with every change; 0 is an empty store.
    pub generation: u64,
    /// The entries.
    pub entries: BTreeMap<String, serde_json::Value>,
}

/// Where a table is kept, with compare-and-set.
pub trait Store {
    /// Everything.
    fn read(&self) -> Result<Snapshot>;
    /// The generation alone.
    fn generation(&self) -> Result<u64>;
    /// Adds or replaces entries if the generation still is `old`, and raises it; whether it was.
    fn write(&self, old: u64, entries: &BTreeMap<String, serde_json::Value>) -> Result<bool>;
    /// Where it is, in words.
    fn place(&self) -> String;
}

/// Who a LUN is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LunIdentity {
    /// Its image.
    pub key: ImageKey,
    /// Its number.
    pub number: u8,
    /// Page 83's id: 32 hexadecimal digits, the first a 6.
    pub scsi_id: String,
    /// Page 80's serial.
    pub scsi_sn: String,
}

/// Who everything of an inventory is.
#[derive(Debug, Clone, Default)]
pub struct Identities {
    tids: HashMap<String, u16>,
    luns: HashMap<SnapSpec, LunIdentity>,
    /// Every target that ever was ours: what of a daemon may be touched.
    pub ours: BTreeSet<String>,
    /// What was given anew by this run, in words.
    pub news: Vec<String>,
    /// Which gateway serves each client that ever was moved by a failover.
    pub active: BTreeMap<String, HostName>,
    /// By which clients of Ceph each gateway has images open.
    pub holdings: Holdings,
    scsi_ids: HashMap<String, ImageKey>,
    names: HashMap<String, ImageKey>,
}

impl Identities {
    /// A target's number.
    pub fn tid(&self, iqn: &str) -> Result<u16> {
        self.tids.get(iqn).copied().ok_or_else(|| unknown(iqn))
    }

    /// A LUN's identity.
    pub fn lun(&self, image: &SnapSpec) -> Result<&LunIdentity> {
        self.luns.get(image).ok_or_else(|| unknown(image))
    }

    /// The image behind a LUN of a daemon: known by its id, and by its name in the moment before it has that.
    pub fn image(&self, scsi_id: &str, path: &str) -> Option<&ImageKey> {
        self.scsi_ids.get(scsi_id).or_else(|| self.names.get(path))
    }
}

fn unknown(what: impl std::fmt::Display) -> Error {
    Error::new(
        Kind::Internal,
        format!("{what} has no identity after it was given one"),
    )
}

/// The identities of an inventory; new ones are given, and kept unless this is a dry run. Without the `keys` that Ceph knows, images
/// are known by the name that they had last.
pub fn identify(
    inventory: &Inventory,
    store: &dyn Store,
    keys: Option<&HashMap<SnapSpec, ImageKey>>,
    save: bool,
) -> Result<Identities> {
    contest(store, || {
        let snapshot = store.read()?;
        let mut table = Table::read(&snapshot).map_err(|error| {
            error.remedy(format!(
                "look at {}: it is changed by warmblock only",
                store.place()
            ))
        })?;
        let mut problems = Problems::default();
        let wants = wants(inventory, &table, keys, &mut problems);
        let news = table.allocate(&wants, &mut problems);
        problems.check()?;
        let changed = table.changed()?;
        if !save || changed.is_empty() || store.write(snapshot.generation, &changed)? {
            return identities(&table, &wants, news).map(Some);
        }
        Ok(None)
    })
}

/// Notes which gateway serves a client from now on; whether that is new.
pub fn set_active(store: &dyn Store, client: &str, gateway: &HostName) -> Result<bool> {
    contest(store, || {
        let snapshot = store.read()?;
        let table = Table::read(&snapshot)?;
        if table.active().get(client) == Some(gateway) {
            return Ok(Some(false));
        }
        let entry = Entry::Active(client.to_owned(), gateway.clone());
        let entries = BTreeMap::from([entry.write()?]);
        let written = store.write(snapshot.generation, &entries)?;
        Ok(written.then_some(true))
    })
}

/// Tries until nobody else was faster (`None`), with pauses that grow: where many gateways start at once, one of them wins each
/// time, and the others must not all come back at once.
fn contest<T>(store: &dyn Store, mut attempt: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    wait::poll(CONTEST, || attempt().transpose()).unwrap_or_else(|| Err(endless(store)))
}

fn endless(store: &dyn Store) -> Error {
    Error::new(
        Kind::Busy,
        format!("{} is being changed without end", store.place()),
    )
    .remedy("see which other gateways run warmblock, then run the same command again")
}

fn wants(
    inventory: &Inventory,
    table: &Table,
    keys: Option<&HashMap<SnapSpec, ImageKey>>,
    problems: &mut Problems,
) -> Vec<Want> {
    let mut wants = Vec::new();
    for (_, target) in inventory.targets() {
        let mut luns = Vec::new();
        for lun in &target.luns {
            let key = match keys {
                Some(keys) => keys.get(&lun.image).cloned(),
                None => table.by_name(&lun.image).cloned(),
            };
            let Some(key) = key else {
                problems.error(&lun.place, format!("{} has no identity yet", lun.image), "run this once where Ceph can be reached: its id there is what the identity is made of");
                continue;
            };
            luns.push(WantLun {
                key,
                name: lun.image.clone(),
                number: lun.number,
                scsi_id: lun.scsi_id.clone(),
                scsi_sn: lun.scsi_sn.clone(),
                place: lun.place.clone(),
            });
        }
        wants.push(Want {
            iqn: target.iqn.clone(),
            tid: target.tid,
            luns,
            place: target.place.clone(),
        });
    }
    wants.sort_by(|a, b| a.iqn.cmp(&b.iqn));
    wants
}

fn identities(table: &Table, wants: &[Want], news: Vec<String>) -> Result<Identities> {
    let mut identities = Identities {
        ours: table.targets().map(ToOwned::to_owned).collect(),
        active: table.active().clone(),
        holdings: table.holdings().clone(),
        news,
        ..Identities::default()
    };
    for (key, scsi_id, name) in table.images() {
        identities.scsi_ids.insert(scsi_id.to_owned(), key.clone());
        identities.names.insert(name.to_owned(), key.clone());
    }
    for want in wants {
        let tid = table.tid(&want.iqn).ok_or_else(|| unknown(&want.iqn))?;
        identities.tids.insert(want.iqn.clone(), tid);
        for lun in &want.luns {
            let identity = table
                .lun(&want.iqn, &lun.key)
                .ok_or_else(|| unknown(&lun.name))?;
            identities.luns.insert(lun.name.clone(), identity);
        }
    }
    Ok(identities)
}
