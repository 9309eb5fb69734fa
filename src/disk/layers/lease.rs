//! The lease: this host's claim on the image, written in the image itself.

use std::time::Duration;

use super::{Found, Layer};
use crate::disk::lease::{Claim, Force, LeaseCell, claim};
use crate::disk::open::OpenImage;
use crate::disk::walk::Walk;
use crate::job::LayerName;
use crate::sys::wait;
use crate::tools::krbd;
use crate::{Context, Error, Kind, Result};

/// See the module.
#[derive(Debug)]
pub(in crate::disk) struct LeaseLayer;

impl Layer for LeaseLayer {
    const NAME: LayerName = LayerName::Lease;

    fn probe(walk: &mut Walk<'_>) -> Result<Found> {
        let me = walk.host.me()?;
        let force = walk.disk.force;
        let Some(image) = &walk.disk.image else {
            return Ok(Found::Absent { wanted: "the image is gone, and its lease with it".into() });
        };
        let cell = image.lease(&walk.disk.record)?;
        let (lease, record) = (&cell.lease, &walk.disk.record);
        Ok(match claim(&record.image, lease, &me, force)? {
            Claim::Held if lease.generation == record.generation => {
                Found::Right(format!("held by {} as generation {}", me.host, lease.generation))
            }
            Claim::Held => Found::Wrong { why: format!("held by {}; the record follows it", me.host) },
            Claim::Take => {
                Found::Absent { wanted: format!("taken by {} as generation {}", me.host, lease.generation + 1) }
            }
            Claim::Reopen { cache_id } => {
                Found::Wrong { why: format!("held by {} before it went down, with dirty cache {cache_id}", me.host) }
            }
        })
    }

    fn up(walk: &mut Walk<'_>, _found: &Found) -> Result<()> {
        let me = walk.host.me()?;
        let force: Force = walk.disk.force;
        let (record, image) = walk.disk.record_and_image()?;
        let mut cell = LeaseCell::read(&image.pool, record.key.image(), &record.image)?;
        match claim(&record.image, &cell.lease, &me, force)? {
            Claim::Held => {}
            Claim::Reopen { .. } => cell.renew_boot(&me)?,
            Claim::Take => {
                refuse_watchers(walk.host, record, image, Duration::ZERO.max(walk.host.config.deadline.map))?;
                cell.take(&me, &record.driver, record.mode)?;
            }
        }
        let generation = cell.lease.generation;
        walk.disk.record.generation = generation;
        walk.disk.record.boot_id = me.boot_id;
        walk.disk.record.save(&walk.host.roots)
    }

    fn down(walk: &mut Walk<'_>, _found: &Found) -> Result<()> {
        let me = walk.host.me()?;
        let (record, image) = walk.disk.record_and_image()?;
        let mut cell = image.lease(record)?;
        if cell.lease.dirty_on().is_some() && !walk.disk.force.discard_dirty {
            return Err(Error::new(Kind::Dirty, format!("the lease of {} still says dirty", record.image))
                .remedy("run `warmblock recover`: it opens the cache again and writes it back"));
        }
        match &cell.lease.holder {
            Some(holder) if holder.host == me.host => cell.release(),
            _ => Ok(()),
        }
    }
}

/// Refuses an image that somebody else has open. A watch of a client that died stays for `osd_client_watch_timeout`
/// (30 s by default), so one from this host's own address is waited for.
fn refuse_watchers(
    host: &crate::host::Host,
    record: &crate::disk::Record,
    image: &OpenImage,
    patience: Duration,
) -> Result<()> {
    let ours = krbd::find(&host.roots, &record.fsid, record.key.pool(), record.key.image())?;
    let foreign = || -> Result<Vec<String>> {
        let watchers = image.image.watchers().context(|| format!("cannot list who watches {}", record.image))?;
        let addresses = watchers.into_iter().map(|watcher| watcher.address);
        Ok(addresses.filter(|address| ours.as_ref().is_none_or(|own| !own.is_client(address))).collect())
    };
    let list = foreign()?;
    if list.is_empty() {
        return Ok(());
    }
    let own_address = image.own_address()?;
    let all_dead_ours = list.iter().all(|address| own_address.as_deref().is_some_and(|own| same_host(address, own)));
    let busy = |list: &[String]| {
        Error::new(Kind::Busy, format!("image {} is in use by {}", record.image, list.join(", "))).remedy(format!(
            "`rbd status {}` names the watchers; stop that VM, unmap it there (`rbd device unmap`), or wait for the \
             watch of a dead client to expire (30 s)",
            record.image
        ))
    };
    if !all_dead_ours {
        return Err(busy(&list));
    }
    let what = format!("the watch of a dead client of this host on {}", record.image);
    wait::until(&what, patience, || Ok(foreign()?.is_empty().then_some(()))).map_err(|_timeout| busy(&list))
}

/// Whether two Ceph addresses (`10.0.0.1:0/123`, with or without a `v1:` in front) are of one host.
fn same_host(a: &str, b: &str) -> bool {
    let host = |address: &str| {
        let bare = address.rsplit_once(":0/").map_or(address, |(host, _nonce)| host);
        bare.trim_start_matches("v1:").trim_start_matches("v2:").to_owned()
    };
    host(a) == host(b)
}

#[cfg(test)]
mod tests {
    use super::same_host;

    #[test]
    fn addresses_are_compared_without_their_nonce() {
        assert!(same_host("10.1.0.2:0/123", "v1:10.1.0.2:0/9"));
        assert!(!same_host("10.1.0.2:0/123", "10.1.0.20:0/123"));
        assert!(same_host("[fd00::1]:0/1", "[fd00::1]:0/2"));
    }
}
