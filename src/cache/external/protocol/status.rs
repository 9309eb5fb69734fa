//! What there is of a disk.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Run;
use crate::cache::{Running, Stats};
use crate::model::{Bytes, CacheMode};

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

#[cfg(test)]
mod tests {
    use super::*;

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
