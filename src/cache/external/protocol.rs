//! What is said between this program and a driver outside of it: one JSON request, one JSON answer.
//!
//! `drivers/README.md` tells it to authors; `docs/schema/driver-*.json` are made from these types.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Kind;
use crate::cache::{Part, Running, Stats};
use crate::model::{Bytes, CacheMode, DiskKey, DmName, DriverName, Role};

/// The version of the protocol that this program speaks.
pub const VERSION: u32 = 1;

/// What a driver is called with, as its only argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// What can you do? Answered without looking at any device.
    Capabilities,
    /// What is there of this disk? Changes nothing.
    Status,
    /// Make the slice such that the next `open` finds nothing in it.
    Format,
    /// Put the cache into the kernel, with what the slice holds.
    Open,
    /// Change what a cache in the kernel is doing, under load.
    Mode,
    /// Write dirty blocks back, take no new ones, and wait until none is left.
    Flush,
    /// Take everything of this disk out of the kernel, whatever is there of it.
    Close,
}

impl Verb {
    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capabilities => "capabilities",
            Self::Status => "status",
            Self::Format => "format",
            Self::Open => "open",
            Self::Mode => "mode",
            Self::Flush => "flush",
            Self::Close => "close",
        }
    }

    /// Whether it changes anything.
    pub const fn changes(self) -> bool {
        !matches!(self, Self::Capabilities | Self::Status)
    }
}

/// The request of every verb. `capabilities` has neither `disk` nor `site`, `status` and `close` have no `site`, and
/// only `open` and `mode` have `run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The protocol's version.
    pub version: u32,
    /// The verb must have ended after so many seconds; then its process group is killed.
    pub seconds: u64,
    /// Which disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskNames>,
    /// Its devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<Place>,
    /// What the cache shall do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// The mode to serve in; with `run` = `serve` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<CacheMode>,
}

/// A disk, and what device-mapper devices that are made for it must be called. By their UUIDs udev is kept away from them,
/// and `warmblock recover` finds those whose record is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskNames {
    /// The disk's key: nothing but letters, digits and `-`, the same at every call.
    pub key: DiskKey,
    /// The cache device, if it is one of device-mapper, or what belongs to it.
    pub cache: Names,
    /// What the cache stands on, if that is not the origin itself.
    pub origin: Names,
}

/// What a device-mapper device is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// Its name, below `/dev/mapper`.
    pub name: String,
    /// Its UUID.
    pub uuid: String,
}

impl From<DmName> for Names {
    fn from(name: DmName) -> Self {
        Self {
            uuid: name.uuid(),
            name: name.to_string(),
        }
    }
}

/// The devices that a cache is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The slow device. Its bytes are changed by the guest's writes only.
    pub origin: Volume,
    /// The slice's volumes by role, as `capabilities` asked for them.
    pub parts: BTreeMap<Role, Volume>,
    /// The cache block that the configuration asks for; a driver with blocks of its own may use those.
    pub block: Bytes,
}

/// A block device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// A path that opens it. It may be another one at the next call: never store it.
    pub path: PathBuf,
    /// Its number, `MAJOR:MINOR`.
    pub number: String,
    /// Its size.
    pub size: Bytes,
}

/// What a cache is doing, or shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Run {
    /// Serve in a mode.
    Serve,
    /// Serve write-through, and let every read in: it is being filled by reading through it.
    Fill,
    /// Write dirty blocks back and take no new ones; reads are served.
    Drain,
}

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

/// The answer to every other verb: what there is of the disk when it has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusAnswer {
    /// The protocol's version.
    pub version: u32,
    /// Whether there is anything.
    pub state: State,
    /// With `broken`: what is wrong, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// With `up`: the cache device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<PathBuf>,
    /// With `up`: what it is doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// With `up` and `run` = `serve`: the mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<CacheMode>,
    /// With `up`: its counters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<StatsAnswer>,
}

/// Whether there is anything of a disk in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing at all.
    Absent,
    /// A cache that works.
    Up,
    /// Something, but not a cache that works: half made, half removed, or failing.
    Broken,
}

/// A cache's counters. `dirty` must be exact or too large, never too small; what else is not known may be left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatsAnswer {
    /// Bytes that the origin lacks.
    pub dirty: Bytes,
    /// Bytes that it can hold.
    #[serde(default)]
    pub capacity: Bytes,
    /// Bytes that it holds.
    #[serde(default)]
    pub resident: Bytes,
    /// Reads served from the SSD.
    #[serde(default)]
    pub read_hits: u64,
    /// Reads that went to the origin.
    #[serde(default)]
    pub read_misses: u64,
    /// Writes to what is cached.
    #[serde(default)]
    pub write_hits: u64,
    /// Other writes.
    #[serde(default)]
    pub write_misses: u64,
}

impl From<StatsAnswer> for Stats {
    fn from(said: StatsAnswer) -> Self {
        Self {
            capacity: said.capacity,
            resident: said.resident,
            dirty: said.dirty,
            read_hits: said.read_hits,
            read_misses: said.read_misses,
            write_hits: said.write_hits,
            write_misses: said.write_misses,
            ..Self::default()
        }
    }
}

impl StatusAnswer {
    /// What the answer says that the cache is doing.
    ///
    /// # Errors
    /// In words, why the answer does not say it.
    pub fn running(&self) -> Result<Running, String> {
        match (self.run, self.mode) {
            (Some(Run::Serve), Some(CacheMode::None) | None) => {
                Err("it serves, and says in no mode".into())
            }
            (Some(Run::Serve), Some(mode)) => Ok(Running::Serving(mode)),
            (Some(Run::Fill), _) => Ok(Running::Filling),
            (Some(Run::Drain), _) => Ok(Running::Draining),
            (None, _) => Err("it is up, and does not say what it does".into()),
        }
    }
}

/// The answer of a verb that failed; the exit code is 1 then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailureAnswer {
    /// The protocol's version.
    pub version: u32,
    /// What went wrong.
    pub error: Failure,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// What sort of failure it is; `usage` for a request that is not understood.
    pub kind: Kind,
    /// What was tried, on what, and what went wrong, in one line.
    pub message: String,
    /// What the operator can do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Any answer: what its exit code promises decides which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Answer {
    /// Exit code 1, any verb.
    Failure(FailureAnswer),
    /// Exit code 0, `capabilities`.
    Capabilities(CapabilitiesAnswer),
    /// Exit code 0, every other verb.
    Status(StatusAnswer),
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

    #[test]
    fn an_answer_says_what_it_does_or_is_refused() {
        let said = |text: &str| {
            serde_json::from_str::<StatusAnswer>(text)
                .unwrap()
                .running()
        };
        let up = |rest: &str| format!(r#"{{"version":1,"state":"up",{rest}}}"#);
        assert_eq!(
            said(&up(r#""run":"serve","mode":"writeback""#)),
            Ok(Running::Serving(CacheMode::Writeback))
        );
        assert_eq!(said(&up(r#""run":"drain""#)), Ok(Running::Draining));
        assert!(said(&up(r#""run":"serve""#)).is_err());
        assert!(said(&up(r#""run":"serve","mode":"none""#)).is_err());
        assert!(said(&up(r#""device":"/dev/x""#)).is_err());
        assert!(serde_json::from_str::<StatusAnswer>(&up(r#""colour":"red""#)).is_err());
    }
}
