//! The inventory: which client gets which images, through which gateway. `tgt.toml` and the drop-ins `tgt.d/*.toml`.
//!
//! What is returned was checked as a whole (issue: most mistakes in tgt's own files are silent, facts 1.3): every name passes
//! every layer below as it is, every access list admits somebody and not everybody, and no image has two writers. What
//! is wrong is told all at once, with file, line and remedy. Secrets stand in files of their own.
//!
//! [`reference::EXAMPLE`] is one, and [`reference::reference`] explains every key.

mod acl;
mod chap;
mod check;
mod client;
mod cross;
mod follow;
mod load;
mod lun;
mod names;
mod online;
mod problem;
mod raw;
pub mod reference;
mod session;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;

pub use acl::NOBODY;
pub use chap::{Chap, Secret};
pub use online::{Found, check_online};
pub(in crate::tgt) use online::{absent, look_up};
pub use problem::{Place, Problem, Problems, Severity};

use crate::model::{ClientId, HostName, PoolName, SnapSpec};

/// A checked inventory.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// As whom tgtd reaches Ceph.
    pub ceph: CephAccess,
    /// Where the identities are kept.
    pub registry: RegistryPlace,
    /// iSCSI parameters of every target, by their exact names, in the order of those.
    pub session: Vec<(String, String)>,
    /// The gateways; none where there is a single, nameless one.
    pub gateways: Vec<Gateway>,
    /// The clients, by name.
    pub clients: Vec<Client>,
    /// What can be meant, and often is not.
    pub warnings: Vec<Problem>,
}

/// `[ceph]`: as whom tgtd reaches Ceph. tgt-admin of different versions quotes two `bsopts` differently (facts 1.4), so at
/// most one of the two is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CephAccess {
    /// The client, without `client.`.
    pub id: ClientId,
    /// The configuration file, where it is not `/etc/ceph/ceph.conf`.
    pub conf: Option<PathBuf>,
}

impl CephAccess {
    /// bs_rbd's options: one at most.
    pub fn bsopts(&self) -> String {
        match &self.conf {
            Some(conf) => format!("conf={}", conf.display()),
            None => format!("id={}", self.id),
        }
    }
}

/// `[registry]`: where the identities are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryPlace {
    /// A RADOS object, which every gateway sees.
    Object {
        /// Its pool; a replicated one.
        pool: PoolName,
        /// Its name.
        object: String,
    },
    /// A file, for a single gateway or a shared file system.
    File(PathBuf),
}

/// A host that runs tgtd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Its name: the host's, as `hostname` prints it.
    pub name: HostName,
    /// Where its tgtd listens, `ADDRESS:PORT`.
    pub portals: Vec<String>,
    /// How the other gateways reach it: `[USER@]HOST`, as ssh takes it.
    pub ssh: String,
    /// Where it stands.
    pub place: Place,
}

/// What a gateway does for a client.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ClientRole {
    /// It serves its images.
    Active,
    /// It knows its targets, offline and without LUNs: only one gateway may have an image open (facts 3.4).
    Standby,
    /// It knows nothing of it.
    Elsewhere,
}

/// What a standby answers to whoever logs in. Its targets are offline and without LUNs either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StandbyLogin {
    /// It refuses; the initiator tries its other portals.
    #[default]
    Offline,
    /// It sends the initiator to the gateway that serves (RFC 7143 11.13.5, status 0101).
    Redirect,
}

/// Who may log in, and what it finds.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its name; also of its file.
    pub name: String,
    /// The gateway that serves it; `None` where the inventory has none.
    pub gateway: Option<HostName>,
    /// Those that could.
    pub standby: Vec<HostName>,
    /// What those answer to a login.
    pub standby_login: StandbyLogin,
    /// Access list: addresses and networks, canonical.
    pub addresses: Vec<String>,
    /// Access list: initiator names.
    pub initiators: Vec<String>,
    /// What the initiators prove.
    pub chap: Option<Chap>,
    /// What the target proves to the initiators.
    pub chap_mutual: Option<Chap>,
    /// Its targets, by IQN.
    pub targets: Vec<Target>,
    /// Where it stands.
    pub place: Place,
}

impl Client {
    /// What is bound with `initiator-address`: never empty, since tgt-admin would bind `ALL` then (facts 3.6).
    pub fn acl_addresses(&self) -> Vec<String> {
        if self.addresses.is_empty() {
            vec![NOBODY.to_owned()]
        } else {
            self.addresses.clone()
        }
    }

    /// What a gateway does for it; `None` is the single gateway of an inventory without any.
    pub fn role(&self, gateway: Option<&HostName>) -> ClientRole {
        match gateway {
            here if here == self.gateway.as_ref() => ClientRole::Active,
            Some(here) if self.standby.contains(here) => ClientRole::Standby,
            _ => ClientRole::Elsewhere,
        }
    }
}

/// A target.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name.
    pub iqn: String,
    /// Its number, where the inventory wants a certain one.
    pub tid: Option<u16>,
    /// What stands behind it; one kind for all of them.
    pub backing: Backing,
    /// Its LUNs, in the order of the inventory.
    pub luns: Vec<Lun>,
    /// Where it stands.
    pub place: Place,
}

/// What stands behind a target's LUNs. tgt-admin takes one `bs-type` per target for all that it decides (facts A04, A26).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backing {
    /// Images, opened by tgtd through librbd.
    Rbd,
    /// Disks that warmblock attached on the gateway: tgtd opens their cached fronts.
    Front,
}

/// A logical unit.
#[derive(Debug, Clone)]
pub struct Lun {
    /// The image, or a snapshot of it.
    pub image: SnapSpec,
    /// Its number, where the inventory wants a certain one.
    pub number: Option<u8>,
    /// Whether writes are refused.
    pub readonly: bool,
    /// The binary logarithm of logical blocks per physical one: 0 is 512n, 3 is 512e, the two that ESXi takes (facts 2.4).
    pub lbppbe: u8,
    /// T10 vendor.
    pub vendor: String,
    /// T10 product.
    pub product: String,
    /// An identity to keep, where there is one.
    pub scsi_id: Option<String>,
    /// A serial to keep, where there is one.
    pub scsi_sn: Option<String>,
    /// Where it stands.
    pub place: Place,
}

impl Inventory {
    /// Every target with its client.
    pub fn targets(&self) -> impl Iterator<Item = (&Client, &Target)> {
        self.clients
            .iter()
            .flat_map(|client| client.targets.iter().map(move |target| (client, target)))
    }

    /// Where a standby sends those who log in to a client: the first portal of the gateway that serves it, where it redirects.
    pub fn redirect(&self, client: &Client) -> Option<SocketAddr> {
        if client.standby_login != StandbyLogin::Redirect {
            return None;
        }
        let serves = |gateway: &&Gateway| Some(&gateway.name) == client.gateway.as_ref();
        let portals = &self.gateways.iter().find(serves)?.portals;
        portals.first()?.parse().ok()
    }

    /// Which of the gateways this host is; `None` where the inventory has none.
    pub fn gateway_of(&self, host: &HostName) -> crate::Result<Option<HostName>> {
        if self.gateways.is_empty() {
            return Ok(None);
        }
        if self.gateways.iter().any(|gateway| gateway.name == *host) {
            return Ok(Some(host.clone()));
        }
        let names: Vec<&str> = self.gateways.iter().map(|g| g.name.as_str()).collect();
        Err(crate::Error::new(
            crate::Kind::Config,
            format!(
                "this host, {host}, is none of the inventory's gateways: {}",
                names.join(", ")
            ),
        )
        .remedy("add [gateway.NAME] to the inventory, or say which one is meant with --gateway"))
    }
}
