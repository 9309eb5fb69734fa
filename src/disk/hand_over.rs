//! Handing a disk over beneath a guest that runs on: the holder's cache goes out of the path, and the lease says who may have
//! the image mapped as well.
//!
//! What keeps the other host from reading what is old: everything is in Ceph and nothing is cached on either side from here on
//! until the holder let go. The other host comes in with `attach` as a guest of the lease, which is a compare-and-set of the
//! same value as the holder's `insert`: the holder gets no cache while somebody is in, and nobody comes in once it has one.

use std::time::Instant;

use super::attach::note_client;
use super::layers::{LeaseLayer, Map};
use super::swap::{Stay, start_taking_out, take_out};
use crate::host::Host;
use crate::job::{HandOver, LayerName, Report};
use crate::model::Change;
use crate::{Error, Kind, Result};

/// Takes the cache out of the path and lets another host in. `insert` calls it off, `detach` completes it.
///
/// Errors: [`crate::Kind::Busy`] while a third host is in; those of `bypass`.
pub fn hand_over(host: &Host, ask: &HandOver, dry_run: bool) -> Result<Report> {
    let mut walk = start_taking_out(host, &ask.image, "hand over", dry_run)?;
    if walk.disk.record.shared.is_some() {
        let message = format!("image {} is in use by several VMs at once", ask.image);
        return Err(Error::new(Kind::Usage, message)
            .remedy("it need not be handed over: attach it on the other host as it is here"));
    }
    take_out(&mut walk, Stay::Out)?;
    // A guest that runs on here has no lease of its own yet, if what should have followed its last move did not come through.
    walk.up::<LeaseLayer>()?;
    walk.up::<Map>()?;
    note_client(&mut walk)?;
    let began = Instant::now();
    if !dry_run {
        walk.with_lease(|cell, me, _record| cell.hand_over(me, &ask.to))?;
    }
    let what = format!("handed over to {}", ask.to);
    walk.did(LayerName::Lease, Change::Altered, what, began);
    Ok(walk.report(true))
}
