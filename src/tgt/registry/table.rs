//! Giving identities: pure, so that two gateways that give at once give the same, and a race is only run again.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ImageKey, LunIdentity, Snapshot};
use crate::model::{HostName, SnapSpec};
use crate::tgt::inventory::{Place, Problems};
use crate::{Error, Kind, Result};

/// The first number that is given: those below are what tgt-admin gives to targets that others made (facts 0.4).
const FIRST_TID: u16 = 1001;
const TARGET: &str = "target/";
const IMAGE: &str = "image/";
const ACTIVE: &str = "active/";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetEntry {
    tid: u16,
    /// Every image that ever was a LUN of it, so that no number means another one later.
    luns: BTreeMap<ImageKey, u8>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageEntry {
    /// What it was called last; empty when another image is called so now.
    name: String,
    scsi_id: String,
    scsi_sn: String,
}

/// Which gateway serves a client since its last failover.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActiveEntry {
    gateway: HostName,
}

/// A target that needs identities.
#[derive(Debug, Clone)]
pub struct Want {
    /// Its name.
    pub iqn: String,
    /// The number that it should have.
    pub tid: Option<u16>,
    /// Its LUNs.
    pub luns: Vec<WantLun>,
    /// Where it was asked for.
    pub place: Place,
}

/// A LUN that needs identities.
#[derive(Debug, Clone)]
pub struct WantLun {
    /// Its image.
    pub key: ImageKey,
    /// The image's name now.
    pub name: SnapSpec,
    /// The number that it should have.
    pub number: Option<u8>,
    /// The id that it should have.
    pub scsi_id: Option<String>,
    /// The serial that it should have.
    pub scsi_sn: Option<String>,
    /// Where it was asked for.
    pub place: Place,
}

/// All identities.
#[derive(Debug, Clone, Default)]
pub struct Table {
    targets: BTreeMap<String, TargetEntry>,
    images: BTreeMap<ImageKey, ImageEntry>,
    active: BTreeMap<String, HostName>,
    names: BTreeMap<String, ImageKey>,
    tids: BTreeSet<u16>,
    scsi_ids: HashSet<String>,
    scsi_sns: HashSet<String>,
    changed_targets: BTreeSet<String>,
    changed_images: BTreeSet<ImageKey>,
}

impl Table {
    /// The table that a store holds.
    pub fn read(snapshot: &Snapshot) -> Result<Self> {
        let mut table = Self::default();
        for (name, value) in &snapshot.entries {
            let bad = |why: String| {
                Error::new(
                    Kind::Mismatch,
                    format!("the registry's entry {name:?} cannot be read: {why}"),
                )
            };
            if let Some(iqn) = name.strip_prefix(TARGET) {
                let entry: TargetEntry =
                    TargetEntry::deserialize(value).map_err(|error| bad(error.to_string()))?;
                table.tids.insert(entry.tid);
                table.targets.insert(iqn.to_owned(), entry);
            } else if let Some(key) = name.strip_prefix(IMAGE) {
                let key: ImageKey = key
                    .parse()
                    .map_err(|error: crate::model::ParseError| bad(error.to_string()))?;
                let entry =
                    ImageEntry::deserialize(value).map_err(|error| bad(error.to_string()))?;
                table.insert_image(key, entry);
            } else if let Some(client) = name.strip_prefix(ACTIVE) {
                let entry =
                    ActiveEntry::deserialize(value).map_err(|error| bad(error.to_string()))?;
                table.active.insert(client.to_owned(), entry.gateway);
            } else {
                return Err(bad("a newer warmblock wrote it".into()));
            }
        }
        Ok(table)
    }

    fn insert_image(&mut self, key: ImageKey, entry: ImageEntry) {
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

    /// The entry that says which gateway serves a client.
    pub fn active_entry(client: &str, gateway: &HostName) -> Result<(String, Value)> {
        let entry = ActiveEntry {
            gateway: gateway.clone(),
        };
        let value = serde_json::to_value(entry).map_err(|error| {
            Error::new(Kind::Internal, "cannot write a registry entry").because(error)
        })?;
        Ok((format!("{ACTIVE}{client}"), value))
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
    pub fn changed(&self) -> BTreeMap<String, Value> {
        let targets = self.changed_targets.iter().filter_map(|iqn| {
            Some((
                format!("{TARGET}{iqn}"),
                serde_json::to_value(self.targets.get(iqn)?).ok()?,
            ))
        });
        let images = self.changed_images.iter().filter_map(|key| {
            Some((
                format!("{IMAGE}{key}"),
                serde_json::to_value(self.images.get(key)?).ok()?,
            ))
        });
        targets.chain(images).collect()
    }

    /// Gives what is missing, and says in words what was given. What is asked for and cannot be is a problem.
    pub fn allocate(&mut self, wants: &[Want], problems: &mut Problems) -> Vec<String> {
        let mut news = Vec::new();
        // numbers that somebody asks for are nobody else's, in whatever order they come
        let asked: BTreeSet<u16> = wants.iter().filter_map(|want| want.tid).collect();
        for want in wants {
            self.target(want, &asked, problems, &mut news);
            for lun in &want.luns {
                self.image(lun, problems, &mut news);
            }
            self.numbers(want, problems, &mut news);
        }
        news
    }

    fn target(
        &mut self,
        want: &Want,
        asked: &BTreeSet<u16>,
        problems: &mut Problems,
        news: &mut Vec<String>,
    ) {
        if let Some(entry) = self.targets.get(&want.iqn) {
            if let Some(tid) = want.tid.filter(|tid| *tid != entry.tid) {
                problems.error(
                    &want.place,
                    format!(
                        "target {} asks for tid {tid} and has {} for ever",
                        want.iqn, entry.tid
                    ),
                    "leave tid out: a part of every LUN's page 83 is made of it",
                );
            }
            return;
        }
        let free = |tid: &u16| !self.tids.contains(tid) && !asked.contains(tid);
        let tid = match want.tid {
            Some(tid) if self.tids.contains(&tid) => {
                problems.error(
                    &want.place,
                    format!(
                        "target {} asks for tid {tid}, which is or was another's",
                        want.iqn
                    ),
                    "leave tid out: the registry gives one",
                );
                return;
            }
            Some(tid) => Some(tid),
            None => {
                let next = self
                    .tids
                    .range(FIRST_TID..)
                    .next_back()
                    .map_or(FIRST_TID, |last| last.saturating_add(1));
                (next..=u16::MAX).chain(FIRST_TID..next).find(free)
            }
        };
        let Some(tid) = tid else {
            problems.error(&want.place, "all 64535 target numbers were given", "they are never given again; use another registry, which must share no client with this one");
            return;
        };
        news.push(format!("target {} has tid {tid}", want.iqn));
        self.tids.insert(tid);
        self.targets.insert(
            want.iqn.clone(),
            TargetEntry {
                tid,
                luns: BTreeMap::new(),
            },
        );
        self.changed_targets.insert(want.iqn.clone());
    }

    fn image(&mut self, want: &WantLun, problems: &mut Problems, news: &mut Vec<String>) {
        let name = want.name.to_string();
        if let Some(entry) = self.images.get(&want.key) {
            for (what, asked, has) in [
                ("scsi_id", &want.scsi_id, &entry.scsi_id),
                ("scsi_sn", &want.scsi_sn, &entry.scsi_sn),
            ] {
                if let Some(asked) = asked.as_ref().filter(|asked| *asked != has) {
                    problems.error(
                        &want.place,
                        format!("{name} asks for {what} {asked} and has {has} for ever"),
                        format!("leave {what} out: ESXi would take the datastore for a copy"),
                    );
                }
            }
            if entry.name != name {
                news.push(format!(
                    "{name} was called {} before",
                    if entry.name.is_empty() {
                        "otherwise"
                    } else {
                        &entry.name
                    }
                ));
                self.rename(&want.key, name);
            }
            return;
        }
        let Some((scsi_id, scsi_sn)) = self.fresh(want, problems) else {
            return;
        };
        news.push(format!("{name} has scsi_id {scsi_id}"));
        self.forget_name(&name);
        self.changed_images.insert(want.key.clone());
        self.insert_image(
            want.key.clone(),
            ImageEntry {
                name,
                scsi_id,
                scsi_sn,
            },
        );
    }

    /// An id and a serial that nobody ever had: what was asked for, else what the key gives.
    fn fresh(&self, want: &WantLun, problems: &mut Problems) -> Option<(String, String)> {
        for (what, asked, used) in [
            ("scsi_id", &want.scsi_id, &self.scsi_ids),
            ("scsi_sn", &want.scsi_sn, &self.scsi_sns),
        ] {
            if let Some(asked) = asked.as_ref().filter(|asked| used.contains(*asked)) {
                problems.error(
                    &want.place,
                    format!(
                        "{} asks for {what} {asked}, which is or was another's",
                        want.name
                    ),
                    format!("leave {what} out: the registry gives one"),
                );
                return None;
            }
        }
        let free = |(id, sn): &(String, String)| {
            (want.scsi_id.is_some() || !self.scsi_ids.contains(id))
                && (want.scsi_sn.is_some() || !self.scsi_sns.contains(sn))
        };
        let (id, sn) = (0..).map(|salt| want.key.derive(salt)).find(free)?;
        Some((
            want.scsi_id.clone().unwrap_or(id),
            want.scsi_sn.clone().unwrap_or(sn),
        ))
    }

    fn rename(&mut self, key: &ImageKey, name: String) {
        self.forget_name(&name);
        if let Some(entry) = self.images.get_mut(key) {
            if self.names.get(&entry.name) == Some(key) {
                self.names.remove(&entry.name);
            }
            entry.name.clone_from(&name);
            self.names.insert(name, key.clone());
            self.changed_images.insert(key.clone());
        }
    }

    /// Another image is called so now.
    fn forget_name(&mut self, name: &str) {
        if let Some(key) = self.names.remove(name)
            && let Some(entry) = self.images.get_mut(&key)
        {
            entry.name.clear();
            self.changed_images.insert(key);
        }
    }

    /// LUN numbers of one target: those that are asked for first, then the lowest that it never had.
    fn numbers(&mut self, want: &Want, problems: &mut Problems, news: &mut Vec<String>) {
        let Some(entry) = self.targets.get_mut(&want.iqn) else {
            return;
        };
        let mut used: BTreeSet<u8> = entry.luns.values().copied().collect();
        let mut given: Vec<(&WantLun, u8)> = Vec::new();
        for lun in &want.luns {
            let Some(asked) = lun.number else { continue };
            match entry.luns.get(&lun.key) {
                Some(has) if *has == asked => {}
                Some(has) => problems.error(
                    &lun.place,
                    format!("{} asks for LUN {asked} and has {has} for ever", lun.name),
                    "leave number out: ESXi would take the datastore for a copy",
                ),
                None if used.contains(&asked) => problems.error(
                    &lun.place,
                    format!(
                        "{} asks for LUN {asked} of {}, which is or was another image's",
                        lun.name, want.iqn
                    ),
                    "leave number out: the registry gives one",
                ),
                None => {
                    used.insert(asked);
                    given.push((lun, asked));
                }
            }
        }
        for lun in &want.luns {
            if lun.number.is_some() || entry.luns.contains_key(&lun.key) {
                continue;
            }
            match (1..=u8::MAX).find(|number| !used.contains(number)) {
                Some(number) => {
                    used.insert(number);
                    given.push((lun, number));
                }
                None => problems.error(
                    &lun.place,
                    format!("target {} had all of its 255 LUNs", want.iqn),
                    "numbers are never given again: add another target for the client",
                ),
            }
        }
        for (lun, number) in given {
            news.push(format!("{} is LUN {number} of {}", lun.name, want.iqn));
            entry.luns.insert(lun.key.clone(), number);
            self.changed_targets.insert(want.iqn.clone());
        }
    }
}
