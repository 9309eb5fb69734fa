//! Taking, marking and giving back the lease of a disk; who may is decided by pure functions, tested below.

mod cell;
mod claim;
mod sharing;

use crate::model::{HostName, ImageId, ImageSpec, Lease, versioned};
use crate::{Error, Kind, Result};

pub use cell::LeaseCell;
pub use claim::{Claim, claim, may_come_in};
pub(in crate::disk) use claim::{given_up, on_its_way};
pub use sharing::may_share;

/// This host, as leases know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// Its name.
    pub host: HostName,
    /// The kernel's present boot.
    pub boot_id: String,
}

/// The ways past a lease that only an operator may choose.
#[derive(Debug, Clone, Default)]
pub struct Force {
    /// The other host is dead and fenced.
    pub break_lease: bool,
    /// It is this one, and no other's lease is to be broken.
    pub dead_host: Option<HostName>,
    /// Its dirty data are given up.
    pub discard_dirty: bool,
    /// Whoever else has the image open is barred from Ceph.
    pub fence: bool,
    /// The dead host may live: it is barred once Ceph has forgotten it.
    pub fence_late: bool,
    /// Before a host that was let in is taken for alive, Ceph is given the time to forget it.
    pub patient: bool,
}

impl Force {
    /// Whether a host is the one that is dead, or any may be.
    fn means(&self, host: &HostName) -> bool {
        self.dead_host.as_ref().is_none_or(|dead| dead.may_be(host))
    }

    /// Whether a host's lease may be broken.
    fn breaks(&self, host: &HostName) -> bool {
        self.break_lease && self.means(host)
    }

    /// Whether a host is the one that is dead, by its name, and is barred for good.
    fn buries(&self, host: &HostName) -> bool {
        self.fence && self.dead_host.is_some() && self.breaks(host)
    }
}

/// Reads the bytes of the key; absent and empty both mean a lease that nobody ever took.
pub fn parse(image: &ImageSpec, id: &ImageId, raw: Option<&[u8]>) -> Result<Lease> {
    let Some(raw) = raw.filter(|raw| !raw.is_empty()) else {
        return Ok(Lease::default());
    };
    let lease: Lease = versioned(raw, Lease::VERSION).map_err(|why| {
        let key = Lease::KEY;
        Error::new(Kind::Dirty, format!("cannot understand the lease of {image}: {why}")).remedy(format!(
            "look at it with `rbd image-meta get {image} {key}`; a newer warmblock may have written it. Unknown counts as dirty, so it \
             is not touched. Once `warmblock status` of every host is seen to have nothing dirty of the image: `rbd image-meta remove \
             {image} {key}`"
        ))
    })?;
    Ok(lease.of(id))
}

#[cfg(test)]
mod tests;
