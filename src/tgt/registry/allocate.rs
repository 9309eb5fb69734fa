//! Giving identities: pure, so that two gateways that give at once give the same, and a race is only run again.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::{ImageEntry, TargetEntry};
use super::{ImageKey, Table};
use crate::model::SnapSpec;
use crate::tgt::inventory::{Place, Problems};

/// The first number that is given: those below are what tgt-admin gives to targets that others made (facts 0.4).
const FIRST_TID: u16 = 1001;

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

impl Table {
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
