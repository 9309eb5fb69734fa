//! The lease: who holds a disk, how, and whether its cache may hold data that the image lacks.
//!
//! It is one JSON value in the image's own metadata, key [`Lease::KEY`], so that every host sees it and it outlives any
//! of them (`rbd image-meta list` shows it). It is changed by compare-and-set only; see `ceph::meta`.

use serde::{Deserialize, Serialize};

use super::{CacheMode, DriverName, HostName, ImageId};

/// What an image's metadata says about its holder. An image without the key has [`Lease::default`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// The version of this format; another one is refused, not guessed at.
    pub version: u32,
    /// Whose lease it is. librbd copies an image's metadata into its clones (`rbd clone`), and with them this; in a clone
    /// it says nothing.
    #[serde(default)]
    pub image: Option<ImageId>,
    /// Rises with every writable attach, and never falls; a cache of an older generation is stale.
    pub generation: u64,
    /// Who holds the disk; `None` when it is free.
    pub holder: Option<LeaseHolder>,
    /// The hosts that have the image together, without a cache on any of them. While there are any, nobody holds it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared: Vec<Sharer>,
}

/// What several VMs may do with an image that they have at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// All of them may write; what keeps them apart is in the guests.
    ReadWrite,
    /// None of them may.
    ReadOnly,
}

impl std::fmt::Display for Sharing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "read-only",
        })
    }
}

/// A host that has an image together with others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sharer {
    /// The host, as its configuration or its kernel names it.
    pub host: HostName,
    /// The host's `/proc/sys/kernel/random/boot_id`: another one means that the host went down in between.
    pub boot_id: String,
    /// Unix time in seconds at which it came in, for people.
    pub since: u64,
    /// What its VMs may do.
    pub access: Sharing,
    /// Its kernel's client of Ceph, by address and nonce, once the image is mapped: who has to be barred if the host dies.
    #[serde(default)]
    pub client: Option<String>,
}

/// The holder of a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaseHolder {
    /// The host, as its configuration or its kernel names it.
    pub host: HostName,
    /// The host's `/proc/sys/kernel/random/boot_id`: another one means that the host went down in between.
    pub boot_id: String,
    /// Unix time in seconds at which it was taken, for people.
    pub since: u64,
    /// The cache driver.
    pub driver: DriverName,
    /// The cache mode.
    pub mode: CacheMode,
    /// Set before a cache may hold data that the image lacks, cleared after it was proven clean.
    pub dirty: bool,
    /// Which cache: the UUID of the slice's data volume. A dirty cache is opened again only if this matches; `None` under a
    /// dirty lease says that the data are given up, and the image is not rolled back yet.
    pub cache_id: Option<String>,
    /// Set while the disk goes to another host under a running guest: the cache is out of the path, clean, and stays out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moving: Option<Moving>,
}

/// A disk's way to another host, beneath a guest that runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Moving {
    /// Who may come in, as whoever arranges the move calls that host.
    pub to: HostName,
    /// Who did: that host as it calls itself. It has the image mapped, without a cache and without this lease.
    #[serde(default)]
    pub guest: Option<HostName>,
}

impl LeaseHolder {
    /// The host that has the image mapped beside the holder, during a move.
    pub fn guest(&self) -> Option<&HostName> {
        self.moving.as_ref()?.guest.as_ref()
    }
}

impl Lease {
    /// The key in the image's metadata.
    pub const KEY: &str = "warmblock.lease";
    /// The version that this program reads and writes.
    pub const VERSION: u32 = 1;

    /// What it says about the image of this id: nothing, if it was copied from another one.
    #[must_use]
    pub fn of(self, image: &ImageId) -> Self {
        match &self.image {
            Some(other) if other != image => Self::default(),
            _ => self,
        }
    }

    /// Whether the data that the image lacks are given up, and it waits to be rolled back.
    pub fn is_given_up(&self) -> bool {
        let holder = self.holder.as_ref();
        holder.is_some_and(|holder| holder.dirty && holder.cache_id.is_none())
    }

    /// Whether the image may lack acknowledged writes, and on which host they are.
    pub fn dirty_on(&self) -> Option<&HostName> {
        self.holder
            .as_ref()
            .filter(|holder| holder.dirty)
            .map(|holder| &holder.host)
    }
}

impl Default for Lease {
    fn default() -> Self {
        Self {
            version: Self::VERSION,
            image: None,
            generation: 0,
            holder: None,
            shared: Vec::new(),
        }
    }
}
