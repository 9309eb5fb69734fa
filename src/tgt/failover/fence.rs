//! Fencing: whoever still has an image open, or may have, is barred from Ceph.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Fenced;
use crate::ceph::{CephError, Cluster};
use crate::host::Host;
use crate::model::{HostName, ImageSpec};
use crate::sys::wait;
use crate::tgt::Site;
use crate::tgt::registry::{self, Holding, Holdings, ImageKey};
use crate::{Context, Result};

/// How long a gateway stays barred: longer than any freeze, since what it has in flight is written when it thaws. Its next
/// clients have other addresses and are not meant.
const BARRED: Duration = Duration::from_secs(24 * 60 * 60);
/// The OSDs forget a barred client's watch as soon as they learn of it.
const GONE: Duration = Duration::from_secs(20);

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
    cluster: &Cluster,
    spec: &ImageSpec,
    key: &ImageKey,
    noted: &Noted,
) -> Result<Vec<Fenced>> {
    let ask = || -> Result<BTreeSet<String>, CephError> {
        let image = cluster
            .pool(&spec.pool, None)?
            .open_read_only(&spec.image, None)?;
        let watchers = image.watchers()?.into_iter().map(|watcher| watcher.addr);
        let lockers = image.lockers()?.lockers.into_iter().map(|lock| lock.addr);
        Ok(watchers
            .chain(lockers)
            .filter(|addr| !addr.is_empty())
            .collect())
    };
    let mut addrs = ask().context(|| format!("cannot ask who has {spec} open"))?;
    addrs.extend(noted.clients(key));
    let image = spec.to_string();
    let fenced = addrs.into_iter().map(|addr| Fenced {
        image: image.clone(),
        addr,
    });
    Ok(fenced.collect())
}

/// Bars them, and waits until Ceph has let go of their watches.
pub(super) fn bar(cluster: &Cluster, found: &[Fenced], spec: &ImageSpec) -> Result<()> {
    let image = spec.to_string();
    let here = found.iter().filter(|fenced| fenced.image == image);
    let addrs: BTreeSet<&str> = here.map(|fenced| fenced.addr.as_str()).collect();
    for addr in &addrs {
        cluster
            .blocklist_add(addr, Some(BARRED))
            .context(|| format!("cannot bar {addr} from the cluster"))?;
    }
    if addrs.is_empty() {
        return Ok(());
    }
    let what = format!(
        "the watches on {spec} of {}",
        addrs.iter().copied().collect::<Vec<_>>().join(", ")
    );
    wait::until(&what, GONE, || {
        let watchers = || {
            let pool = cluster.pool(&spec.pool, None)?;
            pool.open_read_only(&spec.image, None)?.watchers()
        };
        let left = watchers().context(|| format!("cannot ask who has {spec} open"))?;
        let gone = !left
            .iter()
            .any(|watcher| addrs.contains(watcher.addr.as_str()));
        Ok(gone.then_some(()))
    })
}
