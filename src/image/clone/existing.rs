//! An image that has the child's name already: the clone that is wanted, half of it, or something else.

use std::time::Duration;

use super::super::reach::Found;
use super::super::report::ImageReport;
use super::CloneJob;
use crate::ceph::{DiffOptions, ImageInfo, ParentSpec, ignore, meta};
use crate::model::{BaseName, Change, Lease};
use crate::sys::wait;
use crate::{Context, Error, Kind, Result};

/// How long a clone that is half made may belong to somebody who is still at it. librbd needs a fraction of a second; the
/// price of a longer wait is paid only after a process was killed in the midst of that.
const MAKING: Duration = Duration::from_secs(10);

impl CloneJob<'_> {
    /// Whether the image of the child's name is the clone that is wanted, and complete.
    pub(super) fn is_ours(&self) -> Result<bool> {
        let Some(info) = self.existing()? else {
            return Ok(false);
        };
        // Where none is named, it may be a clone of what the parent held before it was written.
        let any_base = self.ask.parent.snap.is_none();
        let of_snap = |parent: &ParentSpec| {
            parent.image == self.ask.parent.image
                && (parent.snap == self.snap || any_base && BaseName::of(&parent.snap).is_some())
        };
        Ok(info.parent.as_ref().is_some_and(of_snap) && self.parent_knows(&info)?)
    }

    /// Whether the parent knows the clone as well: librbd tells it last, and until then its snapshot is not kept for it.
    fn parent_knows(&self, child: &ImageInfo) -> Result<bool> {
        // Opened anew: what was opened before the clone need not show it.
        let parent = Found::in_pool(self.parent.pool.clone(), self.parent.spec)?;
        Ok(parent.children()?.iter().any(|known| known.id == child.id))
    }

    /// The image of the child's name; `None` if there is only a name, or no longer that.
    pub(super) fn existing(&self) -> Result<Option<ImageInfo>> {
        match Found::in_pool(self.children.clone(), &self.ask.child) {
            Ok(found) => found.info().map(Some),
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Clears the way if the child is half made; whether it is clear now. If somebody is still at it, that is waited for.
    ///
    /// A process that is killed inside librbd's clone leaves an image of the child's name that looks like an empty one.
    /// It is known by this: it has the parent's size, no data, snapshots, lease or metadata, nobody has it open, and it
    /// has either no parent or one that does not know it. Whatever else there is stays.
    pub(super) fn clear_half_made(&self, report: &mut ImageReport) -> Result<bool> {
        let unchanged = || match self.look() {
            Ok(State::HalfMade) => None,
            other => Some(other),
        };
        match wait::poll(MAKING, unchanged).transpose()? {
            Some(State::Whole) => return Ok(false),
            // Done or taken back by whoever was at it: the next attempt will see.
            Some(State::Ours | State::Gone) => return Ok(true),
            Some(State::HalfMade) | None => {}
        }
        let spec = &self.ask.child;
        let what = format!("remove {spec}, a clone that was never finished");
        report.step(Change::Removed, what, || {
            let removed = self.children.remove(&spec.image, &mut ignore);
            match removed.map_err(Error::from) {
                Err(error) if error.kind() == Kind::NotFound => Ok(()),
                removed => removed.context(|| format!("cannot remove {spec}")),
            }
        })?;
        Ok(true)
    }

    fn look(&self) -> Result<State> {
        let found = match Found::in_pool(self.children.clone(), &self.ask.child) {
            Ok(found) => found,
            Err(error) if error.kind() == Kind::NotFound => {
                let name = self.children.image_exists(&self.ask.child.image);
                let name = name.context(|| format!("cannot look for {}", self.ask.child))?;
                return Ok(if name { State::HalfMade } else { State::Gone });
            }
            Err(error) => return Err(error),
        };
        if self.is_ours()? {
            return Ok(State::Ours);
        }
        let half_made = self.is_half_made(&found)?;
        Ok(if half_made {
            State::HalfMade
        } else {
            State::Whole
        })
    }

    fn is_half_made(&self, found: &Found<'_>) -> Result<bool> {
        let spec = found.spec;
        let info = found.info()?;
        let orphan = match &info.parent {
            None => true,
            Some(parent) => parent.image == self.ask.parent.image && !self.parent_knows(&info)?,
        };
        let unused = found.raw_lease().is_none() && found.watchers()?.is_empty();
        if !orphan || !unused || info.size != self.size {
            return Ok(false);
        }
        let metadata = found.image.metadata_list();
        let metadata = metadata.context(|| format!("cannot list the metadata of {spec}"))?;
        if !found.snapshots()?.is_empty() || !metadata.is_empty() {
            return Ok(false);
        }
        let mut empty = true;
        let own = DiffOptions {
            include_parent: false,
            ..DiffOptions::default()
        };
        let listed = found.image.diff(&own, |extent| empty &= !extent.exists);
        listed.context(|| format!("cannot look for data in {spec}"))?;
        Ok(empty)
    }

    /// That the child's name is taken by something else, with both sides.
    pub(super) fn taken(&self) -> Result<Error> {
        let spec = &self.ask.child;
        let is = match self.existing()?.map(|info| info.parent) {
            Some(Some(parent)) => format!("a clone of {}@{}", parent.image, parent.snap),
            Some(None) => "no clone".into(),
            None => "half removed".into(),
        };
        let from = self.from();
        let message = format!("image {spec} exists and is {is}, not a clone of {from}");
        Ok(Error::new(Kind::Exists, message).remedy(format!(
            "choose another name, or remove it: `warmblock image rm {spec}`"
        )))
    }

    /// librbd copies the parent's metadata into a clone, and with it the lease of whoever has the parent attached. It is
    /// none of the clone's.
    pub(super) fn drop_copied_lease(&self, child: &Found<'_>, change: Change) -> Result<()> {
        let Some(copied) = child.raw_lease() else {
            return Ok(());
        };
        if change == Change::Kept && !self.is_parents_lease(child, copied)? {
            return Ok(());
        }
        let id = child.image.id();
        let dropped = meta::compare_and_set(&self.children, id, Lease::KEY, Some(copied), None);
        // Whether it was still there is of no interest: who changed it has taken the clone.
        dropped.map(|_| ()).context(|| {
            format!(
                "cannot drop the lease that {} has from its parent",
                child.spec
            )
        })
    }

    /// Whether a clone that was there before has its parent's lease still, and nobody uses it: it was made by a process
    /// that was killed before it could drop that.
    fn is_parents_lease(&self, child: &Found<'_>, lease: &[u8]) -> Result<bool> {
        Ok(self.parent.raw_lease() == Some(lease) && child.watchers()?.is_empty())
    }
}

/// What stands under the child's name.
enum State {
    /// Nothing.
    Gone,
    /// The clone that is wanted.
    Ours,
    /// What is left of a clone that was not finished, or one that is being made.
    HalfMade,
    /// Something else.
    Whole,
}
