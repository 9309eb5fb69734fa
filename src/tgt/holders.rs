//! Keeps this gateway's notes in the registry true: by which clients of Ceph its tgtd has images open.
//!
//! tgtd makes a client of its own for every LUN and does not tell its address; Ceph shows it as a watcher of the image, as it
//! shows the kernel's, by which a cached disk is written. The order is what makes the notes complete: that an image is about to
//! be opened is noted before tgtd is asked, and by which client it was opened is noted before anybody new is let in. A cached
//! disk stays noted after its LUN is gone, until it is detached.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Site;
use super::daemon::apply::lock;
use super::daemon::{TargetState, Tgtadm};
use super::inventory::ClientRole;
use super::registry::{self, Holding, Holdings, ImageKey, Store};
use super::render::{ClientView, LunView};
use super::status::GatewayStatus;
use super::watchers::{is_here, watchers_of};
use crate::ceph::Cluster;
use crate::host::Host;
use crate::model::{HostName, SnapSpec};
use crate::sys::host::addresses;
use crate::{Error, Kind, Result};

/// The notes of one gateway.
pub(in crate::tgt) struct Holders<'a> {
    host: &'a Host,
    site: &'a Site,
    gateway: &'a HostName,
    own: BTreeSet<IpAddr>,
    cluster: OnceCell<Cluster>,
    noted: RefCell<BTreeMap<ImageKey, Holding>>,
}

/// Whether an image that the daemon does not have may be one that it is only about to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tgt) enum Opening {
    /// It may: a daemon that starts opens what is in its files, one after the other.
    Possible,
    /// It is not.
    Over,
}

impl<'a> Holders<'a> {
    /// Those of this gateway; `None` where the inventory has no gateways, for then nobody can take a client over.
    pub(in crate::tgt) fn new(host: &'a Host, site: &'a Site) -> Result<Option<Self>> {
        let Some(gateway) = &site.gateway else {
            return Ok(None);
        };
        let noted = of(&site.identities.holdings, gateway);
        Ok(Some(Self {
            host,
            site,
            gateway,
            own: addresses()?,
            cluster: OnceCell::new(),
            noted: RefCell::new(noted),
        }))
    }

    /// Refuses to go on by a site that was put together before another gateway was given one of the clients.
    pub(in crate::tgt) fn refuse_moved<'b>(
        &self,
        clients: impl Iterator<Item = &'b str>,
    ) -> Result<()> {
        let active = &self.site.identities.active;
        registry::refuse_moved(self.store()?.as_ref(), clients, active)
    }

    /// Before images are opened here, each of a client.
    pub(in crate::tgt) fn opening<'b>(
        &self,
        luns: impl Iterator<Item = (&'b str, &'b LunView)>,
    ) -> Result<()> {
        let images = luns.filter_map(|(client, lun)| Some((self.key(lun)?, client)));
        let images: BTreeMap<ImageKey, &str> = images.collect();
        if images.is_empty() {
            return Ok(());
        }
        let (store, active) = (self.store()?, &self.site.identities.active);
        registry::note_opening(store.as_ref(), self.gateway, &images, active)?;
        for key in images.into_keys() {
            self.noted.borrow_mut().entry(key).or_default().opening = true;
        }
        Ok(())
    }

    /// Once one is.
    pub(in crate::tgt) fn opened(&self, lun: &LunView) -> Result<()> {
        let Some(key) = self.key(lun) else {
            return Ok(());
        };
        let clients = self.clients(&key)?;
        if clients.is_empty() {
            let message = format!(
                "{} is open here, and Ceph sees no client of this host that has it open",
                lun.image
            );
            return Err(Error::new(Kind::Failed, message).remedy(
                "see the logs of tgtd and of the kernel; a gateway must reach Ceph from an address of its own to be fenced",
            ));
        }
        let opening = false;
        self.note(BTreeMap::from([(key, Holding { clients, opening })]))
    }

    /// Brings the notes to what the daemon has. Its lock must be held; the notes are read again, for somebody else may have had it
    /// since they were.
    pub(in crate::tgt) fn keep(&self, states: &[TargetState], opening: Opening) -> Result<()> {
        let all = registry::holdings(self.store()?.as_ref())?;
        self.noted.replace(of(&all, self.gateway));
        let mut open = BTreeMap::new();
        for key in self.open(states) {
            let clients = self.clients(&key)?;
            open.insert(key, clients);
        }
        let changes = changes(&self.noted.borrow(), &open, opening);
        self.note(changes)
    }

    /// Ends the notes of openings that were announced, for what the daemon has not: they failed. Its lock must be held.
    pub(in crate::tgt) fn over(&self, tgtadm: &Tgtadm<'_>) -> Result<()> {
        self.keep(&tgtadm.targets()?, Opening::Over)
    }

    /// Whether the notes are otherwise than what a status found. Of a LUN of which Ceph was not asked nothing is known.
    pub(in crate::tgt) fn differ(&self, found: &GatewayStatus) -> bool {
        let luns = found.targets.iter().flat_map(|target| &target.luns);
        let open = luns.filter_map(|lun| {
            let key = self.site.identities.image(&lun.scsi_id, &lun.path)?;
            let clients = lun.watchers.iter().flatten();
            let here = clients.filter(|addr| is_here(addr, &self.own)).cloned();
            Some((key.clone(), here.collect()))
        });
        let open: BTreeMap<ImageKey, BTreeSet<String>> = open.collect();
        !changes(&self.noted.borrow(), &open, Opening::Possible).is_empty()
    }

    /// What is open of the images that could be written elsewhere: what the daemon has, and what of the noted ones is mapped
    /// still, for a cached disk is written to until it is detached.
    fn open(&self, states: &[TargetState]) -> BTreeSet<ImageKey> {
        let identities = &self.site.identities;
        let ours = states
            .iter()
            .filter(|state| identities.ours.contains(&state.iqn));
        let luns = ours.flat_map(|state| &state.luns);
        let keys = luns.filter_map(|lun| identities.image(&lun.scsi_id, &lun.path));
        let noted = self.noted.borrow();
        let noted = noted.iter().filter(|(_, holding)| !holding.is_closed());
        let mapped = noted.map(|(key, _)| key).filter(|key| self.is_mapped(key));
        let open = keys.chain(mapped).filter(|key| key.snap.is_none());
        open.cloned().collect()
    }

    fn is_mapped(&self, key: &ImageKey) -> bool {
        let mapped = self.host.krbd().find(&key.fsid, key.pool, &key.image);
        !mapped.is_empty()
    }

    /// The clients of this host that have an image open.
    fn clients(&self, key: &ImageKey) -> Result<BTreeSet<String>> {
        let all = watchers_of(self.cluster()?, key)?.into_iter();
        Ok(all.filter(|addr| is_here(addr, &self.own)).collect())
    }

    fn note(&self, changes: BTreeMap<ImageKey, Holding>) -> Result<()> {
        if !changes.is_empty() {
            registry::note(self.store()?.as_ref(), self.gateway, &changes)?;
            self.noted.borrow_mut().extend(changes);
        }
        Ok(())
    }

    /// A snapshot cannot be written, so nobody has to be kept from it.
    fn key(&self, lun: &LunView) -> Option<ImageKey> {
        let image: SnapSpec = lun.image.parse().ok()?;
        let key = &self.site.identities.lun(&image).ok()?.key;
        key.snap.is_none().then(|| key.clone())
    }

    fn store(&self) -> Result<Box<dyn Store>> {
        registry::store(&self.site.inventory, || self.cluster().cloned())
    }

    fn cluster(&self) -> Result<&Cluster> {
        if let Some(cluster) = self.cluster.get() {
            return Ok(cluster);
        }
        let cluster = self.host.connect()?;
        Ok(self.cluster.get_or_init(|| cluster))
    }
}

/// What a gateway noted itself.
fn of(all: &Holdings, gateway: &HostName) -> BTreeMap<ImageKey, Holding> {
    let own = |(key, of): (&ImageKey, &BTreeMap<HostName, Holding>)| {
        Some((key.clone(), of.get(gateway)?.clone()))
    };
    all.iter().filter_map(own).collect()
}

/// Before a daemon is started from the files, by which it opens every image that this gateway serves. A client of which
/// another gateway may have an image open is left to that one, so that the others are served all the same.
pub fn starting(host: &Host, site: &mut Site) -> Result<()> {
    // nobody else changes the notes meanwhile
    let _lock = lock(host)?;
    site.hold_back();
    let Some(holders) = Holders::new(host, site)? else {
        return Ok(());
    };
    let views = site.views()?;
    let served = views.iter().filter(|view| view.role == ClientRole::Active);
    holders.opening(served.flat_map(ClientView::luns))
}

/// What is to be noted anew. A client that Ceph does not see any more stays noted as long as its LUN is there: it is the one
/// that was thrown out, or forgotten while it was frozen.
fn changes(
    noted: &BTreeMap<ImageKey, Holding>,
    open: &BTreeMap<ImageKey, BTreeSet<String>>,
    opening: Opening,
) -> BTreeMap<ImageKey, Holding> {
    let mut changes = BTreeMap::new();
    let nothing = Holding::default();
    for (key, clients) in open.iter().filter(|(_, clients)| !clients.is_empty()) {
        let now = Holding {
            clients: clients.clone(),
            opening: false,
        };
        if noted.get(key) != Some(&now) {
            changes.insert(key.clone(), now);
        }
    }
    for (key, before) in noted.iter().filter(|(key, _)| !open.contains_key(key)) {
        let over = opening == Opening::Over || !before.opening;
        if *before != nothing && over {
            changes.insert(key.clone(), nothing.clone());
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(image: &str) -> ImageKey {
        let key = format!("801945f3-c685-4fbf-a968-66d179c4e25c/3/{image}");
        key.parse().unwrap()
    }

    fn clients(addrs: &[&str]) -> BTreeSet<String> {
        addrs.iter().map(|addr| (*addr).to_owned()).collect()
    }

    fn holding(addrs: &[&str], opening: bool) -> Holding {
        let clients = clients(addrs);
        Holding { clients, opening }
    }

    #[test]
    fn notes_follow_the_daemon() {
        let cases = [
            // before, what Ceph shows of an open LUN (none: the LUN is not there), afterwards
            (
                holding(&[], true),
                Some(vec!["a"]),
                Some(holding(&["a"], false)),
            ),
            (holding(&["a"], false), Some(vec!["a"]), None),
            // the daemon was started anew; the watch of the old one may still be there
            (
                holding(&["a"], false),
                Some(vec!["a", "b"]),
                Some(holding(&["a", "b"], false)),
            ),
            (
                holding(&["a", "b"], false),
                Some(vec!["b"]),
                Some(holding(&["b"], false)),
            ),
            // thrown out, or frozen for so long that Ceph forgot it
            (holding(&["a"], false), Some(vec![]), None),
            (holding(&["a"], true), Some(vec![]), None),
            (holding(&["a"], false), None, Some(holding(&[], false))),
            (holding(&["a"], true), None, Some(holding(&[], false))),
            (holding(&[], false), None, None),
        ];
        for (before, shown, after) in cases {
            let noted = BTreeMap::from([(key("x"), before.clone())]);
            let open = shown.iter().map(|addrs| (key("x"), clients(addrs)));
            let open: BTreeMap<_, _> = open.collect();
            let changed = changes(&noted, &open, Opening::Over);
            assert_eq!(
                changed.get(&key("x")),
                after.as_ref(),
                "{before:?} {shown:?}"
            );
            assert!(changed.keys().all(|changed| *changed == key("x")));
        }
    }

    #[test]
    fn what_is_about_to_be_opened_stays_noted() {
        let noted = BTreeMap::from([
            (key("starting"), holding(&["a"], true)),
            (key("closed"), holding(&["b"], false)),
        ]);
        let changed = changes(&noted, &BTreeMap::new(), Opening::Possible);
        assert_eq!(
            changed,
            BTreeMap::from([(key("closed"), Holding::default())])
        );
    }
}
