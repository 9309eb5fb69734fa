//! The dm-cache target (kernel: Documentation/admin-guide/device-mapper/cache.rst).

use std::fmt;

use super::table::{Dev, counted, number};
use crate::error::Result as CrateResult;
use crate::model::Sectors;

/// How dm-cache treats writes; `passthrough` is dm-cache's word for a cache that is not used but kept coherent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheMode {
    /// A write is acknowledged when the origin has it.
    Writethrough,
    /// A write is acknowledged when the cache has it. The kernel's default.
    Writeback,
    /// All I/O goes to the origin, and a write drops the block from the cache.
    Passthrough,
}

impl CacheMode {
    const ALL: [Self; 3] = [Self::Writethrough, Self::Writeback, Self::Passthrough];

    /// The feature as the kernel spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Writethrough => "writethrough",
            Self::Writeback => "writeback",
            Self::Passthrough => "passthrough",
        }
    }

    /// The mode among a table's or status's features; write-back when none is named.
    pub(super) fn among(features: &[&str]) -> Self {
        let named = |mode: &Self| features.contains(&mode.as_str());
        Self::ALL.into_iter().find(named).unwrap_or(Self::Writeback)
    }
}

/// dm-cache's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Stochastic multiqueue, the kernel's default.
    Smq,
    /// Writes every dirty block back and promotes nothing.
    Cleaner,
}

impl Policy {
    /// The policy as the kernel spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Smq => "smq",
            Self::Cleaner => "cleaner",
        }
    }

    /// `mq` and `default` are old names of smq (cache-policies.rst).
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "smq" | "mq" | "default" => Some(Self::Smq),
            "cleaner" => Some(Self::Cleaner),
            _ => None,
        }
    }
}

/// A dm-cache target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheTarget {
    /// Where its metadata are.
    pub meta: Dev,
    /// Where the cached blocks are.
    pub data: Dev,
    /// What is cached.
    pub origin: Dev,
    /// The block size: 64 to 2097152 sectors, a multiple of 64.
    pub block: Sectors,
    /// How writes are treated.
    pub mode: CacheMode,
    /// Whether new metadata are of the second format; the format of metadata that exist wins.
    pub metadata2: bool,
    /// Which policy.
    pub policy: Policy,
    /// How much may be migrated at once; the kernel's default is 2048 sectors. At least one block, or nothing is ever
    /// written back.
    pub migration_threshold: Option<Sectors>,
}

impl fmt::Display for CacheTarget {
    /// Metadata, cache, origin: the order of the kernel's constructor.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {} ",
            self.meta, self.data, self.origin, self.block
        )?;
        match self.metadata2 {
            true => write!(f, "2 metadata2 {}", self.mode.as_str())?,
            false => write!(f, "1 {}", self.mode.as_str())?,
        }
        match self.migration_threshold {
            Some(sectors) => write!(
                f,
                " {} 2 migration_threshold {sectors}",
                self.policy.as_str()
            ),
            None => write!(f, " {} 0", self.policy.as_str()),
        }
    }
}

impl CacheTarget {
    /// `None` where the table has something that the type has no place for: it is then kept as it is.
    pub(super) fn parse(args: &[&str]) -> Result<Option<Self>, String> {
        let [meta, data, origin, block, rest @ ..] = args else {
            return Err("a cache target has too few words".into());
        };
        let (features, rest) = counted(rest)?;
        let [policy, rest @ ..] = rest else {
            return Err("a cache target has no policy".into());
        };
        let (options, _) = counted(rest)?;
        let threshold = match options {
            [] => None,
            ["migration_threshold", sectors] => Some(Sectors(number(sectors)?)),
            _ => return Ok(None),
        };
        let known = |word: &&str| {
            *word == "metadata2" || CacheMode::ALL.iter().any(|mode| mode.as_str() == *word)
        };
        let Some(policy) = Policy::parse(policy).filter(|_| features.iter().all(known)) else {
            return Ok(None);
        };
        Ok(Some(Self {
            meta: Dev::parse(meta)?,
            data: Dev::parse(data)?,
            origin: Dev::parse(origin)?,
            block: Sectors(number(block)?),
            mode: CacheMode::among(features),
            metadata2: features.contains(&"metadata2"),
            policy,
            migration_threshold: threshold,
        }))
    }

    pub(super) fn resolve(self) -> CrateResult<Self> {
        Ok(Self {
            meta: self.meta.resolve()?,
            data: self.data.resolve()?,
            origin: self.origin.resolve()?,
            ..self
        })
    }
}
