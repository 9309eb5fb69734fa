//! A pool's trash: images that were put away and can still be brought back.

use std::time::Duration;

use serde::Serialize;

use super::error::{CephError, On, parsed};
use super::pool::Pool;
use super::progress::{OnProgress, plain};
use crate::fault;
use crate::model::{ImageId, ImageName};

/// Who put an image into the trash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrashSource {
    /// A person or a program.
    User,
    /// rbd-mirror.
    Mirroring,
    /// A live migration of the image.
    Migration,
    /// A removal that was not finished.
    Removing,
    /// A person, by removing an image that still has clones of clone format 2.
    UserParent,
    /// One that this program does not know.
    Other,
}

impl TrashSource {
    const fn from_raw(source: i32) -> Self {
        match source {
            0 => Self::User,
            1 => Self::Mirroring,
            2 => Self::Migration,
            3 => Self::Removing,
            4 => Self::UserParent,
            _ => Self::Other,
        }
    }
}

/// An image in the trash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct TrashEntry {
    /// Its id.
    pub id: ImageId,
    /// The name that it had.
    pub name: ImageName,
    /// Who put it there.
    pub source: TrashSource,
    /// When, in seconds of Unix time.
    pub deleted: i64,
    /// Until when it is not removed without force, in seconds of Unix time.
    pub deferred_until: i64,
}

impl Pool {
    /// Puts an image into the trash, where it cannot be removed before `delay` is over, except by force. Its snapshots
    /// and clones stay. `EBUSY` if somebody has it open. Implements `rbd_trash_move`.
    pub fn trash_move(&self, name: &ImageName, delay: Duration) -> Result<(), CephError> {
        let moved = self.io().trash_move(name.as_str(), delay.as_secs());
        moved.on(&self.spec(name))?;
        fault::step("rbd trash move");
        Ok(())
    }

    /// What is in the trash. Implements `rbd_trash_list`.
    pub fn trash_list(&self) -> Result<Vec<TrashEntry>, CephError> {
        let entries = self.io().trash_list().on(self)?;
        let entries = entries.iter().map(|entry| {
            Ok(TrashEntry {
                id: parsed("rbd_trash_list", &entry.id)?,
                name: parsed("rbd_trash_list", &entry.name)?,
                source: TrashSource::from_raw(entry.source),
                deleted: entry.deleted,
                deferred_until: entry.deferred_until,
            })
        });
        entries.collect()
    }

    /// Brings an image back under a name; `EEXIST` if that is taken. Implements `rbd_trash_restore`.
    pub fn trash_restore(&self, id: &ImageId, name: &ImageName) -> Result<(), CephError> {
        let restored = self.io().trash_restore(id.as_str(), name.as_str());
        restored.on(&format_args!("{self}/(id {id}) as {name}"))?;
        fault::step("rbd trash restore");
        Ok(())
    }

    /// Removes an image from the trash; `EPERM` before its delay is over unless forced, `ENOTEMPTY` with snapshots.
    /// Implements `rbd_trash_remove_with_progress`.
    pub fn trash_remove(
        &self,
        id: &ImageId,
        force: bool,
        progress: OnProgress<'_>,
    ) -> Result<(), CephError> {
        let removed = self
            .io()
            .trash_remove(id.as_str(), force, &mut plain(progress));
        removed.on(&format_args!("{self}/(id {id})"))?;
        fault::step("rbd trash remove");
        Ok(())
    }
}
