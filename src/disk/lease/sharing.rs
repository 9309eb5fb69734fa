//! An image that several hosts have at once: an entry for each in the lease, and no holder.
//!
//! All of them have it for the same. Where they write, none caches it, so none can read what is old; where they only read, each
//! may, for nobody writes as long as one of them is in. The image is mapped without `exclusive`: the kernel's exclusive lock
//! goes to whoever writes next, and comes from a host that died once Ceph has forgotten it; those who only read never take it.

use super::cell::{LeaseCell, now};
use super::claim::{dirty_elsewhere, held_elsewhere};
use super::{Force, Me};
use crate::model::{ImageSpec, Lease, Sharer, Sharing};
use crate::{Error, Kind, Result};

/// Whether a host may have the image together with others.
///
/// Errors: [`Kind::LeaseHeld`] while somebody holds it alone, or others have it for something else; [`Kind::Dirty`] if the
/// holder's cache may hold data that the image lacks.
pub fn may_share(
    image: &ImageSpec,
    lease: &Lease,
    me: &Me,
    access: Sharing,
    force: &Force,
) -> Result<()> {
    let other = lease.shared.iter().find(|sharer| {
        sharer.access != access && sharer.host != me.host && !is_dead(sharer, force)
    });
    if let Some(other) = other {
        return Err(had_otherwise(image, other, access));
    }
    match &lease.holder {
        None => Ok(()),
        Some(holder) if holder.dirty => Err(dirty_elsewhere(image, holder)),
        Some(holder) if force.buries(&holder.host) && holder.guest().is_none() => Ok(()),
        Some(holder) => Err(held_elsewhere(image, holder, force)),
    }
}

fn had_otherwise(image: &ImageSpec, other: &Sharer, access: Sharing) -> Error {
    let message = format!(
        "image {image} is in use by several VMs at once for {}, by one of host {}, so nobody can have it for {access}",
        other.access, other.host
    );
    Error::new(Kind::LeaseHeld, message)
        .remedy("end those VMs first: what some only read and may cache, nobody else may write")
}

/// Only a host that is named, and barred: "any" would be all those that have it rightfully.
fn is_dead(sharer: &Sharer, force: &Force) -> bool {
    force.buries(&sharer.host)
}

impl LeaseCell<'_> {
    /// This host's entry.
    pub fn sharer(&self, me: &Me) -> Option<&Sharer> {
        let mut sharers = self.lease.shared.iter();
        sharers.find(|sharer| sharer.host == me.host)
    }

    /// What of the lease is of a host that is dead: its entry, or its hold. Who it is of is barred before anybody takes its place.
    pub fn given_up(&self, me: &Me, force: &Force) -> Lease {
        let dead = |sharer: &&Sharer| sharer.host != me.host && is_dead(sharer, force);
        Lease {
            shared: self.lease.shared.iter().filter(dead).cloned().collect(),
            ..self.lease.clone()
        }
    }

    /// Comes in, or again after a reboot; what dead hosts had of it goes.
    ///
    /// Errors: as of [`may_share`].
    pub fn join(&mut self, me: &Me, access: Sharing, force: &Force) -> Result<()> {
        may_share(self.image, &self.lease, me, access, force)?;
        let gone = self.given_up(me, force).shared;
        let mut lease = self.lease.clone();
        lease.holder = None;
        lease.generation += 1;
        lease
            .shared
            .retain(|sharer| sharer.host != me.host && !gone.contains(sharer));
        lease.shared.push(Sharer {
            host: me.host.clone(),
            boot_id: me.boot_id.clone(),
            since: now(),
            access,
            client: None,
        });
        lease.shared.sort_by(|a, b| a.host.cmp(&b.host));
        self.set(lease)
    }

    /// Takes this host's entry out.
    pub(super) fn leave(&mut self, me: &Me) -> Result<()> {
        let mut lease = self.lease.clone();
        lease.shared.retain(|sharer| sharer.host != me.host);
        self.set(lease)
    }
}
