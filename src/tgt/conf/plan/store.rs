//! The stores of a target, and the numbers that its LUNs get.

use std::collections::{BTreeMap, BTreeSet};

use super::{Script, Stop};
use crate::tgt::conf::files::FileKind;
use crate::tgt::conf::lines::LineId;
use crate::tgt::conf::text::to_path;
use crate::tgt::conf::tree::{Map, Value};

/// What the blocks of a target reserve.
pub(super) struct Stores {
    /// `lun` and `allow-in-use` of each path.
    reserved: BTreeMap<String, (String, String)>,
    /// Every value of both, because the search for a free number takes both for numbers.
    taken: BTreeSet<String>,
    next: u64,
}

/// A store as it stands in the configuration.
pub(super) struct Store<'a> {
    pub path: String,
    /// The options of its block, if it has one.
    pub block: Option<&'a Map>,
    pub at: LineId,
}

impl Stores {
    pub fn new(target: &Map) -> Self {
        let mut reserved = BTreeMap::new();
        for kind in ["backing-store", "direct-store"] {
            let blocks = target.get(kind).and_then(Value::block);
            for (path, value) in blocks.iter().flat_map(|blocks| &blocks.entries) {
                let text = |option: &str| {
                    let block = value.block();
                    block.map_or_else(String::new, |block| block.text(option).into_owned())
                };
                reserved.insert(path.clone(), (text("lun"), text("allow-in-use")));
            }
        }
        let taken = reserved
            .values()
            .flat_map(|(lun, allow)| [lun.clone(), allow.clone()])
            .collect();
        Self {
            reserved,
            taken,
            next: 1,
        }
    }

    /// The number of a store: its own, or the first that nobody wants.
    pub fn lun(&mut self, path: &str) -> String {
        if let Some((lun, _)) = self.reserved.get(path).filter(|(lun, _)| !lun.is_empty()) {
            return lun.clone();
        }
        while self.taken.contains(&self.next.to_string()) {
            self.next += 1;
        }
        let lun = self.next.to_string();
        self.taken.insert(lun.clone());
        self.reserved.entry(path.to_owned()).or_default().0 = lun.clone();
        lun
    }
}

impl Script<'_> {
    /// The script looks into each store that is a block before it makes the target, and dies of anything else there.
    pub(super) fn stores_are_blocks(&self, value: &Value) -> Result<(), Stop> {
        let blocks = value.block().into_iter().flat_map(|map| &map.entries);
        for (_, value) in blocks {
            if matches!(value, Value::Text(..) | Value::Array(_)) {
                return Err(self.died(value, "a store's block has no path"));
            }
        }
        Ok(())
    }

    /// All stores of one kind, sorted by path and each once.
    pub(super) fn add_stores(
        &mut self,
        target: &Map,
        driver: &str,
        value: &Value,
        stores: &mut Stores,
    ) -> Result<(), Stop> {
        let mut sorted: BTreeMap<String, Store<'_>> = BTreeMap::new();
        match value {
            Value::Block(blocks) => {
                for (path, value) in &blocks.entries {
                    let store = Store {
                        path: path.clone(),
                        block: value.block(),
                        at: value.at(),
                    };
                    sorted.insert(path.clone(), store);
                }
            }
            plain => {
                for value in plain.each() {
                    let path = value.text().into_owned();
                    sorted.entry(path.clone()).or_insert_with(|| Store {
                        path,
                        block: None,
                        at: value.at(),
                    });
                }
            }
        }
        if sorted.keys().any(|path| path.contains("HASH")) {
            let why = "plain stores and blocks are mixed, or a path has HASH in it";
            return Err(self.refuse(Some(value), why));
        }
        for store in sorted.values() {
            self.add_store(target, driver, store, stores)?;
        }
        Ok(())
    }

    fn add_store(
        &mut self,
        target: &Map,
        driver: &str,
        store: &Store<'_>,
        stores: &mut Stores,
    ) -> Result<(), Stop> {
        let bstype = target.text("bs-type");
        let anything = bstype.contains("glfs") || bstype.contains("rbd");
        if anything || self.is_file(&store.path) {
            let lun = stores.lun(&store.path);
            return self.add_lun(target, driver, store, lun);
        }
        let path = &store.path;
        self.say(format!("# Skipping device: {path}"), Some(store.at));
        let remark = format!("# {path} does not exist - please check the configuration file");
        self.say(remark, Some(store.at));
        let skipped = super::SkippedLun {
            path: path.clone(),
            at: store.at,
        };
        self.target(|target| target.skipped.push(skipped));
        Ok(())
    }

    /// A file or a device; not a directory.
    fn is_file(&self, path: &str) -> bool {
        let kind = self
            .files
            .kind(&to_path(path, !path.is_ascii() && !is_bytes(path)));
        kind.is_some_and(|kind| kind != FileKind::Directory)
    }
}

fn is_bytes(text: &str) -> bool {
    text.chars().all(|c| u32::from(c) < 256)
}
