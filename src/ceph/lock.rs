//! Locks of an image: the exclusive lock, which librbd and the kernel take to write, and advisory ones.

use serde::Serialize;

use super::error::{CephError, On, optional};
use super::image::Image;
use crate::fault;

/// A holder of an advisory lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Locker {
    /// The client, such as `client.4711`.
    pub client: String,
    /// Which of its locks; librbd's and the kernel's exclusive lock show as `auto …`.
    pub cookie: String,
    /// Its address, such as `10.0.0.7:0/1234`: what a blocklist takes.
    pub addr: String,
}

/// The advisory locks of an image, among which the exclusive lock of a writer shows as well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Lockers {
    /// Whether it is an exclusive one.
    pub exclusive: bool,
    /// The word that shared ones have in common.
    pub tag: String,
    /// Who.
    pub lockers: Vec<Locker>,
}

impl Image {
    /// The client that has the exclusive lock, such as `10.0.0.7:0/1234`; none if nobody writes. Implements
    /// `rbd_lock_get_owners`.
    pub fn exclusive_lock_owners(&self) -> Result<Vec<String>, CephError> {
        optional(self.handle().lock_owners().on(self)).map(Option::unwrap_or_default)
    }

    /// Whether this handle has the exclusive lock. Implements `rbd_is_exclusive_lock_owner`.
    pub fn owns_exclusive_lock(&self) -> Result<bool, CephError> {
        self.handle().owns_lock().on(self)
    }

    /// Takes the exclusive lock and does not give it away until it is released or the image closed. `EINVAL` without
    /// the feature, `EROFS` or `EBUSY` if another client does not let go. Implements `rbd_lock_acquire`.
    pub fn exclusive_lock_acquire(&self) -> Result<(), CephError> {
        self.handle().lock_acquire().on(self)?;
        fault::step("rbd exclusive lock acquired");
        Ok(())
    }

    /// Gives the exclusive lock back. This handle does not take it by itself any more when it writes: it gets `EROFS`
    /// until [`Image::exclusive_lock_acquire`]. Implements `rbd_lock_release`.
    pub fn exclusive_lock_release(&self) -> Result<(), CephError> {
        self.handle().lock_release().on(self)?;
        fault::step("rbd exclusive lock released");
        Ok(())
    }

    /// Takes the exclusive lock away from an owner that is gone, and puts it on the blocklist. `ENOENT` if it does not
    /// have it any more. Implements `rbd_lock_break`.
    pub fn exclusive_lock_break(&self, owner: &str) -> Result<(), CephError> {
        self.handle().lock_break(owner).on(self)?;
        fault::step("rbd exclusive lock broken");
        Ok(())
    }

    /// The advisory locks, as they are now. Implements `rbd_list_lockers`.
    pub fn lockers(&self) -> Result<Lockers, CephError> {
        // Another handle, because librbd tells what it knew when it last read the header, and an exclusive lock that
        // somebody takes does not make it read that again.
        let now = self.pool().open_by_id_read_only(self.id(), None)?;
        let found = now.handle().lockers().on(self)?;
        let lockers = found.lockers.into_iter().map(|raw| Locker {
            client: raw.client,
            cookie: raw.cookie,
            addr: raw.addr,
        });
        Ok(Lockers {
            exclusive: found.exclusive,
            tag: found.tag,
            lockers: lockers.collect(),
        })
    }

    /// Takes the advisory lock for us alone; `EBUSY` if another has it, `EEXIST` if we do. It lasts until it is taken
    /// back or broken, and keeps nobody from writing. Implements `rbd_lock_exclusive`.
    pub fn lock_exclusive(&self, cookie: &str) -> Result<(), CephError> {
        self.handle().advisory_lock_exclusive(cookie).on(self)?;
        fault::step("rbd lock add");
        Ok(())
    }

    /// Takes the advisory lock together with all that give the same tag. Implements `rbd_lock_shared`.
    pub fn lock_shared(&self, cookie: &str, tag: &str) -> Result<(), CephError> {
        self.handle().advisory_lock_shared(cookie, tag).on(self)?;
        fault::step("rbd lock add --shared");
        Ok(())
    }

    /// Gives an advisory lock back; `ENOENT` if this connection does not have it. Implements `rbd_unlock`.
    pub fn unlock(&self, cookie: &str) -> Result<(), CephError> {
        self.handle().advisory_unlock(cookie).on(self)?;
        fault::step("rbd unlock");
        Ok(())
    }

    /// Takes an advisory lock away from a client, as [`Image::lockers`] names it. librbd also puts the client on the
    /// blocklist (`rbd_blocklist_on_break_lock`). Implements `rbd_break_lock`.
    pub fn break_lock(&self, client: &str, cookie: &str) -> Result<(), CephError> {
        self.handle().advisory_break(client, cookie).on(self)?;
        fault::step("rbd lock rm");
        Ok(())
    }
}
