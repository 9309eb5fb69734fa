//! The registry's contents, read once: who everything is, who serves, and who has what open.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::entry::{Entry, ImageEntry, TargetEntry};
use super::{Holdings, ImageKey, LunIdentity, Snapshot};
use crate::Result;
use crate::model::{HostName, SnapSpec};

/// All identities.
#[derive(Debug, Clone, Default)]
pub struct Table {
    pub(super) targets: BTreeMap<String, TargetEntry>,
    pub(super) images: BTreeMap<ImageKey, ImageEntry>,
    active: BTreeMap<String, HostName>,
    holdings: Holdings,
    pub(super) names: BTreeMap<String, ImageKey>,
    pub(super) tids: BTreeSet<u16>,
    pub(super) scsi_ids: HashSet<String>,
    pub(super) scsi_sns: HashSet<String>,
    pub(super) changed_targets: BTreeSet<String>,
    pub(super) changed_images: BTreeSet<ImageKey>,
}

impl Table {
    /// The table that a store holds.
    pub fn read(snapshot: &Snapshot) -> Result<Self> {
        let mut table = Self::default();
        for (name, value) in &snapshot.entries {
            match Entry::read(name, value)? {
                Entry::Target(iqn, entry) => {
                    table.tids.insert(entry.tid);
                    table.targets.insert(iqn, entry);
                }
                Entry::Image(key, entry) => table.insert_image(key, entry),
                Entry::Active(client, gateway) => drop(table.active.insert(client, gateway)),
                Entry::Open(gateway, key, holding) => {
                    let of_image = table.holdings.entry(key).or_default();
                    of_image.insert(gateway, holding);
                }
            }
        }
        Ok(table)
    }

    pub(super) fn insert_image(&mut self, key: ImageKey, entry: ImageEntry) {
        self.scsi_ids.insert(entry.scsi_id.clone());
        self.scsi_sns.insert(entry.scsi_sn.clone());
        if !entry.name.is_empty() {
            self.names.insert(entry.name.clone(), key.clone());
        }
        self.images.insert(key, entry);
    }

    /// The image that was called so last.
    pub fn by_name(&self, name: &SnapSpec) -> Option<&ImageKey> {
        self.names.get(&name.to_string())
    }

    /// Every target that ever was given a number.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.targets.keys().map(String::as_str)
    }

    /// Which gateway serves each client that ever was moved by a failover.
    pub const fn active(&self) -> &BTreeMap<String, HostName> {
        &self.active
    }

    /// By which clients of Ceph each gateway has images open, as the gateways noted it.
    pub const fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    /// Every image that ever was given an identity, with its SCSI id and the name that it had last.
    pub fn images(&self) -> impl Iterator<Item = (&ImageKey, &str, &str)> {
        let images = self.images.iter();
        images.map(|(key, entry)| (key, entry.scsi_id.as_str(), entry.name.as_str()))
    }

    /// A target's number.
    pub fn tid(&self, iqn: &str) -> Option<u16> {
        Some(self.targets.get(iqn)?.tid)
    }

    /// Who an image is as a LUN of a target.
    pub fn lun(&self, iqn: &str, key: &ImageKey) -> Option<LunIdentity> {
        let number = *self.targets.get(iqn)?.luns.get(key)?;
        let image = self.images.get(key)?;
        Some(LunIdentity {
            key: key.clone(),
            number,
            scsi_id: image.scsi_id.clone(),
            scsi_sn: image.scsi_sn.clone(),
        })
    }

    /// The entries that were changed since it was read.
    pub fn changed(&self) -> Result<BTreeMap<String, Value>> {
        let targets = self.changed_targets.iter().filter_map(|iqn| {
            let entry = self.targets.get(iqn)?;
            Some(Entry::Target(iqn.clone(), entry.clone()))
        });
        let images = self.changed_images.iter().filter_map(|key| {
            let entry = self.images.get(key)?;
            Some(Entry::Image(key.clone(), entry.clone()))
        });
        targets.chain(images).map(Entry::write).collect()
    }
}
