//! The images of a pool. Headers are read by several threads at once, leases all in flight together.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::reach::PENDING;
use super::report::{ImageReport, ImageRow};
use super::{ListImages, info};
use crate::ceph::{CephError, Pool, meta};
use crate::disk::parse_lease;
use crate::host::Host;
use crate::model::{Bytes, ImageId, ImageName, Lease, Namespace};
use crate::{Context, Error, Kind, Result};

/// Headers that are read at once. Each is a few round trips one after the other, so more threads than processors help.
const THREADS: usize = 16;

/// Lists the images of a pool. One that cannot be looked at has its row, and the reason in it.
///
/// # Errors
/// [`Kind::NotFound`] for a pool or namespace that is not there.
pub(super) fn list(host: &Host, ask: &ListImages) -> Result<ImageReport> {
    let cluster = host.connect()?;
    let open = |namespace: Option<&Namespace>| {
        cluster
            .pool(&ask.pool, namespace)
            .context(|| format!("cannot open pool {}", ask.pool))
    };
    let mut pools = vec![open(ask.namespace.as_ref())?];
    if ask.all_namespaces || ask.namespace.is_some() {
        let plain = open(None)?;
        let known = plain
            .namespaces()
            .context(|| format!("cannot list the namespaces of pool {}", ask.pool))?;
        if let Some(missing) = ask
            .namespace
            .as_ref()
            .filter(|namespace| !known.contains(namespace))
        {
            return Err(Error::new(
                Kind::NotFound,
                format!("pool {} has no namespace {missing}", ask.pool),
            ));
        }
        if ask.all_namespaces {
            pools = std::iter::once(Ok(plain))
                .chain(known.iter().map(|known| open(Some(known))))
                .collect::<Result<_>>()?;
        }
    }
    let mut report = ImageReport::new(None, false);
    let mut rows = Vec::new();
    for pool in &pools {
        host.cancel.check()?;
        rows.extend(rows_of(host, ask, pool)?);
    }
    report.images = Some(rows);
    Ok(report)
}

fn rows_of(host: &Host, ask: &ListImages, pool: &Pool) -> Result<Vec<ImageRow>> {
    let mut images = pool
        .list_images()
        .context(|| format!("cannot list the images of {pool}"))?;
    images.sort();
    let ids: Vec<ImageId> = images.iter().map(|(_, id)| id.clone()).collect();
    let headers = in_parallel(&images, |(name, id)| row(pool, name, id, ask.allocated));
    let leases = meta::get_many(pool, &ids, Lease::KEY, host.config.ceph.op_deadline);
    let rows = headers
        .into_iter()
        .zip(leases)
        .map(|(row, lease)| with_lease(pool, row, lease));
    Ok(rows.collect())
}

/// Does something for each of many, in their order.
pub(super) fn in_parallel<T: Sync, R: Send>(items: &[T], act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let nr = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(nr) else { return };
                    let result = act(item);
                    done.lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .push((nr, result));
                }
            });
        }
    });
    let mut done = done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(nr, _)| *nr);
    done.into_iter().map(|(_, result)| result).collect()
}

fn row(pool: &Pool, name: &ImageName, id: &ImageId, allocated: bool) -> ImageRow {
    let mut row = ImageRow {
        namespace: pool.namespace().cloned(),
        name: name.clone(),
        id: id.clone(),
        size: Bytes(0),
        parent: None,
        lease: None,
        allocated: None,
        importing: name.as_str().ends_with(PENDING),
        problem: None,
    };
    if let Err(error) = fill(pool, &mut row, allocated) {
        row.problem = Some(Error::from(error).chain());
    }
    row
}

fn fill(pool: &Pool, row: &mut ImageRow, allocated: bool) -> Result<(), CephError> {
    let image = pool.open_by_id_read_only(&row.id, None)?;
    if allocated {
        let facts = image.info()?;
        row.allocated = Some(info::allocated(&image, &facts)?);
        (row.size, row.parent) = (facts.size, facts.parent);
    } else {
        (row.size, row.parent) = (image.size()?, image.parent()?);
    }
    Ok(())
}

fn with_lease(pool: &Pool, mut row: ImageRow, raw: Result<Option<Vec<u8>>, CephError>) -> ImageRow {
    let lease = raw
        .map_err(Error::from)
        .and_then(|raw| parse_lease(&pool.spec(&row.name), &row.id, raw.as_deref()));
    match lease {
        Ok(lease) => row.lease = Some(lease),
        Err(error) => row.problem = row.problem.or_else(|| Some(error.chain())),
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_threads_do_comes_back_in_order() {
        let numbers: Vec<usize> = (0..100).collect();
        assert_eq!(
            in_parallel(&numbers, |number| number * 2),
            numbers.iter().map(|n| n * 2).collect::<Vec<_>>()
        );
        assert!(in_parallel(&[] as &[u8], |_| ()).is_empty());
    }
}
