//! Fencing: whoever still has an image open is barred from Ceph.

use std::collections::BTreeSet;

use super::Fenced;
use crate::ceph::{CephError, Cluster, Image, fence};
use crate::model::ImageSpec;
use crate::{Context, Result};

fn open(cluster: &Cluster, spec: &ImageSpec) -> Result<Image, CephError> {
    let pool = cluster.pool(&spec.pool, None)?;
    pool.open_read_only(&spec.image, None)
}

/// Those who would be barred: who has an image open or holds its lock, this process not counted.
pub(super) fn open_by(cluster: &Cluster, spec: &ImageSpec) -> Result<Vec<Fenced>> {
    let holders = open(cluster, spec).and_then(|image| fence::holders(&image));
    let holders = holders.context(|| format!("cannot ask who has {spec} open"))?;
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
    let addrs: BTreeSet<String> = here.map(|fenced| fenced.addr.clone()).collect();
    let image = open(cluster, spec).context(|| format!("cannot open {spec}"))?;
    fence::bar(&image, &addrs)
}
