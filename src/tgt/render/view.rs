//! What a template sees, and what `apply` wants of the daemon: inventory and identities joined.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;

use crate::Result;
use crate::model::{HostName, Role};
use crate::sys::Roots;
use crate::tgt::inventory::{Backing, Chap, Client, ClientRole, Inventory, Lun};
use crate::tgt::registry::{Identities, LunIdentity};

/// A client on a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientView {
    /// Its name.
    pub client: String,
    /// The gateway, where the inventory has any.
    pub gateway: Option<HostName>,
    /// What the gateway does for it.
    pub role: ClientRole,
    /// Where a standby sends those who log in; tgt-admin cannot set it, so only a running daemon has it.
    pub redirect: Option<SocketAddr>,
    /// Its targets.
    pub targets: Vec<TargetView>,
    /// iSCSI parameters.
    pub session: Vec<Parameter>,
    /// What initiators prove; only where the client is served.
    pub chap: Option<ChapView>,
    /// What targets prove.
    pub chap_mutual: Option<ChapView>,
    /// Access list: addresses; never empty.
    pub addresses: Vec<String>,
    /// Access list: initiator names.
    pub initiators: Vec<String>,
}

impl ClientView {
    /// Its LUNs here, each with the client's name.
    pub fn luns(&self) -> impl Iterator<Item = (&str, &LunView)> {
        let luns = self.targets.iter().flat_map(|target| &target.luns);
        luns.map(|lun| (self.client.as_str(), lun))
    }
}

/// An iSCSI parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Its exact name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// An account, with its secret in clear: for the file and for tgtadm only.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ChapView {
    /// The user.
    pub user: String,
    /// The secret.
    pub secret: String,
}

impl std::fmt::Debug for ChapView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChapView({})", self.user)
    }
}

/// A target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetView {
    /// Its name.
    pub iqn: String,
    /// Its number.
    pub tid: u16,
    /// `rbd`, or `rdwr` for a cached front.
    pub bs_type: &'static str,
    /// bs_rbd's options; empty for a front.
    pub bsopts: String,
    /// Its LUNs, by number.
    pub luns: Vec<LunView>,
}

/// A LUN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LunView {
    /// `pool/image[@snap]`, or the front's node.
    pub path: String,
    /// The image.
    pub image: String,
    /// Its number.
    pub number: u8,
    /// Page 83's id.
    pub scsi_id: String,
    /// Page 80's serial.
    pub scsi_sn: String,
    /// T10 vendor.
    pub vendor: String,
    /// T10 product.
    pub product: String,
    /// Logical blocks per physical one, as an exponent.
    pub lbppbe: u8,
    /// Whether writes are refused.
    pub readonly: bool,
}

/// A client as one gateway has it.
pub fn view(
    inventory: &Inventory,
    client: &Client,
    gateway: Option<&HostName>,
    identities: &Identities,
) -> Result<ClientView> {
    let role = client.role(gateway);
    let served = role == ClientRole::Active;
    let account = |chap: &Option<Chap>| {
        let chap = chap.as_ref().filter(|_| served)?;
        Some(ChapView {
            user: chap.user.clone(),
            secret: chap.secret.reveal().to_owned(),
        })
    };
    let mut targets = Vec::with_capacity(client.targets.len());
    for target in &client.targets {
        let mut luns = Vec::new();
        for lun in target.luns.iter().filter(|_| served) {
            luns.push(lun_view(lun, target.backing, identities.lun(&lun.image)?)?);
        }
        luns.sort_by_key(|lun| lun.number);
        let (bs_type, bsopts) = match target.backing {
            Backing::Rbd => ("rbd", inventory.ceph.bsopts()),
            Backing::Front => ("rdwr", String::new()),
        };
        targets.push(TargetView {
            iqn: target.iqn.clone(),
            tid: identities.tid(&target.iqn)?,
            bs_type,
            bsopts,
            luns,
        });
    }
    let session = inventory.session.iter().map(|(name, value)| Parameter {
        name: name.clone(),
        value: value.clone(),
    });
    Ok(ClientView {
        client: client.name.clone(),
        gateway: gateway.cloned(),
        role,
        redirect: inventory
            .redirect(client)
            .filter(|_| role == ClientRole::Standby),
        targets,
        session: session.collect(),
        chap: account(&client.chap),
        chap_mutual: account(&client.chap_mutual),
        addresses: client.acl_addresses(),
        initiators: client.initiators.clone(),
    })
}

fn lun_view(lun: &Lun, backing: Backing, identity: &LunIdentity) -> Result<LunView> {
    let image = lun.image.to_string();
    let path = match backing {
        Backing::Rbd => image.clone(),
        Backing::Front => front(identity)?.to_string_lossy().into_owned(),
    };
    Ok(LunView {
        path,
        image,
        number: identity.number,
        scsi_id: identity.scsi_id.clone(),
        scsi_sn: identity.scsi_sn.clone(),
        vendor: lun.vendor.clone(),
        product: lun.product.clone(),
        lbppbe: lun.lbppbe,
        readonly: lun.readonly,
    })
}

/// The node of an attached disk's front: its name follows from the image's ids, so nothing needs to be asked.
fn front(identity: &LunIdentity) -> Result<PathBuf> {
    let name = identity.key.disk()?.dm(Role::Front);
    Ok(Roots::default().mapper(name))
}
