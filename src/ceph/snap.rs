//! Snapshots of an image.

use serde::Serialize;

use super::error::{CephError, On, parsed};
use super::ffi::RawSnap;
use super::image::Image;
use super::progress::{OnProgress, plain};
use crate::fault;
use crate::model::{Bytes, SnapName};

/// Whose a snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SnapNamespace {
    /// An ordinary one.
    User,
    /// Of a group of images.
    Group,
    /// Removed while it has clones of format 2; Ceph removes it with the last of them.
    Trash,
    /// Of rbd-mirror.
    Mirror,
    /// One that this program does not know.
    Other,
}

impl SnapNamespace {
    const fn from_raw(namespace: i32) -> Self {
        match namespace {
            0 => Self::User,
            1 => Self::Group,
            2 => Self::Trash,
            3 => Self::Mirror,
            _ => Self::Other,
        }
    }
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Snap {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: SnapName,
    /// The image's size when it was taken.
    pub size: Bytes,
    /// Whether it is protected against removal; only one of [`SnapNamespace::User`] can be.
    pub protected: bool,
    /// Whose it is.
    pub namespace: SnapNamespace,
}

impl Image {
    fn at(&self, snap: &SnapName) -> String {
        format!("{self}@{snap}")
    }

    /// All snapshots, the oldest first. Implements `rbd_snap_list`, `rbd_snap_get_namespace_type`,
    /// `rbd_snap_is_protected`.
    pub fn snapshots(&self) -> Result<Vec<Snap>, CephError> {
        let snaps = self.handle().snaps().on(self)?;
        let snaps = snaps.iter().filter_map(|raw| match self.snapshot(raw) {
            // It went meanwhile.
            Err(error) if error.is_not_found() => None,
            snap => Some(snap),
        });
        snaps.collect()
    }

    fn snapshot(&self, raw: &RawSnap) -> Result<Snap, CephError> {
        let name = parsed("rbd_snap_list", &raw.name)?;
        let namespace = SnapNamespace::from_raw(raw.namespace_type);
        Ok(Snap {
            id: raw.id,
            size: Bytes(raw.size),
            protected: namespace == SnapNamespace::User && self.snap_is_protected(&name)?,
            name,
            namespace,
        })
    }

    /// Takes a snapshot; `EEXIST` if there is one of this name. Implements `rbd_snap_create`.
    pub fn snap_create(&self, snap: &SnapName) -> Result<(), CephError> {
        let made = self.handle().snap_create(snap.as_str());
        made.on(&self.at(snap))?;
        fault::step("rbd snap create");
        Ok(())
    }

    /// Removes a snapshot; `EBUSY` if it is protected. One with clones of format 2 is kept for them, out of the way.
    /// Implements `rbd_snap_remove`.
    pub fn snap_remove(&self, snap: &SnapName) -> Result<(), CephError> {
        let removed = self.handle().snap_remove(snap.as_str());
        removed.on(&self.at(snap))?;
        fault::step("rbd snap remove");
        Ok(())
    }

    /// Renames a snapshot. Implements `rbd_snap_rename`.
    pub fn snap_rename(&self, from: &SnapName, to: &SnapName) -> Result<(), CephError> {
        let renamed = self.handle().snap_rename(from.as_str(), to.as_str());
        renamed.on(&format_args!("{} to {to}", self.at(from)))?;
        fault::step("rbd snap rename");
        Ok(())
    }

    /// Protects a snapshot against removal, which clone format 1 asks for; `EBUSY` if it is protected. Implements
    /// `rbd_snap_protect`.
    pub fn snap_protect(&self, snap: &SnapName) -> Result<(), CephError> {
        let done = self.handle().snap_protect(snap.as_str());
        done.on(&self.at(snap))?;
        fault::step("rbd snap protect");
        Ok(())
    }

    /// Takes the protection away; `EBUSY` if it has clones of format 1, `EINVAL` if it is not protected. Implements
    /// `rbd_snap_unprotect`.
    pub fn snap_unprotect(&self, snap: &SnapName) -> Result<(), CephError> {
        let done = self.handle().snap_unprotect(snap.as_str());
        done.on(&self.at(snap))?;
        fault::step("rbd snap unprotect");
        Ok(())
    }

    /// Whether a snapshot is protected. Implements `rbd_snap_is_protected`.
    pub fn snap_is_protected(&self, snap: &SnapName) -> Result<bool, CephError> {
        let protected = self.handle().snap_is_protected(snap.as_str());
        protected.on(&self.at(snap))
    }

    /// Makes the image what it was at a snapshot; what was written since is lost. `EROFS` if another client holds its
    /// exclusive lock and does not let go. Implements `rbd_snap_rollback_with_progress`.
    pub fn snap_rollback(
        &self,
        snap: &SnapName,
        progress: OnProgress<'_>,
    ) -> Result<(), CephError> {
        let done = self
            .handle()
            .snap_rollback(snap.as_str(), &mut plain(progress));
        done.on(&self.at(snap))?;
        fault::step("rbd snap rollback");
        Ok(())
    }

    /// What this handle reads from now on: a snapshot, or with `None` the image. It changes under everybody who uses the
    /// handle. Implements `rbd_snap_set`.
    pub fn snap_set(&self, snap: Option<&SnapName>) -> Result<(), CephError> {
        let set = self.handle().snap_set(snap.map(SnapName::as_str));
        match snap {
            Some(snap) => set.on(&self.at(snap)),
            None => set.on(self),
        }
    }
}
