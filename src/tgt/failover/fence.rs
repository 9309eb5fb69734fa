//! Fencing: whoever still has an image open, or may have, is barred from Ceph.

use std::collections::BTreeSet;

use super::Fenced;
use crate::ceph::{CephError, Cluster, Image, fence};
use crate::host::Host;
use crate::model::{HostName, ImageSpec};
use crate::tgt::Site;
use crate::tgt::registry::{self, Holding, Holdings, ImageKey};
use crate::{Context, Result};

/// What the other gateways noted of the images that they opened.
pub(super) struct Noted {
    holdings: Holdings,
    to: HostName,
}

impl Noted {
    /// As the registry has it now. Nothing is known of `to`, which is to serve: it has let go of what it had.
    pub(super) fn read(host: &Host, site: &Site, to: &HostName) -> Result<Self> {
        let store = registry::store(&site.inventory, || host.connect())?;
        Ok(Self {
            holdings: registry::holdings(store.as_ref())?,
            to: to.clone(),
        })
    }

    fn of(&self, key: &ImageKey) -> impl Iterator<Item = (&HostName, &Holding)> {
        let all = self.holdings.get(key).into_iter().flatten();
        all.filter(|(gateway, _)| **gateway != self.to)
    }

    /// The gateways that were about to open an image and did not note by which client.
    pub(super) fn unknown(&self, key: &ImageKey) -> Vec<&HostName> {
        let opening = self.of(key).filter(|(_, holding)| holding.opening);
        opening.map(|(gateway, _)| gateway).collect()
    }

    fn clients(&self, key: &ImageKey) -> impl Iterator<Item = String> {
        self.of(key)
            .flat_map(|(_, holding)| holding.clients.iter().cloned())
    }
}

/// Who has an image open or holds its lock, by what Ceph shows and by what was noted: those who are to be barred. Ceph forgets
/// the watch of a gateway that has been frozen for long, and there is no lock before the first write.
pub(super) fn open_by(
    host: &Host,
    cluster: &Cluster,
    spec: &ImageSpec,
    key: &ImageKey,
    noted: &Noted,
) -> Result<Vec<Fenced>> {
    let holders = open(cluster, spec).and_then(|image| fence::holders(&image));
    let mut addrs = holders.context(|| format!("cannot ask who has {spec} open"))?;
    addrs.extend(noted.clients(key));
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
