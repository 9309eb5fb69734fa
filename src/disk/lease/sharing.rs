//! An image that several hosts have at once: an entry for each in the lease, and no holder.
//!
//! None of them caches it, so none can read what is old. The image is mapped without `exclusive`: the kernel's exclusive lock
//! goes to whoever writes next, and comes from a host that died once Ceph has forgotten it; those who only read never take it.

use std::collections::BTreeSet;

use super::cell::{LeaseCell, now};
use super::claim::{dirty_elsewhere, held_elsewhere};
use super::{Force, Me};
use crate::Result;
use crate::model::{ImageSpec, Lease, Sharer, Sharing};

/// Whether a host may have the image together with others.
///
/// Errors: [`crate::Kind::LeaseHeld`] while somebody holds it alone, [`crate::Kind::Dirty`] if that one's cache may hold data
/// that the image lacks.
pub fn may_share(image: &ImageSpec, lease: &Lease, force: &Force) -> Result<()> {
    match &lease.holder {
        None => Ok(()),
        Some(holder) if holder.dirty => Err(dirty_elsewhere(image, holder)),
        Some(holder) if force.breaks(&holder.host) && holder.guest().is_none() => Ok(()),
        Some(holder) => Err(held_elsewhere(image, holder, force)),
    }
}

impl LeaseCell<'_> {
    /// This host's entry.
    pub fn sharer(&self, me: &Me) -> Option<&Sharer> {
        self.lease
            .shared
            .iter()
            .find(|sharer| sharer.host == me.host)
    }

    /// The clients of hosts that are dead: what they had of the image is barred before anybody takes it over.
    pub fn dead_clients(&self, me: &Me, force: &Force) -> BTreeSet<String> {
        let dead = self.dead(me, force);
        dead.filter_map(|sharer| sharer.client.clone()).collect()
    }

    /// Whether entries of dead hosts are to go.
    pub fn has_dead(&self, me: &Me, force: &Force) -> bool {
        self.lease.holder.is_some() || self.dead(me, force).next().is_some()
    }

    /// Only a host that is named: "any" would be all those that have it rightfully.
    fn dead<'l>(&'l self, me: &'l Me, force: &'l Force) -> impl Iterator<Item = &'l Sharer> {
        let named = force.dead_host.is_some();
        let sharers = self.lease.shared.iter();
        sharers.filter(move |sharer| named && sharer.host != me.host && force.breaks(&sharer.host))
    }

    /// Comes in, or again after a reboot; entries of dead hosts go.
    ///
    /// Errors: as of [`may_share`].
    pub fn join(&mut self, me: &Me, access: Sharing, force: &Force) -> Result<()> {
        may_share(self.image, &self.lease, force)?;
        let gone: Vec<_> = self.dead(me, force).cloned().collect();
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

    /// Notes by which client of Ceph this host has the image mapped.
    pub fn note_client(&mut self, me: &Me, client: &str) -> Result<()> {
        let mut lease = self.lease.clone();
        let ours = lease
            .shared
            .iter_mut()
            .find(|sharer| sharer.host == me.host);
        if let Some(sharer) = ours {
            sharer.client = Some(client.to_owned());
        }
        self.set(lease)
    }

    /// Takes this host's entry out.
    pub(super) fn leave(&mut self, me: &Me) -> Result<()> {
        let mut lease = self.lease.clone();
        lease.shared.retain(|sharer| sharer.host != me.host);
        self.set(lease)
    }
}
