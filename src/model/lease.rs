//! The lease: who holds a disk, how, and whether its cache may hold data that the image lacks.
//!
//! It is one JSON value in the image's own metadata, key [`Lease::KEY`], so that every host sees it and it outlives any
//! of them (`rbd image-meta list` shows it). It is changed by compare-and-set only; see `ceph::meta`.

use std::collections::BTreeSet;

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
    /// The hosts that have the image together, all for the same. While there are any, nobody holds it; and only while all of them
    /// read, one may have a cache, in write-through.
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
    /// As which client of Ceph's, as [`LeaseHolder::client`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    /// As which client of Ceph's its kernel has the image mapped, as watchers are shown (`10.0.0.5:0/1234`): whoever breaks the
    /// lease bars it, also when Ceph shows it no more. Absent until the image is mapped, and in leases of older releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
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
    /// As which client of Ceph's, as [`LeaseHolder::client`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
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

    /// A host that has the image attached, but for this one.
    pub fn elsewhere(&self, but: &HostName) -> Option<&HostName> {
        let holder = self.holder.iter().map(|holder| &holder.host);
        let mut hosts = holder.chain(self.shared.iter().map(|sharer| &sharer.host));
        hosts.find(|host| *host != but)
    }

    /// Whether any host has the image attached.
    pub fn is_attached(&self) -> bool {
        self.holder.is_some() || !self.shared.is_empty()
    }

    /// Whether the data that the image lacks are given up, and it waits to be rolled back.
    pub fn is_given_up(&self) -> bool {
        let holder = self.holder.as_ref();
        holder.is_some_and(|holder| holder.dirty && holder.cache_id.is_none())
    }

    /// The clients of Ceph's by which hosts have the image mapped, as far as they are noted: the holder's and its guest's, or
    /// those of all who have it together, but not those of this host.
    pub fn clients(&self, but: &HostName) -> BTreeSet<String> {
        let holder = self.holder.as_ref();
        let own = holder.map(|holder| (Some(&holder.host), &holder.client));
        let moving = holder.and_then(|holder| holder.moving.as_ref());
        let guest = moving.map(|moving| (moving.guest.as_ref(), &moving.client));
        let sharers = self.shared.iter();
        let sharers = sharers.map(|sharer| (Some(&sharer.host), &sharer.client));
        let all = own.into_iter().chain(guest).chain(sharers);
        let others = all.filter(|(host, _)| *host != Some(but));
        others.filter_map(|(_, client)| client.clone()).collect()
    }

    /// Where a host's client is noted: the holder's, its guest's, or one of several's; `None` if this host is none of them.
    pub fn client_of(&mut self, host: &HostName) -> Option<&mut Option<String>> {
        let sharer = self.shared.iter_mut().find(|sharer| sharer.host == *host);
        if let Some(sharer) = sharer {
            return Some(&mut sharer.client);
        }
        let holder = self.holder.as_mut()?;
        if holder.host == *host {
            return Some(&mut holder.client);
        }
        let guest = holder.moving.as_mut();
        let guest = guest.filter(|moving| moving.guest.as_ref() == Some(host));
        guest.map(|moving| &mut moving.client)
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
