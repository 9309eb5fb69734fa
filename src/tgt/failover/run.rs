//! The steps, in the order that keeps two gateways from writing at once.

use std::time::{Duration, Instant};

use super::release::{cached, find, release};
use super::work::Work;
use super::{FailoverReport, fence};
use crate::host::Host;
use crate::model::{HostName, ImageSpec};
use crate::tgt::Site;
use crate::tgt::daemon::Tgtadm;
use crate::tgt::daemon::apply::{self, reach};
use crate::tgt::inventory::{Client, Lun};
use crate::tgt::registry::{ImageKey, holdings, store};
use crate::{Error, Kind, Result};

/// How it is done.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where files go, and whether anything is done at all.
    pub apply: apply::Options,
    /// How long the old gateway has to let go by itself.
    pub release: Duration,
    /// The old gateway is known to be dead: it is not asked.
    pub dead: bool,
}

/// Moves a client to this gateway. `site` is opened anew once the registry has changed, since everything follows it.
pub fn failover(
    host: &Host,
    tgtadm: &Tgtadm<'_>,
    site: Site,
    name: &str,
    options: &Options,
) -> Result<FailoverReport> {
    let begun = Instant::now();
    let client = find(&site, name)?;
    let to = here(&site, client)?;
    let from = client.gateway.clone().unwrap_or_else(|| to.clone());
    let dry_run = options.apply.dry_run;
    let images = images(&site, client)?;
    let mut work = Work {
        host,
        cluster: reach(host, tgtadm, &site.inventory)?,
        report: FailoverReport {
            version: 1,
            client: name.to_owned(),
            from,
            to: to.clone(),
            dry_run,
            steps: Vec::new(),
            fenced: Vec::new(),
            attached: Vec::new(),
            apply: None,
            seconds: 0.0,
        },
    };
    // a disk that a machine of a hypervisor uses is not taken from it, nor is that host barred
    for image in cached(client) {
        work.ask(&site, &image)?;
    }
    // the daemon here must answer before anything is taken from the old one
    let open = open_here(tgtadm, client)?;
    let serving = open && work.report.from == to;
    if open && !serving {
        // left from a time when this gateway served it; its clients are most likely barred
        let begun = Instant::now();
        release(host, tgtadm, &site, name, &options.apply)?;
        work.did(
            format!("{to} has let go of what it still had open"),
            true,
            begun,
        );
    }
    work.serve_from(&site, client, &to, dry_run)?;
    if !serving || others_hold(host, &site, &to, &images)? {
        work.release(&site, client, &to, options);
        work.fence(&site, &images, serving, options)?;
    }
    if !dry_run {
        let site = follow(host, site, name, &to)?;
        let client = find(&site, name)?;
        work.attach(tgtadm, &site, client)?;
        let applied = work.apply(tgtadm, &site, &options.apply)?;
        work.report.apply = Some(applied);
    }
    work.report.seconds = begun.elapsed().as_secs_f64();
    Ok(work.report)
}

/// This gateway, if it may serve the client.
fn here(site: &Site, client: &Client) -> Result<HostName> {
    let Some(here) = &site.gateway else {
        let message = "the inventory has no gateways, so there is nowhere to move a client to";
        return Err(Error::new(Kind::Config, message).remedy("add [gateway.NAME] for each of them"));
    };
    if client.gateway.as_ref() == Some(here) || client.standby.contains(here) {
        return Ok(here.clone());
    }
    Err(Error::new(
        Kind::Config,
        format!("{here} is no standby of client {}", client.name),
    )
    .remedy(format!("add it: standby = [\"{here}\"], on every gateway")))
}

/// Whether this gateway has images of the client open. If it is the one that serves, the others were fenced before that unless
/// they have notes that are not closed, and what Ceph shows is its own.
fn open_here(tgtadm: &Tgtadm<'_>, client: &Client) -> Result<bool> {
    let states = tgtadm.targets()?;
    let open = |iqn: &str| {
        states
            .iter()
            .any(|state| state.iqn == iqn && !state.luns.is_empty())
    };
    Ok(client.targets.iter().any(|target| open(&target.iqn)))
}

/// Whether another gateway may have one of the images open by what it noted.
fn others_hold(
    host: &Host,
    site: &Site,
    to: &HostName,
    images: &[(ImageSpec, ImageKey)],
) -> Result<bool> {
    let noted = fence::Noted::read(host, site, to)?;
    Ok(images.iter().any(|(_, key)| noted.open(key)))
}

/// The images that are written; snapshots need no fence.
fn images(site: &Site, client: &Client) -> Result<Vec<(ImageSpec, ImageKey)>> {
    let luns = client.targets.iter().flat_map(|target| &target.luns);
    let written = luns.filter(|lun| lun.image.snap.is_none());
    let with_key = |lun: &Lun| {
        let key = site.identities.lun(&lun.image)?.key.clone();
        Ok((lun.image.image.clone(), key))
    };
    written.map(with_key).collect()
}

/// The site as the registry has it now: another gateway serves, and the notes of those that let go or were barred are closed.
fn follow(host: &Host, mut site: Site, name: &str, to: &HostName) -> Result<Site> {
    let now = std::collections::BTreeMap::from([(name.to_owned(), to.clone())]);
    site.inventory.follow(&now);
    site.identities.active.extend(now);
    let store = store(&site.inventory, || host.connect())?;
    site.identities.holdings = holdings(store.as_ref())?;
    Ok(site)
}
