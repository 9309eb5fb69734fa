//! The features of images by name, as `rbd` writes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ceph::features;
use crate::model::ParseError;

/// A feature of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// Clones.
    Layering,
    /// Striping other than one object after the other.
    Striping,
    /// One writer at a time.
    ExclusiveLock,
    /// Which objects exist is known without asking.
    ObjectMap,
    /// What changed between snapshots is known without asking.
    FastDiff,
    /// Flattening covers the snapshots as well.
    DeepFlatten,
    /// Every write goes to a journal first; the kernel cannot map such an image.
    Journaling,
    /// The data lie in another pool.
    DataPool,
    /// Operations that need newer clients; set by the cluster.
    Operations,
    /// A live migration is under way.
    Migrating,
    /// A mirror that may not be written.
    NonPrimary,
}

impl Feature {
    /// Every feature, by its bit.
    pub const ALL: [Self; 11] = [
        Self::Layering,
        Self::Striping,
        Self::ExclusiveLock,
        Self::ObjectMap,
        Self::FastDiff,
        Self::DeepFlatten,
        Self::Journaling,
        Self::DataPool,
        Self::Operations,
        Self::Migrating,
        Self::NonPrimary,
    ];

    /// Its bit.
    pub const fn bit(self) -> u64 {
        match self {
            Self::Layering => features::LAYERING,
            Self::Striping => features::STRIPINGV2,
            Self::ExclusiveLock => features::EXCLUSIVE_LOCK,
            Self::ObjectMap => features::OBJECT_MAP,
            Self::FastDiff => features::FAST_DIFF,
            Self::DeepFlatten => features::DEEP_FLATTEN,
            Self::Journaling => features::JOURNALING,
            Self::DataPool => features::DATA_POOL,
            Self::Operations => features::OPERATIONS,
            Self::Migrating => features::MIGRATING,
            Self::NonPrimary => features::NON_PRIMARY,
        }
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Layering => "layering",
            Self::Striping => "striping",
            Self::ExclusiveLock => "exclusive-lock",
            Self::ObjectMap => "object-map",
            Self::FastDiff => "fast-diff",
            Self::DeepFlatten => "deep-flatten",
            Self::Journaling => "journaling",
            Self::DataPool => "data-pool",
            Self::Operations => "operations",
            Self::Migrating => "migrating",
            Self::NonPrimary => "non-primary",
        }
    }

    /// The features of a set of bits; bits that this program does not know are left out.
    pub fn of(bits: u64) -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|feature| bits & feature.bit() != 0)
            .collect()
    }

    /// The bits of a set of features.
    pub fn bits(features: &[Self]) -> u64 {
        features
            .iter()
            .fold(0, |bits, feature| bits | feature.bit())
    }
}

impl FromStr for Feature {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let found = Self::ALL
            .into_iter()
            .find(|feature| feature.as_str() == word);
        found.ok_or_else(|| {
            ParseError::new("feature", word, "is not one that images have; see rbd(8)")
        })
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_bits_go_both_ways() {
        for (at, feature) in Feature::ALL.into_iter().enumerate() {
            assert_eq!(feature.bit(), 1 << at);
            assert_eq!(feature.as_str().parse(), Ok(feature));
            assert_eq!(
                serde_json::to_string(&feature).unwrap(),
                format!("\"{feature}\"")
            );
        }
        assert_eq!(Feature::of(0x3d).len(), 5);
        assert_eq!(Feature::bits(&Feature::of(0x3d)), 0x3d);
    }
}
