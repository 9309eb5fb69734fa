//! The steps, in the order that keeps two gateways from writing at once.

use std::time::{Duration, Instant};

use super::release::{cached, find, release};
use super::{FailoverReport, FailoverStep, fence, lease};
use crate::ceph::Cluster;
use crate::disk::LeaseCell;
use crate::host::Host;
use crate::job::{Attach, Report};
use crate::model::{HostName, ImageSpec, SnapSpec};
use crate::tgt::Site;
use crate::tgt::daemon::Tgtadm;
use crate::tgt::daemon::apply::{self, ApplyReport, apply, reach};
use crate::tgt::inventory::{Client, Lun};
use crate::tgt::registry::{ImageKey, holdings, serve_from, store};
use crate::tools::ssh;
use crate::{Context, Error, Kind, Result, disk};

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
        work.attach(&site, client)?;
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

/// A client of Ceph that was never noted cannot be named to the blocklist.
fn cannot_bar(gateway: &HostName, image: &ImageSpec) -> Error {
    let message = format!(
        "{gateway} was about to open {image}, and did not note by which client of Ceph: it may have it open and cannot be barred"
    );
    Error::new(Kind::Busy, message).remedy(format!(
        "where {gateway} answers: `warmblock tgt apply` there, then this again; else make sure that it is off, and give --dead"
    ))
}

struct Work<'a> {
    host: &'a Host,
    cluster: Cluster,
    report: FailoverReport,
}

impl Work<'_> {
    fn did(&mut self, what: impl Into<String>, done: bool, begun: Instant) {
        self.report.steps.push(FailoverStep {
            what: what.into(),
            done,
            seconds: begun.elapsed().as_secs_f64(),
        });
    }

    fn serve_from(
        &mut self,
        site: &Site,
        client: &Client,
        to: &HostName,
        dry_run: bool,
    ) -> Result<()> {
        let begun = Instant::now();
        if dry_run {
            self.did(
                format!("note in the registry that {to} serves {}", client.name),
                true,
                begun,
            );
            return Ok(());
        }
        let new = serve_from(self.host, &site.inventory, &client.name, to)?;
        let words = if new { "says" } else { "says already" };
        self.did(
            format!("the registry {words} that {to} serves {}", client.name),
            true,
            begun,
        );
        Ok(())
    }

    /// Asks every other gateway of the client to let go: the one that serves it, and one that may still do from an earlier
    /// failover that was not finished. What cannot be reached is fenced next.
    fn release(&mut self, site: &Site, client: &Client, to: &HostName, options: &Options) {
        let others: Vec<HostName> = client
            .gateway
            .iter()
            .chain(&client.standby)
            .filter(|name| *name != to)
            .cloned()
            .collect();
        for name in others {
            let begun = Instant::now();
            let asked = site
                .inventory
                .gateways
                .iter()
                .find(|gateway| gateway.name == name);
            let Some(gateway) = asked else { continue };
            if options.dead || options.apply.dry_run {
                let why = if options.dead {
                    "not asked: said to be dead"
                } else {
                    "would be asked to let go"
                };
                self.did(format!("{name}: {why}"), !options.dead, begun);
                continue;
            }
            let words = [
                "warmblock",
                "--json",
                "-q",
                "tgt",
                "release",
                &client.name,
                "--gateway",
                name.as_str(),
            ];
            match ssh::run(&self.host.exec, &gateway.ssh, &words, options.release) {
                Ok(output) if output.code == 0 => {
                    self.did(format!("{name} has let go"), true, begun)
                }
                Ok(output) => {
                    let said = String::from_utf8_lossy(&output.stdout);
                    let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
                    self.did(
                        format!("{name} did not let go: exit code {}: {said}", output.code),
                        false,
                        begun,
                    );
                }
                Err(error) => self.did(
                    format!("{name} did not let go: {}", error.chain()),
                    false,
                    begun,
                ),
            }
        }
    }

    /// Whoever is left is barred: nobody but the gateways has business with these images, and who has would be a second writer.
    /// Until their notes are closed, which is last, nobody opens the images here.
    fn fence(
        &mut self,
        site: &Site,
        images: &[(ImageSpec, ImageKey)],
        serving: bool,
        options: &Options,
    ) -> Result<()> {
        let dry_run = options.apply.dry_run;
        let noted = fence::Noted::read(self.host, site, &self.report.to)?;
        for (image, key) in images {
            let begun = Instant::now();
            let found = fence::open_by(self.host, &self.cluster, image, key, &noted, serving)?;
            if !dry_run {
                fence::bar(&self.cluster, &found, image)?;
            }
            let addrs: Vec<&str> = found.iter().map(|fenced| fenced.addr.as_str()).collect();
            let what = match (addrs.is_empty(), dry_run) {
                (true, _) => format!("{image} is open nowhere"),
                (false, true) => format!("{image}: {} would be barred from Ceph", addrs.join(", ")),
                (false, false) => format!("{image}: {} is barred from Ceph", addrs.join(", ")),
            };
            self.did(what, true, begun);
            self.report.fenced.extend(found);
            if let Some(gateway) = noted.unknown(key).first().filter(|_| !options.dead) {
                let error = cannot_bar(gateway, image);
                if !dry_run {
                    return Err(error);
                }
                self.did(format!("it would end here: {error}"), false, begun);
            }
        }
        if !dry_run {
            noted.close(images.iter().map(|(_, key)| key))?;
        }
        Ok(())
    }

    /// How a cached disk is attached here.
    fn ask(&self, site: &Site, image: &ImageSpec) -> Result<Attach> {
        let whole = SnapSpec {
            image: image.clone(),
            snap: None,
        };
        let id = &site.identities.lun(&whole)?.key.image;
        let pool = self
            .cluster
            .pool(&image.pool, image.namespace.as_ref())
            .context(|| format!("cannot open the pool of {image}"))?;
        let lease = LeaseCell::read(&pool, id, image)?.lease;
        lease::ask(image, &lease, &site.inventory.gateways, &self.host.me()?)
    }

    /// Cached disks: their old holder let go or is barred, so its lease may be taken. Dirty data that only its SSD has are
    /// refused all the same.
    fn attach(&mut self, site: &Site, client: &Client) -> Result<()> {
        for image in cached(client) {
            let begun = Instant::now();
            let ask = self.ask(site, &image)?;
            let report: Report = disk::attach(self.host, &ask, false)?;
            self.did(format!("{image} is attached here"), true, begun);
            self.report.attached.push(report);
        }
        Ok(())
    }

    fn apply(
        &mut self,
        tgtadm: &Tgtadm<'_>,
        site: &Site,
        options: &apply::Options,
    ) -> Result<ApplyReport> {
        let begun = Instant::now();
        let options = apply::Options {
            only: Some(self.report.client.clone()),
            ..options.clone()
        };
        let applied = apply(self.host, tgtadm, site, &options)?;
        let what = if applied.failed() {
            "tgtd here could not be brought to serve it"
        } else {
            "tgtd here serves it"
        };
        self.did(what, !applied.failed(), begun);
        Ok(applied)
    }
}
