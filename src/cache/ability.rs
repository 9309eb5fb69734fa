//! What a driver can do, and what it needs for it.

use serde::Serialize;

use crate::model::CacheMode;

/// What a driver can do, for people who choose one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Capabilities {
    /// The modes it can run in.
    pub modes: Vec<CacheMode>,
    /// Whether it can be seeded, and how well the seed is proven.
    pub seed: SeedAbility,
    /// Whether what is read comes from the SSD later; a driver for writes only has nothing to fill.
    pub reads: bool,
    /// Whether [`super::Driver::switch`] changes the mode in use; else the cache is taken out of the path and put in again.
    pub live: bool,
}

/// What a driver needs of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The tools that it calls.
    pub tools: Vec<String>,
    /// The kernel modules that it works with.
    pub modules: Vec<String>,
}

impl Capabilities {
    /// The modes of a cache that has all of them, that in which Ceph has everything and reads come from the SSD first.
    pub(super) fn every_mode() -> Vec<CacheMode> {
        vec![
            CacheMode::Writethrough,
            CacheMode::Writearound,
            CacheMode::Writeback,
        ]
    }
}

impl Needs {
    /// Of tools and modules by name.
    pub fn of(tools: &[&str], modules: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            tools: owned(tools),
            modules: owned(modules),
        }
    }
}

/// How a driver is seeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeedAbility {
    /// Not at all.
    Never,
    /// Nothing less than the whole image, holes zeroed, exactly as with [`SeedAbility::Mapping`].
    Whole,
    /// Block by block, exactly: the mapping is written first, then the blocks are copied beneath the cache.
    Mapping,
    /// What is read through it while it is [`super::Running::Filling`] stays; a pass that reads nothing from Ceph is the proof.
    Reading,
}
