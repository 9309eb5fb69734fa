//! Taking, marking and giving back the lease of a disk; who may is decided by pure functions, tested below.

use crate::ceph::{Pool, meta};
use crate::model::{
    CacheMode, DriverName, HostName, ImageId, ImageSpec, Lease, LeaseHolder, Moving,
};
use crate::{Context, Error, Kind, Result};

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
    /// Before a host that was let in is taken for alive, Ceph is given the time to forget it.
    pub patient: bool,
}

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
    let is_dead = |host: &HostName| {
        force
            .dead_host
            .as_ref()
            .is_none_or(|dead| dead.may_be(host))
    };
    let may_break = force.break_lease && is_dead(&holder.host);
    let in_beside = holder
        .guest()
        .filter(|guest| **guest != me.host && !is_dead(guest));
    match (holder.dirty, may_break, force.discard_dirty) {
        (false, true, _) if in_beside.is_some() => Err(on_its_way(image, holder)),
        (false, true, _) | (true, true, true) => Ok(Claim::Take),
        (true, _, _) => Err(dirty_elsewhere(image, holder)),
        (false, false, _) => Err(held_elsewhere(image, holder, force)),
    }
}

fn held_elsewhere(image: &ImageSpec, holder: &LeaseHolder, force: &Force) -> Error {
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

fn dirty_elsewhere(image: &ImageSpec, holder: &LeaseHolder) -> Error {
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
pub(super) fn given_up(image: &ImageSpec) -> Error {
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

/// A lease as read, with the bytes it was read from: what a compare-and-set compares with.
#[derive(Debug)]
pub struct LeaseCell<'a> {
    pool: &'a Pool,
    id: &'a ImageId,
    image: &'a ImageSpec,
    raw: Option<Vec<u8>>,
    /// The lease.
    pub lease: Lease,
}

impl<'a> LeaseCell<'a> {
    /// Reads the lease of an image. One round trip.
    pub fn read(pool: &'a Pool, id: &'a ImageId, image: &'a ImageSpec) -> Result<Self> {
        let raw = meta::get(pool, id, Lease::KEY)
            .context(|| format!("cannot read the lease of {image}"))?;
        let lease = parse(image, id, raw.as_deref())?;
        Ok(Self {
            pool,
            id,
            image,
            raw,
            lease,
        })
    }

    /// Puts `new` in place if nobody changed the lease since it was read.
    ///
    /// Errors: [`Kind::Busy`] when somebody did.
    pub fn set(&mut self, mut new: Lease) -> Result<()> {
        new.image = Some(self.id.clone());
        if new == self.lease && self.raw.is_some() {
            return Ok(());
        }
        let bytes = serde_json::to_vec(&new)
            .map_err(|error| Error::new(Kind::Internal, "lease").because(error))?;
        let won = meta::compare_and_set(
            self.pool,
            self.id,
            Lease::KEY,
            self.raw.as_deref(),
            Some(&bytes),
        )
        .context(|| format!("cannot write the lease of {}", self.image))?;
        if !won {
            return Err(Error::new(
                Kind::Busy,
                format!(
                    "another host changed the lease of {} at the same moment",
                    self.image
                ),
            )
            .remedy("run it again; it will then say who holds the disk"));
        }
        self.raw = Some(bytes);
        self.lease = new;
        Ok(())
    }

    /// Takes the lease, one generation up, clean.
    pub fn take(&mut self, me: &Me, driver: &DriverName, mode: CacheMode) -> Result<u64> {
        let generation = self.lease.generation + 1;
        let holder = LeaseHolder {
            host: me.host.clone(),
            boot_id: me.boot_id.clone(),
            since: now(),
            driver: driver.clone(),
            mode,
            dirty: false,
            cache_id: None,
            moving: None,
            client: None,
        };
        self.set(Lease {
            version: Lease::VERSION,
            image: None,
            generation,
            holder: Some(holder),
        })?;
        Ok(generation)
    }

    /// Says that the cache `cache_id` may hold data that the image lacks. Before the first such write.
    pub fn mark_dirty(&mut self, me: &Me, cache_id: &str) -> Result<()> {
        self.change(me, |holder| {
            holder.dirty = true;
            holder.mode = CacheMode::Writeback;
            holder.cache_id = Some(cache_id.to_owned());
        })
    }

    /// Says that the data which the image lacks are given up: no cache is written back any more.
    pub fn give_up(&mut self, me: &Me) -> Result<()> {
        self.change(me, |holder| holder.cache_id = None)
    }

    /// Takes over a lease whose dirty data are given up, one generation up. It stays dirty until the image is rolled back.
    pub fn seize(&mut self, me: &Me) -> Result<()> {
        let mut lease = self.lease.clone();
        lease.generation += 1;
        if let Some(holder) = &mut lease.holder {
            holder.host.clone_from(&me.host);
            holder.boot_id.clone_from(&me.boot_id);
            holder.since = now();
            holder.cache_id = None;
            holder.client = None;
        }
        self.set(lease)
    }

    /// Says that the image is complete again. After the proof.
    pub fn mark_clean(&mut self, me: &Me, driver: &DriverName, mode: CacheMode) -> Result<()> {
        self.change(me, |holder| {
            holder.dirty = false;
            holder.cache_id = None;
            holder.driver = driver.clone();
            holder.mode = mode;
        })
    }

    /// Takes over our own lease from before a reboot, leaving what it says of dirty data.
    pub fn renew_boot(&mut self, me: &Me) -> Result<()> {
        self.change(me, |holder| {
            holder.boot_id.clone_from(&me.boot_id);
            holder.client = None;
        })
    }

    /// Notes as which client of Ceph's this host has the image mapped, as the holder or as its guest. Nobody is to write before
    /// that: whoever breaks the lease bars this client.
    pub fn note_client(&mut self, me: &Me, client: &str) -> Result<()> {
        let mut lease = self.lease.clone();
        let (holds, visits) = (self.is_held_by(me), self.has_let_in(me));
        match lease.holder.as_mut() {
            Some(holder) if holds => holder.client = Some(client.to_owned()),
            Some(LeaseHolder {
                moving: Some(moving),
                ..
            }) if visits => moving.client = Some(client.to_owned()),
            // Somebody took it since.
            _ => return self.change(me, |_| {}),
        }
        self.set(lease)
    }

    /// Lets the host `to` in beside us. After the proof that the image is complete, with the cache out of the path.
    ///
    /// Errors: [`Kind::Busy`] while another host was let in.
    pub fn hand_over(&mut self, me: &Me, to: &HostName) -> Result<()> {
        self.free_of_guests(to)?;
        self.change(me, |holder| {
            let moving = holder.moving.take().filter(|moving| moving.to == *to);
            holder.moving = Some(moving.unwrap_or_else(|| Moving {
                to: to.clone(),
                guest: None,
                client: None,
            }));
        })
    }

    /// Lets nobody in any more, and forgets who was: that nobody is must be certain.
    pub fn call_off(&mut self, me: &Me) -> Result<()> {
        self.change(me, |holder| holder.moving = None)
    }

    /// Refuses a lease that another host has come in beside; one that came in as `but` is none.
    fn free_of_guests(&self, but: &HostName) -> Result<()> {
        let moving = |holder: &LeaseHolder| {
            let moving = holder.moving.as_ref()?;
            (moving.guest.is_some() && *but != moving.to).then(|| on_its_way(self.image, holder))
        };
        self.lease
            .holder
            .as_ref()
            .and_then(moving)
            .map_or(Ok(()), Err)
    }

    /// Comes in beside the holder, under the name `to`. Before the image is mapped.
    ///
    /// Errors: as of [`may_come_in`].
    pub fn come_in(&mut self, me: &Me, to: &HostName) -> Result<()> {
        may_come_in(self.image, &self.lease, me, to)?;
        self.as_guest(Some(me.host.clone()))
    }

    fn as_guest(&mut self, guest: Option<HostName>) -> Result<()> {
        let mut lease = self.lease.clone();
        let holder = lease.holder.as_mut();
        if let Some(moving) = holder.and_then(|holder| holder.moving.as_mut()) {
            moving.guest = guest;
            moving.client = None;
        }
        self.set(lease)
    }

    /// Whether this host came in beside the holder.
    pub fn has_let_in(&self, me: &Me) -> bool {
        let holder = self.lease.holder.as_ref();
        holder.is_some_and(|holder| holder.host != me.host && holder.guest() == Some(&me.host))
    }

    /// Whether this host holds it.
    pub fn is_held_by(&self, me: &Me) -> bool {
        let holder = self.lease.holder.as_ref();
        holder.is_some_and(|holder| holder.host == me.host)
    }

    /// Whether this host holds it with data that the image may lack.
    pub fn is_dirty_by(&self, me: &Me) -> bool {
        self.lease.dirty_on() == Some(&me.host)
    }

    /// Gives the lease back, or goes if we came in beside its holder; the generation stays. Another host's lease is left alone.
    pub fn release(&mut self, me: &Me) -> Result<()> {
        if self.has_let_in(me) {
            return self.as_guest(None);
        }
        if !self.is_held_by(me) {
            return Ok(());
        }
        self.set(Lease {
            holder: None,
            ..self.lease.clone()
        })
    }

    /// Changes what our own lease says.
    fn change(&mut self, me: &Me, change: impl FnOnce(&mut LeaseHolder)) -> Result<()> {
        let mut lease = self.lease.clone();
        match lease.holder.as_mut() {
            Some(holder) if holder.host == me.host => change(holder),
            other => {
                let now = other.map_or("nobody", |holder| holder.host.as_str());
                let message = format!(
                    "the lease of {} is held by {now}, not by {}",
                    self.image, me.host
                );
                return Err(Error::new(Kind::LeaseHeld, message)
                    .remedy("somebody took the disk over: detach it here, with --discard-dirty if it must be"));
            }
        }
        self.set(lease)
    }
}

/// Reads the bytes of the key; absent and empty both mean a lease that nobody ever took.
pub fn parse(image: &ImageSpec, id: &ImageId, raw: Option<&[u8]>) -> Result<Lease> {
    let Some(raw) = raw.filter(|raw| !raw.is_empty()) else {
        return Ok(Lease::default());
    };
    let refuse = |why: String| {
        Error::new(Kind::Dirty, format!("cannot understand the lease of {image}: {why}")).remedy(format!(
            "look at it with `rbd image-meta get {image} {}`; a newer warmblock may have written it. Unknown counts as \
             dirty, so it is not touched",
            Lease::KEY
        ))
    };
    let lease: Lease = serde_json::from_slice(raw).map_err(|error| refuse(error.to_string()))?;
    if lease.version != Lease::VERSION {
        return Err(refuse(format!("it is of version {}", lease.version)));
    }
    Ok(lease.of(id))
}

fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
