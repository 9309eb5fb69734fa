//! The registry's entries as they are kept: what each name begins with, and the JSON behind it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Holding, ImageKey};
use crate::model::{HostName, ParseError};
use crate::{Error, Kind, Result};

const TARGET: &str = "target/";
const IMAGE: &str = "image/";
const ACTIVE: &str = "active/";
const OPEN: &str = "open/";

/// A target and the numbers of its LUNs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetEntry {
    pub(super) tid: u16,
    /// Every image that ever was a LUN of it, so that no number means another one later.
    pub(super) luns: BTreeMap<ImageKey, u8>,
}

/// An image and its identity.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImageEntry {
    /// What it was called last; empty when another image is called so now.
    pub(super) name: String,
    pub(super) scsi_id: String,
    pub(super) scsi_sn: String,
}

/// Which gateway serves a client since its last failover.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActiveEntry {
    gateway: HostName,
}

/// An entry, by its name.
#[derive(Debug, Clone)]
pub(super) enum Entry {
    /// `target/IQN`.
    Target(String, TargetEntry),
    /// `image/KEY`.
    Image(ImageKey, ImageEntry),
    /// `active/CLIENT`.
    Active(String, HostName),
    /// `open/GATEWAY/KEY`.
    Open(HostName, ImageKey, Holding),
}

impl Entry {
    /// Reads one. What is not known was written by a later release, whose promises this one cannot keep.
    pub(super) fn read(name: &str, value: &Value) -> Result<Self> {
        let bad = |why: String| {
            Error::new(
                Kind::Mismatch,
                format!("the registry's entry {name:?} cannot be read: {why}"),
            )
        };
        let json = |error: serde_json::Error| bad(error.to_string());
        let word = |error: ParseError| bad(error.to_string());
        if let Some(iqn) = name.strip_prefix(TARGET) {
            let entry = TargetEntry::deserialize(value).map_err(json)?;
            Ok(Self::Target(iqn.to_owned(), entry))
        } else if let Some(key) = name.strip_prefix(IMAGE) {
            let entry = ImageEntry::deserialize(value).map_err(json)?;
            Ok(Self::Image(key.parse().map_err(word)?, entry))
        } else if let Some(client) = name.strip_prefix(ACTIVE) {
            let entry = ActiveEntry::deserialize(value).map_err(json)?;
            Ok(Self::Active(client.to_owned(), entry.gateway))
        } else if let Some((gateway, key)) = name
            .strip_prefix(OPEN)
            .and_then(|rest| rest.split_once('/'))
        {
            let holding = Holding::deserialize(value).map_err(json)?;
            let (gateway, key) = (gateway.parse().map_err(word)?, key.parse().map_err(word)?);
            Ok(Self::Open(gateway, key, holding))
        } else {
            Err(bad("a newer warmblock wrote it".into()))
        }
    }

    /// Its name and its value, as a store keeps them.
    pub(super) fn write(self) -> Result<(String, Value)> {
        let name = self.to_string();
        let value = match self {
            Self::Target(_, entry) => serde_json::to_value(entry),
            Self::Image(_, entry) => serde_json::to_value(entry),
            Self::Active(_, gateway) => serde_json::to_value(ActiveEntry { gateway }),
            Self::Open(_, _, holding) => serde_json::to_value(holding),
        };
        let value = value.map_err(|error| {
            Error::new(Kind::Internal, "cannot write a registry entry").because(error)
        })?;
        Ok((name, value))
    }
}

/// Its name.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(iqn, _) => write!(f, "{TARGET}{iqn}"),
            Self::Image(key, _) => write!(f, "{IMAGE}{key}"),
            Self::Active(client, _) => write!(f, "{ACTIVE}{client}"),
            Self::Open(gateway, key, _) => write!(f, "{OPEN}{gateway}/{key}"),
        }
    }
}
