//! What a lease means for a host: pure functions, tested one level up.

use super::{Force, Me};
use crate::model::{HostName, ImageSpec, Lease, LeaseHolder, Sharer};
use crate::{Error, Kind, Result};

/// What a lease means for a host that wants the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is ours already, under this kernel's boot.
    Held,
    /// It is free, or was ours before this host went down with nothing dirty: take it, one generation up.
    Take,
    /// It was ours before this host went down, and the cache holds data that the image lacks.
    Reopen {
        /// The cache that has them.
        cache_id: String,
    },
}

/// Decides what a lease means for `me`.
///
/// Errors: [`Kind::LeaseHeld`] for another host's lease, [`Kind::Dirty`] if that host's cache may hold data that the
/// image lacks; both name the host and the way out.
pub fn claim(image: &ImageSpec, lease: &Lease, me: &Me, force: &Force) -> Result<Claim> {
    if let Some(sharer) = in_use_by(lease, force) {
        return Err(shared_elsewhere(image, sharer));
    }
    let Some(holder) = &lease.holder else {
        return Ok(Claim::Take);
    };
    if holder.host == me.host {
        return Ok(match (&holder.cache_id, holder.dirty) {
            _ if holder.boot_id == me.boot_id => Claim::Held,
            _ if holder.guest().is_some() && !force.break_lease => {
                return Err(on_its_way(image, holder));
            }
            (Some(cache_id), true) => Claim::Reopen {
                cache_id: cache_id.clone(),
            },
            (None, true) if force.discard_dirty => Claim::Take,
            (None, true) => return Err(given_up(image)),
            (_, false) => Claim::Take,
        });
    }
    let may_break = force.breaks(&holder.host);
    let in_beside = holder
        .guest()
        .filter(|guest| **guest != me.host && !force.means(guest));
    match (holder.dirty, may_break, force.discard_dirty) {
        (false, true, _) if in_beside.is_some() => Err(on_its_way(image, holder)),
        (false, true, _) | (true, true, true) => Ok(Claim::Take),
        (true, _, _) => Err(dirty_elsewhere(image, holder)),
        (false, false, _) => Err(held_elsewhere(image, holder, force)),
    }
}

/// A host that has the image together with others, and is not given up.
pub(super) fn in_use_by<'l>(lease: &'l Lease, force: &Force) -> Option<&'l Sharer> {
    let mut sharers = lease.shared.iter();
    sharers.find(|sharer| !force.breaks(&sharer.host))
}

fn shared_elsewhere(image: &ImageSpec, sharer: &Sharer) -> Error {
    let host = &sharer.host;
    let message = format!("image {image} is in use by several VMs at once, by one of host {host}");
    Error::new(Kind::LeaseHeld, message).remedy(format!(
        "end those VMs, or detach it there: `warmblock detach {image} --link LINK`; if host {host} is dead, and so are all others that \
         `warmblock image info {image}` names, repeat with --break-lease"
    ))
}

pub(super) fn held_elsewhere(image: &ImageSpec, holder: &LeaseHolder, force: &Force) -> Error {
    let host = &holder.host;
    let message = format!(
        "image {image} is attached on host {host} ({}, {})",
        holder.driver, holder.mode
    );
    let remedy = match force.dead_host.as_ref().filter(|_| force.break_lease) {
        Some(dead) => format!(
            "it is {dead} that is dead: detach it on {host}, `warmblock detach {image}`; if both are names of one host, set \
             host = \"{dead}\" in its configuration, and take the disk with `warmblock attach {image} --break-lease` here"
        ),
        None => format!(
            "detach it there: `warmblock detach {image}`; if host {host} is dead and fenced (`ceph osd blocklist add` its \
             address), repeat with --break-lease"
        ),
    };
    Error::new(Kind::LeaseHeld, message).remedy(remedy)
}

pub(super) fn dirty_elsewhere(image: &ImageSpec, holder: &LeaseHolder) -> Error {
    let host = &holder.host;
    Error::new(
        Kind::Dirty,
        format!("image {image} lacks data that only the write-back cache on host {host} may hold"),
    )
    .remedy(format!(
        "bring host {host} up and run `warmblock recover` there, which writes them back; only if its SSD is lost for \
         good, give them up with --break-lease --discard-dirty"
    ))
}

/// The error for a disk that another host has mapped already, because a guest moves there.
pub(in crate::disk) fn on_its_way(image: &ImageSpec, holder: &LeaseHolder) -> Error {
    let guest = holder.guest().map_or("nobody", HostName::as_str);
    Error::new(
        Kind::Busy,
        format!("image {image} is on its way from host {} to host {guest}, where it is mapped", holder.host),
    )
    .remedy(format!(
        "if the guest runs on {guest}, `warmblock detach {image}` on {0}, then `warmblock attach {image}` on {guest}; if it \
         runs on {0}, `warmblock detach {image}` on {guest}, then `warmblock insert {image}` on {0}; if {guest} is dead, \
         `warmblock attach {image} --break-lease` on {0} bars it from Ceph",
        holder.host
    ))
}

/// The error for an image that waits to be rolled back.
pub(in crate::disk) fn given_up(image: &ImageSpec) -> Error {
    let message = format!("the dirty data of {image} were given up, and it is not rolled back yet");
    Error::new(Kind::Dirty, message).remedy(format!(
        "finish it with `warmblock detach --discard-dirty {image}`"
    ))
}

/// Whether this host may have the image mapped beside the lease's holder: only the host that the holder hands it over to, and
/// only while the image is complete and the holder has no cache in the path.
///
/// Errors: [`Kind::LeaseHeld`].
pub fn may_come_in(image: &ImageSpec, lease: &Lease, me: &Me, to: &HostName) -> Result<()> {
    let holder = lease.holder.as_ref();
    let moving = holder.and_then(|holder| holder.moving.as_ref());
    let welcome = moving.is_some_and(|moving| {
        moving.to == *to && moving.guest.as_ref().is_none_or(|guest| *guest == me.host)
    });
    let elsewhere = holder.is_some_and(|holder| holder.host != me.host && !holder.dirty);
    if welcome && elsewhere {
        return Ok(());
    }
    let by = holder.map_or("nobody", |holder| holder.host.as_str());
    Err(Error::new(
        Kind::LeaseHeld,
        format!("image {image}, held by {by}, is not handed over to {to}"),
    )
    .remedy("begin the migration again: its first step hands the disk over"))
}
