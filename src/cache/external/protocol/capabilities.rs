//! What a driver can do.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cache::Part;
use crate::model::{Bytes, CacheMode, DriverName, Role};

/// The answer to `capabilities`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CapabilitiesAnswer {
    /// The protocol's version.
    pub version: u32,
    /// The driver's name: that of its directory.
    pub name: DriverName,
    /// The driver's own version, in its own words.
    pub release: String,
    /// What it is, in a sentence.
    pub about: String,
    /// The modes that it can serve in; at least one, and not `none`.
    pub modes: Vec<CacheMode>,
    /// Whether `mode` changes the mode of a cache in use; else it is asked for the beginning and the end of draining only, and for
    /// another mode the cache is taken out of the path, formatted and opened anew.
    #[serde(default = "yes")]
    pub live: bool,
    /// Whether what is read comes from the SSD later; one that caches writes only is not told of as a cache for reads.
    #[serde(default = "yes")]
    pub reads: bool,
    /// Whether it can be filled beforehand, by reading through it.
    pub seed: SeedWord,
    /// The volumes that it wants of the SSD.
    pub parts: Vec<PartRule>,
    /// The tools that it calls.
    #[serde(default)]
    pub tools: Vec<String>,
    /// The kernel modules that it works with.
    #[serde(default)]
    pub modules: Vec<String>,
    /// Of every mode, what is lost when the SSD dies, and when the host dies, in words.
    pub guarantees: BTreeMap<CacheMode, String>,
}

const fn yes() -> bool {
    true
}

/// Whether a driver can be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeedWord {
    /// It cannot.
    Never,
    /// By reading through it; proven by a second pass that misses nothing.
    Read,
}

/// How large a volume has to be: `fixed + wanted × permille ÷ 1000 + blocks × per_block`, in whole blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartRule {
    /// What for: `data` or `meta`. There must be a `data`: the lease names a dirty cache by it.
    pub role: Role,
    /// Whatever is cached.
    #[serde(default)]
    pub fixed: Bytes,
    /// Of what shall be cached.
    #[serde(default)]
    pub permille: u64,
    /// For each block of what shall be cached.
    #[serde(default)]
    pub per_block: Bytes,
}

impl PartRule {
    /// The volume that caches `wanted` bytes in blocks of `block`.
    pub fn part(&self, wanted: Bytes, block: Bytes) -> Part {
        let blocks = wanted.0.div_ceil(block.0);
        let share = u128::from(wanted.0) * u128::from(self.permille) / 1000;
        let each = u128::from(blocks) * u128::from(self.per_block.0);
        let sum = u128::from(self.fixed.0) + share + each;
        let sum = u64::try_from(sum)
            .unwrap_or(i64::MAX as u64)
            .min(i64::MAX as u64);
        Part {
            role: self.role,
            size: Bytes(sum.max(1)).round_up(block),
        }
    }
}

impl CapabilitiesAnswer {
    /// What types alone do not say, in words.
    ///
    /// # Errors
    /// The first thing that does not fit.
    pub fn check(&self) -> Result<(), String> {
        if self.modes.is_empty() {
            return Err("it has no mode".into());
        }
        if self.modes.contains(&CacheMode::None) {
            return Err("none is not a mode of a driver".into());
        }
        if !self.live && self.seed == SeedWord::Read {
            return Err(
                "it is filled, and could not change to its mode then: it is not live".into(),
            );
        }
        if !self.reads && self.seed == SeedWord::Read {
            return Err("it is filled, and caches no reads".into());
        }
        if let Some(mode) = self
            .modes
            .iter()
            .find(|mode| !self.guarantees.contains_key(mode))
        {
            return Err(format!("it does not say what {mode} guarantees"));
        }
        let has = |role| self.parts.iter().filter(|part| part.role == role).count();
        if has(Role::Data) + has(Role::Meta) != self.parts.len() {
            return Err("a part is neither data nor meta".into());
        }
        if has(Role::Data) != 1 || has(Role::Meta) > 1 {
            return Err("its parts are not one data and at most one meta".into());
        }
        let word = |word: &String| !word.is_empty() && word.chars().all(plain);
        match self
            .tools
            .iter()
            .chain(&self.modules)
            .find(|name| !word(name))
        {
            Some(odd) => Err(format!("{odd:?} is no name of a tool or module")),
            None => Ok(()),
        }
    }
}

fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_grows_with_what_is_cached() {
        let rule = |fixed, permille, per_block| PartRule {
            role: Role::Data,
            fixed: Bytes(fixed),
            permille,
            per_block: Bytes(per_block),
        };
        let size = |rule: PartRule| rule.part(Bytes::mib(100), Bytes::kib(256)).size;
        assert_eq!(size(rule(0, 1000, 0)), Bytes::mib(100));
        assert_eq!(size(rule(4 << 20, 1000, 0)), Bytes::mib(104));
        assert_eq!(
            size(rule(0, 0, 16)),
            Bytes::kib(256),
            "400 blocks need 6400 bytes"
        );
        assert_eq!(size(rule(0, 0, 0)), Bytes::kib(256), "never empty");
        assert_eq!(
            size(rule(0, u64::MAX, u64::MAX)).0 >> 40,
            (i64::MAX as u64 >> 40) + 1
        );
    }
}
