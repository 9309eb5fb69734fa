//! The steps of a failover, each told with its time.

use std::time::Instant;

use super::release::cached;
use super::run::Options;
use super::{FailoverReport, FailoverStep, fence, lease};
use crate::ceph::Cluster;
use crate::disk::LeaseCell;
use crate::error::both;
use crate::host::Host;
use crate::job::{Attach, Report};
use crate::model::{HostName, ImageSpec, SnapSpec};
use crate::tgt::Site;
use crate::tgt::daemon::Tgtadm;
use crate::tgt::daemon::apply::{self, ApplyReport, apply};
use crate::tgt::holders::Holders;
use crate::tgt::inventory::{Client, Gateway};
use crate::tgt::registry::{ImageKey, serve_from};
use crate::tools::ssh;
use crate::{Context, Error, Kind, Result, disk};

/// A client of Ceph that was never noted cannot be named to the blocklist.
fn cannot_bar(gateway: &HostName, image: &ImageSpec) -> Error {
    let message = format!(
        "{gateway} was about to open {image}, and did not note by which client of Ceph: it may have it open and cannot be barred"
    );
    Error::new(Kind::Busy, message).remedy(format!(
        "where {gateway} answers: `warmblock tgt apply` there, then this again; else make sure that it is off, and give --dead"
    ))
}

/// What the steps work with.
pub(super) struct Work<'a> {
    pub(super) host: &'a Host,
    pub(super) cluster: Cluster,
    pub(super) report: FailoverReport,
}

impl Work<'_> {
    pub(super) fn did(&mut self, what: impl Into<String>, done: bool, begun: Instant) {
        self.report.steps.push(FailoverStep {
            what: what.into(),
            done,
            seconds: begun.elapsed().as_secs_f64(),
        });
    }

    pub(super) fn serve_from(
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
    pub(super) fn release(
        &mut self,
        site: &Site,
        client: &Client,
        to: &HostName,
        options: &Options,
    ) {
        let others: Vec<HostName> = client
            .gateway
            .iter()
            .chain(&client.standby)
            .filter(|name| *name != to)
            .cloned()
            .collect();
        for name in others {
            let gateways = &site.inventory.gateways;
            if let Some(gateway) = gateways.iter().find(|gateway| gateway.name == name) {
                self.ask_to_let_go(gateway, client, options);
            }
        }
    }

    fn ask_to_let_go(&mut self, gateway: &Gateway, client: &Client, options: &Options) {
        let (name, begun) = (&gateway.name, Instant::now());
        if options.dead {
            return self.did(format!("{name}: not asked: said to be dead"), false, begun);
        }
        if options.apply.dry_run {
            return self.did(format!("{name}: would be asked to let go"), true, begun);
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
        let why = match ssh::run(&self.host.exec, &gateway.ssh, &words, options.release) {
            Ok(output) if output.code == 0 => {
                return self.did(format!("{name} has let go"), true, begun);
            }
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stdout);
                let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
                format!("exit code {}: {said}", output.code)
            }
            Err(error) => error.chain(),
        };
        self.did(format!("{name} did not let go: {why}"), false, begun);
    }

    /// Whoever is left is barred: nobody but the gateways has business with these images, and who has would be a second writer.
    /// Until their notes are closed, which is last, nobody opens the images here.
    pub(super) fn fence(
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
    pub(super) fn ask(&self, site: &Site, image: &ImageSpec) -> Result<Attach> {
        let whole = SnapSpec {
            image: image.clone(),
            snap: None,
        };
        let id = &site.identities.lun(&whole)?.key.image;
        let pool = self.cluster.pool(&image.pool, image.namespace.as_ref());
        let pool = pool.context(|| format!("cannot open the pool of {image}"))?;
        let lease = LeaseCell::read(&pool, id, image)?.lease;
        lease::ask(image, &lease, &site.inventory.gateways, &self.host.me()?)
    }

    /// Cached disks, noted before they can be written here.
    pub(super) fn attach(
        &mut self,
        tgtadm: &Tgtadm<'_>,
        site: &Site,
        client: &Client,
    ) -> Result<()> {
        let images = cached(client);
        if images.is_empty() {
            return Ok(());
        }
        let Some(holders) = Holders::new(self.host, site)? else {
            return Ok(());
        };
        {
            let _lock = apply::lock(self.host)?;
            holders.opening(site.view(client)?.luns())?;
        }
        // Without the lock, for it may take long; what has no LUN yet nobody writes to, and `apply` notes it again.
        let attached = images
            .into_iter()
            .try_for_each(|image| self.take(site, &image));
        let _lock = apply::lock(self.host)?;
        both(attached, holders.over(tgtadm))
    }

    /// One of them: its old holder let go or is barred, so its lease may be taken. Dirty data that only its SSD has are refused
    /// all the same.
    fn take(&mut self, site: &Site, image: &ImageSpec) -> Result<()> {
        let begun = Instant::now();
        let ask = self.ask(site, image)?;
        let report: Report = disk::attach(self.host, &ask, false)?;
        self.did(format!("{image} is attached here"), true, begun);
        self.report.attached.push(report);
        Ok(())
    }

    pub(super) fn apply(
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
