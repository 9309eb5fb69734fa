//! `warmblock tgt release CLIENT`: this gateway lets go of a client that another one serves.

use serde::Serialize;

use crate::host::Host;
use crate::job::{Detach, Report};
use crate::model::{HostName, ImageSpec};
use crate::tgt::Site;
use crate::tgt::daemon::Tgtadm;
use crate::tgt::daemon::apply::{self, ApplyReport, apply};
use crate::tgt::holders::{Holders, Opening};
use crate::tgt::inventory::{Backing, Client, ClientRole};
use crate::{Error, Kind, Result, disk};

/// What `tgt release` did.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct ReleaseReport {
    /// The version of this document.
    pub version: u32,
    /// The client.
    pub client: String,
    /// The gateway, where the inventory has any.
    pub gateway: Option<HostName>,
    /// What was done with tgtd.
    pub apply: ApplyReport,
    /// Cached disks that were flushed and detached.
    pub detached: Vec<Report>,
}

/// Takes no more logins of the client, ends its sessions, closes its LUNs, and detaches its cached disks. Refused while this
/// gateway serves it.
pub fn release(
    host: &Host,
    tgtadm: &Tgtadm<'_>,
    site: &Site,
    name: &str,
    options: &apply::Options,
) -> Result<ReleaseReport> {
    let client = find(site, name)?;
    if client.role(site.gateway.as_ref()) == ClientRole::Active {
        return Err(Error::new(
            Kind::Busy,
            format!("client {name} is served by this gateway"),
        )
        .remedy(format!(
            "move it: warmblock tgt failover {name} --to ANOTHER"
        )));
    }
    let options = apply::Options {
        only: Some(name.to_owned()),
        force: true,
        ..options.clone()
    };
    let applied = apply(host, tgtadm, site, &options)?;
    if applied.failed() {
        let errors: Vec<String> = applied
            .targets
            .iter()
            .filter_map(|target| target.error.clone())
            .collect();
        return Err(Error::new(
            Kind::Failed,
            format!("cannot let go of {name}: {}", errors.join("; ")),
        ));
    }
    let detached = detach(host, client, options.dry_run)?;
    if !detached.is_empty() && !options.dry_run {
        note(host, tgtadm, site)?;
    }
    Ok(ReleaseReport {
        version: 1,
        client: name.to_owned(),
        gateway: site.gateway.clone(),
        apply: applied,
        detached,
    })
}

/// Flushes and detaches the cached disks of a client that are here.
fn detach(host: &Host, client: &Client, dry_run: bool) -> Result<Vec<Report>> {
    let mut detached = Vec::new();
    for image in cached(client) {
        let ask = Detach {
            image,
            discard_dirty: false,
            link: None,
            free: false,
            linked: false,
        };
        match disk::detach(host, &ask, dry_run) {
            Ok(report) => detached.push(report),
            Err(error) if error.kind() == Kind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(detached)
}

/// That they can be written here no more.
fn note(host: &Host, tgtadm: &Tgtadm<'_>, site: &Site) -> Result<()> {
    let _lock = apply::lock(host)?;
    let Some(holders) = Holders::new(host, site)? else {
        return Ok(());
    };
    holders.keep(&tgtadm.targets()?, Opening::Over)
}

/// A client of the inventory.
pub(super) fn find<'a>(site: &'a Site, name: &str) -> Result<&'a Client> {
    site.inventory.client(name).ok_or_else(|| {
        Error::new(
            Kind::NotFound,
            format!("the inventory has no client {name}"),
        )
        .remedy("`warmblock tgt inventory` lists them")
    })
}

/// The images of its cached LUNs.
pub(super) fn cached(client: &Client) -> Vec<ImageSpec> {
    let fronts = client
        .targets
        .iter()
        .filter(|target| target.backing == Backing::Front);
    fronts
        .flat_map(|target| &target.luns)
        .map(|lun| lun.image.image.clone())
        .collect()
}
