//! Fencing: whoever still has an image open, or may have, is barred from Ceph, and its note is closed.

use std::collections::{BTreeMap, BTreeSet};

use super::Fenced;
use crate::ceph::{CephError, Cluster, Image, fence};
use crate::host::Host;
use crate::model::{HostName, ImageSpec};
use crate::tgt::Site;
use crate::tgt::registry::{self, Holding, Holdings, ImageKey, Store};
use crate::{Context, Result};

/// What the other gateways noted of the images that they opened.
pub(super) struct Noted {
    store: Box<dyn Store>,
    holdings: Holdings,
    to: HostName,
}

impl Noted {
    /// As the registry has it now. Nothing is known of `to`, which is to serve: it has let go of what it had.
    pub(super) fn read(host: &Host, site: &Site, to: &HostName) -> Result<Self> {
        let store = registry::store(&site.inventory, || host.connect())?;
        Ok(Self {
            holdings: registry::holdings(store.as_ref())?,
            store,
            to: to.clone(),
        })
    }

    fn of(&self, key: &ImageKey) -> impl Iterator<Item = (&HostName, &Holding)> {
        let all = self.holdings.get(key).into_iter().flatten();
        all.filter(|(gateway, _)| **gateway != self.to)
    }

    /// Whether another gateway may have the image open.
    pub(super) fn open(&self, key: &ImageKey) -> bool {
        registry::open_elsewhere(&self.holdings, key, &self.to).is_some()
    }

    /// Closes the notes of the others, who are barred or known to be dead.
    pub(super) fn close<'a>(&self, keys: impl Iterator<Item = &'a ImageKey>) -> Result<()> {
        let open = |key: &ImageKey| {
            let open = self.of(key).filter(|(_, holding)| !holding.is_closed());
            let open: BTreeMap<_, _> = open
                .map(|(gateway, holding)| (gateway.clone(), holding.clone()))
                .collect();
            (key.clone(), open)
        };
        registry::close(self.store.as_ref(), &keys.map(open).collect())
    }

    /// The gateways that were about to open an image and did not note by which client.
    pub(super) fn unknown(&self, key: &ImageKey) -> Vec<&HostName> {
        let opening = self.of(key).filter(|(_, holding)| holding.opening);
        opening.map(|(gateway, _)| gateway).collect()
    }

    /// The clients that the others noted; none that is one of a gateway that is `serving` already as well.
    fn others(&self, key: &ImageKey, serving: bool) -> BTreeSet<String> {
        let own = self.holdings.get(key).and_then(|of| of.get(&self.to));
        let spared = |addr: &&String| serving && own.is_some_and(|own| own.clients.contains(*addr));
        let all = self.of(key).flat_map(|(_, holding)| &holding.clients);
        all.filter(|addr| !spared(addr)).cloned().collect()
    }
}

/// Who has an image open or holds its lock, by what Ceph shows and by what was noted: those who are to be barred. Ceph forgets
/// the watch of a gateway that has been frozen for long, and there is no lock before the first write. Of a gateway that is
/// `serving` already, what Ceph shows is its own, so there it is the notes of the others alone.
pub(super) fn open_by(
    host: &Host,
    cluster: &Cluster,
    spec: &ImageSpec,
    key: &ImageKey,
    noted: &Noted,
    serving: bool,
) -> Result<Vec<Fenced>> {
    let mut addrs = noted.others(key, serving);
    if !serving {
        let holders = open(cluster, spec).and_then(|image| fence::holders(&image));
        addrs.extend(holders.context(|| format!("cannot ask who has {spec} open"))?);
    }
    // This host's own kernel client, of a cached disk or of another one: all that it has mapped would fail.
    for own in host.krbd().list() {
        addrs.remove(&own.client_addr);
    }
    let image = spec.to_string();
    let fenced = addrs.into_iter().map(|addr| Fenced {
        image: image.clone(),
        addr,
    });
    Ok(fenced.collect())
}

fn open(cluster: &Cluster, spec: &ImageSpec) -> Result<Image, CephError> {
    let pool = cluster.pool(&spec.pool, None)?;
    pool.open_read_only(&spec.image, None)
}

/// Bars them, and waits until Ceph has let go of their watches.
pub(super) fn bar(cluster: &Cluster, found: &[Fenced], spec: &ImageSpec) -> Result<()> {
    let image = spec.to_string();
    let here = found.iter().filter(|fenced| fenced.image == image);
    let addrs: BTreeSet<String> = here.map(|fenced| fenced.addr.clone()).collect();
    let image = open(cluster, spec).context(|| format!("cannot open {spec}"))?;
    fence::bar(&image, &addrs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tgt::registry::FileStore;

    #[test]
    fn notes_of_others_are_barred_and_closed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("registry");
        let key: ImageKey = "801945f3-c685-4fbf-a968-66d179c4e25c/3/x".parse().unwrap();
        let (gw1, gw2): (HostName, HostName) = ("gw1".parse().unwrap(), "gw2".parse().unwrap());
        let store = FileStore::new(file.clone());
        let note = |gateway: &HostName, addr: &str| {
            let clients = BTreeSet::from([addr.to_owned()]);
            let opening = false;
            let holding = BTreeMap::from([(key.clone(), Holding { clients, opening })]);
            registry::note(&store, gateway, &holding).unwrap();
        };
        let read = |to: &HostName| Noted {
            holdings: registry::holdings(&store).unwrap(),
            store: Box::new(FileStore::new(file.clone())),
            to: to.clone(),
        };
        note(&gw1, "10.0.0.1:0/7");
        note(&gw2, "10.0.0.2:0/8");
        let noted = read(&gw2);
        assert!(noted.open(&key) && noted.unknown(&key).is_empty());
        for serving in [false, true] {
            let wanted = BTreeSet::from(["10.0.0.1:0/7".to_owned()]);
            assert_eq!(noted.others(&key, serving), wanted);
        }
        noted.close(std::iter::once(&key)).unwrap();
        assert!(!read(&gw2).open(&key), "the other's is closed");
        assert!(read(&gw1).open(&key), "its own is not");
        // a note that names the client of the one that serves does not bar that
        note(&gw1, "10.0.0.2:0/8");
        assert!(read(&gw2).others(&key, true).is_empty());
        assert_eq!(read(&gw2).others(&key, false).len(), 1);
    }
}
