//! The registry in a RADOS object: one entry per key of its omap, and the generation that every change compares and
//! raises, in one operation of the OSD.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Snapshot, Store};
use crate::ceph::{Pool, omap};
use crate::{Context, Error, Kind, Result};

const GENERATION: &str = "generation";

/// An object of a pool.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    pool: Pool,
    object: String,
}

impl ObjectStore {
    /// The registry in an object, which need not be there yet.
    pub const fn new(pool: Pool, object: String) -> Self {
        Self { pool, object }
    }

    fn bad(&self, why: impl std::fmt::Display) -> Error {
        Error::new(
            Kind::Mismatch,
            format!("{} cannot be read: {why}", self.place()),
        )
    }

    fn number(&self, value: Option<&Vec<u8>>) -> Result<u64> {
        let Some(value) = value else { return Ok(0) };
        let text = std::str::from_utf8(value).ok();
        text.and_then(|text| text.parse().ok())
            .ok_or_else(|| self.bad("its generation is no number"))
    }
}

impl Store for ObjectStore {
    fn read(&self) -> Result<Snapshot> {
        let cannot = || format!("cannot read {}", self.place());
        super::contest(self, || {
            let mut all = omap::list(&self.pool, &self.object).context(cannot)?;
            let generation = self.number(all.remove(GENERATION).as_ref())?;
            // many pages are not one moment: whoever changed something meanwhile raised the generation
            if self.generation()? != generation {
                return Ok(None);
            }
            let entries: Result<BTreeMap<String, Value>> = all
                .into_iter()
                .map(|(key, value)| {
                    let value = serde_json::from_slice(&value)
                        .map_err(|why| self.bad(format!("entry {key:?}: {why}")))?;
                    Ok((key, value))
                })
                .collect();
            let entries = entries?;
            Ok(Some(Snapshot {
                generation,
                entries,
            }))
        })
    }

    fn generation(&self) -> Result<u64> {
        let value = omap::get(&self.pool, &self.object, GENERATION);
        self.number(
            value
                .context(|| format!("cannot read {}", self.place()))?
                .as_ref(),
        )
    }

    fn write(&self, old: u64, entries: &BTreeMap<String, Value>) -> Result<bool> {
        let mut values: BTreeMap<String, Vec<u8>> = entries
            .iter()
            .map(|(key, value)| (key.clone(), value.to_string().into_bytes()))
            .collect();
        values.insert(GENERATION.into(), (old + 1).to_string().into_bytes());
        let before = (old > 0).then(|| old.to_string());
        omap::compare_and_set(
            &self.pool,
            &self.object,
            GENERATION,
            before.as_deref().map(str::as_bytes),
            &values,
        )
        .context(|| format!("cannot change {}", self.place()))
    }

    fn place(&self) -> String {
        format!("the registry, object {} of pool {}", self.object, self.pool)
    }
}
