//! An image and what is beside it while it is replaced, on the way forward and back.

use crate::ceph::Pool;
use crate::disk::replacement::{self, Decision, there};
use crate::host::Host;
use crate::image::RemoveImage;
use crate::image::reach::Found;
use crate::image::remove::remove;
use crate::image::report::ImageReport;
use crate::model::{Access, Beside, Change, ImageSpec, ParseError, Replacement, ReplacementId};
use crate::{Context, Result};

/// What was decided of a replacement, which is undone if nothing was.
pub(super) fn decided(host: &Host, of: &Replacement, report: &ImageReport) -> Result<Decision> {
    match report.dry_run {
        true => Ok(replacement::decision(host, of)?.unwrap_or(Decision::Undone)),
        false => replacement::decide(host, of, Decision::Undone),
    }
}

/// Finishes a replacement that was settled, and undoes any other; of all its images.
pub(super) fn put_right(host: &Host, of: &Replacement, report: &mut ImageReport) -> Result<()> {
    let decided = decided(host, of, report)?;
    of.images.iter().try_for_each(|image| {
        let images = Images::new(replacement::pool(host, image)?, &image.image)?;
        // As that one is reached, whoever asks.
        let host = &host.by(image.access.as_ref().unwrap_or(&Access::OWN));
        match decided {
            Decision::Settled => images.settle(host, of, report),
            Decision::Undone => images.undo(host, Some(&of.id), report),
        }
    })
}

/// An image, and the names beside it.
pub(super) struct Images<'i> {
    pub(super) pool: Pool,
    pub(super) spec: &'i ImageSpec,
    pub(super) incoming: ImageSpec,
    pub(super) replaced: ImageSpec,
    pub(super) obsolete: ImageSpec,
}

impl<'i> Images<'i> {
    pub(super) fn new(pool: Pool, spec: &'i ImageSpec) -> Result<Self, ParseError> {
        Ok(Self {
            pool,
            spec,
            incoming: Beside::Incoming.of(spec)?,
            replaced: Beside::Replaced.of(spec)?,
            obsolete: Beside::Obsolete.of(spec)?,
        })
    }

    /// What the image was is needed no more, if it is of this replacement.
    pub(super) fn settle(
        &self,
        host: &Host,
        of: &Replacement,
        report: &mut ImageReport,
    ) -> Result<()> {
        if !there(&self.pool, &self.replaced)? || !self.is(self.spec, Some(&of.id))? {
            return Ok(());
        }
        self.forget(host, &self.obsolete, report)?;
        let what = format!("{} becomes {}", self.replaced, self.obsolete);
        report.main_step(Change::Altered, what, || {
            replacement::settle(&self.pool, self.spec, of)
        })
    }

    /// The image becomes again what it was, and what came goes: whatever it is, or if it is of this replacement.
    pub(super) fn undo(
        &self,
        host: &Host,
        of: Option<&ReplacementId>,
        report: &mut ImageReport,
    ) -> Result<()> {
        if there(&self.pool, &self.replaced)? {
            if there(&self.pool, self.spec)? {
                if !self.is(self.spec, of)? {
                    return Ok(());
                }
                let found = Found::in_pool(self.pool.clone(), self.spec)?;
                found.must_be_detached("put back")?;
                found.must_be_unwatched("put back")?;
                drop(found);
                self.forget(host, &self.incoming, report)?;
                self.rename(self.spec, &self.incoming, report)?;
            } else if there(&self.pool, &self.incoming)? && !self.is(&self.incoming, of)? {
                return Ok(());
            }
            self.rename(&self.replaced, self.spec, report)?;
        }
        match self.is(&self.incoming, of)? {
            true => self.forget(host, &self.incoming, report),
            false => Ok(()),
        }
    }

    /// Whether what has one of the names is of this replacement.
    fn is(&self, spec: &ImageSpec, of: Option<&ReplacementId>) -> Result<bool> {
        of.map_or(Ok(true), |id| replacement::is_of(&self.pool, spec, id))
    }

    /// What has one of the names goes, if anything has it.
    pub(super) fn forget(
        &self,
        host: &Host,
        left: &ImageSpec,
        report: &mut ImageReport,
    ) -> Result<()> {
        if !there(&self.pool, left)? {
            return Ok(());
        }
        let gone = remove(host, &RemoveImage::whole(left.clone()), report.dry_run)?;
        report.steps.extend(gone.steps);
        Ok(())
    }

    pub(super) fn rename(
        &self,
        from: &ImageSpec,
        to: &ImageSpec,
        report: &mut ImageReport,
    ) -> Result<()> {
        let what = format!("{from} becomes {to}");
        report.main_step(Change::Altered, what, || {
            let renamed = self.pool.rename(&from.image, &to.image);
            renamed.context(|| format!("cannot rename {from} to {to}"))
        })
    }
}
