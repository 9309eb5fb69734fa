//! `warmblock tgt resize`: a live LUN shows its image's new size.
//!
//! tgtd reads the size once, when it opens the image (facts 2.4). Opening it anew is two requests on the live LUN: sessions
//! stay, no command fails, and the initiator sees the new size when it scans again.

use serde::Serialize;

use super::daemon::apply::{lock, reach};
use super::daemon::{TargetState, Tgtadm};
use super::guest::Guest;
use super::holders::Holders;
use super::render::{ClientView, LunView, TargetView};
use super::{Site, guest};
use crate::ceph::Cluster;
use crate::error::both;
use crate::host::Host;
use crate::iscsi::Session;
use crate::model::{Bytes, Change, HostName, SnapSpec};
use crate::tgt::inventory::ClientRole;
use crate::{Context, Error, Kind, Result};

#[cfg(test)]
mod tests;

/// What `tgt resize` did.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct ResizeReport {
    /// The version of this document.
    pub version: u32,
    /// The gateway, where the inventory has any.
    pub gateway: Option<HostName>,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// The LUNs that were looked at.
    pub luns: Vec<Resized>,
}

/// One LUN.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Resized {
    /// Its target.
    pub iqn: String,
    /// Its number.
    pub lun: u8,
    /// Its image.
    pub image: String,
    /// What initiators saw.
    pub before: Bytes,
    /// What they see now, or would.
    pub after: Bytes,
    /// Whether it changed.
    pub change: Change,
    /// Why it could not be done.
    pub error: Option<String>,
}

impl ResizeReport {
    /// Whether something could not be done.
    pub fn failed(&self) -> bool {
        self.luns.iter().any(|lun| lun.error.is_some())
    }
}

/// Brings the LUN of an image, or all of them, to their images' sizes. A LUN never becomes smaller: what is beyond the end
/// would be lost to a file system that knows nothing of it.
///
/// The image has to be opened anew, and tgtd (seen with 1.0.85, once in ten tries) dies if commands of an initiator are under
/// way in that moment. So a LUN whose target has sessions is left as it is, unless `force` says that its initiators are quiet.
pub fn resize(
    host: &Host,
    tgtadm: &Tgtadm<'_>,
    site: &Site,
    image: Option<&SnapSpec>,
    force: bool,
    dry_run: bool,
) -> Result<ResizeReport> {
    let _lock = lock(host)?;
    let holders = Holders::new(host, site)?;
    let views = site.views()?;
    let states = tgtadm.targets()?;
    let mut ceph = None;
    let mut report = ResizeReport {
        version: 1,
        gateway: site.gateway.clone(),
        dry_run,
        luns: Vec::new(),
    };
    for view in views.iter().filter(|view| view.role == ClientRole::Active) {
        for target in &view.targets {
            let meant = |lun: &&LunView| image.is_none_or(|image| lun.image == image.to_string());
            let luns: Vec<&LunView> = target.luns.iter().filter(meant).collect();
            if luns.is_empty() {
                continue;
            }
            let state = states.iter().find(|state| state.iqn == target.iqn);
            let state = state.ok_or_else(|| not_there(&target.iqn))?;
            if ceph.is_none() {
                ceph = Some(reach(host, tgtadm, &site.inventory)?);
            }
            let one = Target {
                tgtadm,
                view,
                target,
                state,
                ceph: ceph.as_ref(),
                holders: holders.as_ref(),
                force,
                dry_run,
            };
            report.luns.extend(one.luns(&luns)?);
        }
    }
    if let (Some(image), true) = (image, report.luns.is_empty()) {
        let message = format!("{image} is no LUN that this gateway serves");
        return Err(Error::new(Kind::NotFound, message).remedy(
            "run it on the gateway that serves it: `warmblock tgt inventory` tells which",
        ));
    }
    Ok(report)
}

fn not_there(iqn: &str) -> Error {
    Error::new(Kind::NotFound, format!("tgtd does not have {iqn}"))
        .remedy("`warmblock tgt apply` makes it")
}

struct Target<'a> {
    tgtadm: &'a Tgtadm<'a>,
    view: &'a ClientView,
    target: &'a TargetView,
    state: &'a TargetState,
    ceph: Option<&'a Cluster>,
    holders: Option<&'a Holders<'a>>,
    force: bool,
    dry_run: bool,
}

impl Target<'_> {
    /// Over one session, which sees what an initiator sees.
    fn luns(&self, luns: &[&LunView]) -> Result<Vec<Resized>> {
        let guest = Guest::admit(self.tgtadm, self.state.tid)?;
        let portal = self.tgtadm.portals()?.into_iter().next();
        let portal = portal.ok_or_else(|| Error::new(Kind::Missing, "tgtd listens nowhere"))?;
        let mut session = guest::login(portal, self.view, self.target, guest.name(), true)
            .context(|| format!("cannot log in to {}", self.target.iqn))?;
        let done = luns.iter().map(|lun| self.lun(&mut session, lun)).collect();
        // the answers are here; how the session ends changes nothing
        let _ended = session.logout();
        guest.dismiss()?;
        done
    }

    fn lun(&self, session: &mut Session, lun: &LunView) -> Result<Resized> {
        let before = session.capacity(lun.number)?.size;
        let mut resized = Resized {
            iqn: self.target.iqn.clone(),
            lun: lun.number,
            image: lun.image.clone(),
            before,
            after: before,
            change: Change::Kept,
            error: None,
        };
        let block = u64::from(session.capacity(lun.number)?.block.max(1));
        let size = Bytes(self.size(lun)?.0 / block * block);
        if size == before {
            return Ok(resized);
        }
        if let Some(why) = self.refused(lun, before, size) {
            resized.error = Some(why);
            return Ok(resized);
        }
        resized.after = size;
        resized.change = Change::Altered;
        if self.dry_run {
            return Ok(resized);
        }
        self.reopen(lun)?;
        resized.after = session.capacity(lun.number)?.size;
        if resized.after != size {
            resized.error = Some(format!(
                "it shows {} after it was opened anew",
                resized.after
            ));
        }
        Ok(resized)
    }

    /// Opens the image anew: noted as any opening is, which is refused where another gateway serves by now.
    fn reopen(&self, lun: &LunView) -> Result<()> {
        if let Some(holders) = self.holders {
            holders.opening(std::iter::once((self.view.client.as_str(), lun)))?;
        }
        let opened = self
            .tgtadm
            .lun_reopen(self.state.tid, lun.number, &lun.path);
        match (opened, self.holders) {
            (Ok(()), Some(holders)) => holders.opened(lun),
            (Err(error), Some(holders)) => both(Err(error), holders.over(self.tgtadm)),
            (opened, None) => opened,
        }
    }

    fn refused(&self, lun: &LunView, before: Bytes, size: Bytes) -> Option<String> {
        if self.target.bs_type != "rbd" {
            return Some(format!(
                "{} is {size}, and its cache was made for {before}: `warmblock tgt failover` or, with nobody connected, detach and attach it",
                lun.image
            ));
        }
        let connected = self.state.nexuses.len();
        if connected > 0 && !self.force {
            return Some(format!(
                "{connected} initiators are connected, and tgtd can die, with all that it serves, if one of them reads or writes in \
                 that moment: stop their I/O and give --force, log them out, or fail the client over to a standby"
            ));
        }
        (size < before).then(|| {
            format!(
                "{} has become smaller, {size}: what initiators keep beyond that is lost; make it {before} again",
                lun.image
            )
        })
    }

    /// The image's size now.
    fn size(&self, lun: &LunView) -> Result<Bytes> {
        let spec: SnapSpec = lun.image.parse()?;
        let cluster = self
            .ceph
            .ok_or_else(|| Error::new(Kind::Internal, "Ceph was not reached"))?;
        let ask = || {
            let pool = cluster.pool(&spec.image.pool, None)?;
            pool.open_read_only(&spec.image.image, spec.snap.as_ref())?
                .size()
        };
        ask().context(|| format!("cannot ask for the size of {spec}"))
    }
}
