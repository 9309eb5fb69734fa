//! What the daemon does not show, as we set it last: vendor, sectors, write cache, secrets. Kept for one life of the daemon.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::step::shape;
use crate::Result;
use crate::sys::{Roots, atomic, random};
use crate::tgt::inventory::Secret;
use crate::tgt::render::LunView;

/// What was set in a daemon. What is not in it is not known, and set again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Applied {
    /// Which daemon.
    pub incarnation: String,
    /// Of each LUN, `IQN LUN`, what it does not show.
    pub luns: BTreeMap<String, String>,
    /// Of each account of ours, its secret's digest.
    pub accounts: BTreeMap<String, String>,
    /// Makes digests useless elsewhere.
    salt: String,
}

impl Applied {
    fn file(roots: &Roots) -> PathBuf {
        roots.run.join("tgt-applied.json")
    }

    /// The record of a running daemon; an empty one if it was of another, or cannot be read: then everything is set again.
    pub fn load(roots: &Roots, incarnation: &str) -> Result<Self> {
        let stored = atomic::read_json::<Self>(&Self::file(roots)).unwrap_or_default();
        match stored {
            Some(stored) if stored.incarnation == incarnation => Ok(stored),
            _ => Ok(Self {
                incarnation: incarnation.to_owned(),
                salt: random::hex(16)?,
                ..Self::default()
            }),
        }
    }

    /// Keeps it.
    pub fn save(&self, roots: &Roots) -> Result<()> {
        atomic::write_json(&Self::file(roots), self)
    }

    /// Whether a LUN is known to be so.
    pub fn has_shape(&self, iqn: &str, lun: &LunView) -> bool {
        self.luns.get(&lun_key(iqn, u64::from(lun.number))) == Some(&shape_of(lun))
    }

    /// Whether a LUN is known to be otherwise.
    pub fn has_other_shape(&self, iqn: &str, lun: &LunView) -> bool {
        self.luns.contains_key(&lun_key(iqn, u64::from(lun.number))) && !self.has_shape(iqn, lun)
    }

    /// Remembers how a LUN was made.
    pub fn set_shape(&mut self, iqn: &str, lun: &LunView) {
        self.luns
            .insert(lun_key(iqn, u64::from(lun.number)), shape_of(lun));
    }

    /// Forgets a LUN.
    pub fn forget_lun(&mut self, iqn: &str, number: u64) {
        self.luns.remove(&lun_key(iqn, number));
    }

    /// Whether an account is known to have this secret.
    pub fn has_secret(&self, user: &str, secret: &Secret) -> bool {
        self.accounts.get(user) == Some(&self.digest(secret))
    }

    /// Remembers an account.
    pub fn set_secret(&mut self, user: &str, secret: &Secret) {
        let digest = self.digest(secret);
        self.accounts.insert(user.to_owned(), digest);
    }

    fn digest(&self, secret: &Secret) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.salt);
        hash.update(secret.reveal());
        hash.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

fn lun_key(iqn: &str, number: u64) -> String {
    format!("{iqn} {number}")
}

fn shape_of(lun: &LunView) -> String {
    let words: Vec<String> = shape(lun)
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    words.join(",")
}
