//! The leases of many disks, over one connection for each way to a cluster, and with many reads in flight.

use std::collections::BTreeMap;

use super::DiskStatus;
use crate::ceph::{Cluster, meta};
use crate::disk::lease;
use crate::disk::record::Record;
use crate::host::Host;
use crate::model::{Access, Lease, Namespace, PoolName};
use crate::{Context, Result};

/// Adds to each disk its lease, or why it could not be read.
pub(super) fn add(host: &Host, records: &[Record], disks: &mut [DiskStatus]) {
    let mut accesses: BTreeMap<Option<&Access>, Vec<usize>> = BTreeMap::new();
    for (i, record) in records.iter().enumerate() {
        let members = accesses.entry(record.access.as_ref()).or_default();
        members.push(i);
    }
    for (access, members) in accesses {
        by_one(host, access, records, &members, disks);
    }
}

/// The leases of those records whose cluster is reached in one way.
fn by_one(
    host: &Host,
    access: Option<&Access>,
    records: &[Record],
    members: &[usize],
    disks: &mut [DiskStatus],
) {
    let mut pools: BTreeMap<(&PoolName, Option<&Namespace>), Vec<usize>> = BTreeMap::new();
    for i in members {
        let spec = &records[*i].image;
        let pool = (&spec.pool, spec.namespace.as_ref());
        pools.entry(pool).or_default().push(*i);
    }
    let cluster = host.connect_by(access);
    for (pool, members) in pools {
        let read = match &cluster {
            Ok(cluster) => of_pool(host, cluster, pool, records, &members),
            Err(error) => Err(error.again()),
        };
        match read {
            Ok(leases) => members
                .iter()
                .zip(leases)
                .for_each(|(i, lease)| set(&mut disks[*i], lease)),
            Err(error) => members
                .iter()
                .for_each(|i| set(&mut disks[*i], Err(error.again()))),
        }
    }
}

fn set(disk: &mut DiskStatus, lease: Result<Lease>) {
    match lease {
        Ok(lease) => disk.lease = Some(lease),
        Err(error) => disk.lease_error = Some(error.chain()),
    }
}

/// The leases of those records that lie in one pool and namespace, in their order.
fn of_pool(
    host: &Host,
    cluster: &Cluster,
    (pool, namespace): (&PoolName, Option<&Namespace>),
    records: &[Record],
    members: &[usize],
) -> Result<Vec<Result<Lease>>> {
    let opened = cluster.pool(pool, namespace);
    let pool = opened.context(|| format!("cannot open pool {pool}"))?;
    let ids: Vec<_> = members
        .iter()
        .map(|i| records[*i].key.image().clone())
        .collect();
    let raws = meta::get_many(&pool, &ids, Lease::KEY, host.config.ceph.op_deadline);
    let parsed = members.iter().zip(raws).map(|(i, raw)| {
        let spec = &records[*i].image;
        let raw = raw.context(|| format!("cannot read the lease of {spec}"))?;
        lease::parse(spec, records[*i].key.image(), raw.as_deref())
    });
    Ok(parsed.collect())
}
