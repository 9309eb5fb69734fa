//! What is said between this program and a driver outside of it: one JSON request, one JSON answer.
//!
//! `drivers/README.md` tells it to authors; `docs/schema/driver-*.json` are made from these types.

mod capabilities;
mod status;

pub use capabilities::{CapabilitiesAnswer, PartRule, SeedWord};
pub use status::{State, StatsAnswer, StatusAnswer};

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Kind;
use crate::model::{Bytes, CacheMode, DiskKey, DmName, Role};

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
