//! A lease as it stands in the image: read, changed by compare-and-set, given back.

use super::{Me, may_come_in, on_its_way, parse};
use crate::ceph::{Pool, meta};
use crate::model::{
    CacheMode, DriverName, HostName, ImageId, ImageSpec, Lease, LeaseHolder, Moving,
};
use crate::{Context, Error, Kind, Result, fault};

/// A lease as read, with the bytes it was read from: what a compare-and-set compares with.
#[derive(Debug)]
pub struct LeaseCell<'a> {
    pool: &'a Pool,
    id: &'a ImageId,
    pub(super) image: &'a ImageSpec,
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
        fault::step(fault::LEASE_WRITTEN);
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
            shared: Vec::new(),
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

    /// Notes as which client of Ceph's this host has the image mapped: as the holder, as its guest, or as one of several. Nobody
    /// is to write before that: whoever breaks the lease bars this client.
    pub fn note_client(&mut self, me: &Me, client: &str) -> Result<()> {
        let mut lease = self.lease.clone();
        match lease.client_of(&me.host) {
            Some(noted) => *noted = Some(client.to_owned()),
            // Somebody took it since.
            None => return self.change(me, |_| {}),
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
        if self.sharer(me).is_some() {
            return self.leave(me);
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
                return Err(Error::new(Kind::LeaseHeld, message).remedy(
                    "if this host had that name, set it as `host` in the configuration; if another host took the disk over, what is \
                     here of it is old: detach it, with --discard-dirty if its cache holds what the image lacks",
                ));
            }
        }
        self.set(lease)
    }
}

pub(super) fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
