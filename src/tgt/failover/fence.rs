//! Fencing: whoever still has an image open is barred from Ceph.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Fenced;
use crate::ceph::{CephError, Cluster, Image};
use crate::model::ImageSpec;
use crate::sys::wait;
use crate::{Context, Result};

/// How long a gateway stays barred: longer than any freeze, since what it has in flight is written when it thaws. Its next
/// clients have other addresses and are not meant.
const BARRED: Duration = Duration::from_secs(24 * 60 * 60);
/// The OSDs forget a barred client's watch as soon as they learn of it.
const GONE: Duration = Duration::from_secs(20);

/// Who has an image open or holds its lock, this process not counted.
fn holders(cluster: &Cluster, spec: &ImageSpec) -> Result<(Image, BTreeSet<String>), CephError> {
    let pool = cluster.pool(&spec.pool, None)?;
    let image = pool.open_read_only(&spec.image, None)?;
    let watchers = image.watchers()?.into_iter().map(|watcher| watcher.addr);
    let lockers = image.lockers()?.lockers.into_iter().map(|lock| lock.addr);
    let all = watchers.chain(lockers).filter(|addr| !addr.is_empty());
    let all = all.collect();
    Ok((image, all))
}

/// Those who would be barred.
pub(super) fn open_by(cluster: &Cluster, spec: &ImageSpec) -> Result<Vec<Fenced>> {
    let (_, holders) =
        holders(cluster, spec).context(|| format!("cannot ask who has {spec} open"))?;
    Ok(holders
        .into_iter()
        .map(|addr| Fenced {
            image: spec.to_string(),
            addr,
        })
        .collect())
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
