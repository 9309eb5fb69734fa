//! Snapshots: taken only of an image that is complete. Going back to one is in `revert`, taking one anew in `retake`.

use super::OneSnap;
use super::reach::Found;
use super::remove::has_children;
use super::report::ImageReport;
use crate::ceph::{Child, Snap};
use crate::host::Host;
use crate::model::Change;
use crate::{Context, Error, Kind, Result};

/// An image and the snapshot of it that a job is about.
pub(super) struct Job<'a> {
    pub(super) ask: &'a OneSnap,
    pub(super) found: Found<'a>,
}

impl<'a> Job<'a> {
    pub(super) fn new(host: &Host, ask: &'a OneSnap, dry_run: bool) -> Result<(Self, ImageReport)> {
        let found = Found::by_name(host, &ask.image)?;
        Ok((
            Self { ask, found },
            ImageReport::new(Some(&ask.image), dry_run),
        ))
    }

    /// `pool/image@snap`.
    pub(super) fn name(&self) -> String {
        format!("{}@{}", self.ask.image, self.ask.snap)
    }

    pub(super) fn find(&self) -> Result<Option<Snap>> {
        let all = self.found.snapshots()?;
        Ok(all.into_iter().find(|snap| snap.name == self.ask.snap))
    }

    fn existing(&self) -> Result<Snap> {
        self.find()?.ok_or_else(|| {
            Error::new(
                Kind::NotFound,
                format!("image {} has no snapshot {}", self.ask.image, self.ask.snap),
            )
            .remedy(format!(
                "`warmblock image snap ls {}` lists those that it has",
                self.ask.image
            ))
        })
    }

    pub(super) fn children(&self) -> Result<Vec<Child>> {
        let children = self.found.image.children(Some(&self.ask.snap));
        children.context(|| format!("cannot list the clones of {}", self.name()))
    }
}

/// Takes a snapshot.
///
/// # Errors
/// [`Kind::Exists`], since an older one is not what was asked for; [`Kind::Dirty`] while a write-back cache may hold data
/// that the image lacks.
pub(super) fn create(host: &Host, ask: &OneSnap, dry_run: bool) -> Result<ImageReport> {
    let (job, mut report) = Job::new(host, ask, dry_run)?;
    job.found.must_be_whole(host, "take a snapshot of")?;
    let name = job.name();
    if job.find()?.is_some() {
        return Err(
            Error::new(Kind::Exists, format!("there is a snapshot {name} already"))
                .remedy("choose another name"),
        );
    }
    take(&job, &mut report)?;
    Ok(report)
}

pub(super) fn take(job: &Job<'_>, report: &mut ImageReport) -> Result<()> {
    let name = job.name();
    report.main_step(Change::Made, format!("take snapshot {name}"), || {
        let taken = job.found.open()?.snap_create(&job.ask.snap);
        taken.context(|| format!("cannot take snapshot {name}"))
    })
}

/// Removes a snapshot. One that has clones of clone format 2 is kept by Ceph for them, without its name; the report says so.
///
/// # Errors
/// [`Kind::NotFound`]; [`Kind::Busy`] if it is protected.
pub(super) fn remove(host: &Host, ask: &OneSnap, dry_run: bool) -> Result<ImageReport> {
    let (job, mut report) = Job::new(host, ask, dry_run)?;
    let name = job.name();
    let snap = job.existing()?;
    let children = job.children()?;
    if snap.protected {
        return Err(match children.as_slice() {
            [] => Error::new(Kind::Busy, format!("cannot remove {name}: it is protected"))
                .remedy(format!("`warmblock image snap unprotect {name}`")),
            children => has_children(&format!("remove {name}"), children),
        });
    }
    if !children.is_empty() {
        let count = children.len();
        report.warnings.push(format!(
            "{name} has {count} clones: Ceph keeps its data until the last of them is gone"
        ));
    }
    report.main_step(Change::Removed, format!("remove snapshot {name}"), || {
        job.found
            .open()?
            .snap_remove(&ask.snap)
            .context(|| format!("cannot remove snapshot {name}"))
    })?;
    Ok(report)
}

/// Protects a snapshot.
///
/// # Errors
/// [`Kind::NotFound`].
pub(super) fn protect(host: &Host, ask: &OneSnap, dry_run: bool) -> Result<ImageReport> {
    let (job, mut report) = Job::new(host, ask, dry_run)?;
    if job.existing()?.protected {
        report.change = Some(Change::Kept);
        return Ok(report);
    }
    let name = job.name();
    report.main_step(Change::Altered, format!("protect snapshot {name}"), || {
        job.found
            .open()?
            .snap_protect(&ask.snap)
            .context(|| format!("cannot protect snapshot {name}"))
    })?;
    Ok(report)
}

/// Takes a snapshot's protection away.
///
/// # Errors
/// [`Kind::NotFound`]; [`Kind::Busy`] if it has clones of clone format 1.
pub(super) fn unprotect(host: &Host, ask: &OneSnap, dry_run: bool) -> Result<ImageReport> {
    let (job, mut report) = Job::new(host, ask, dry_run)?;
    if !job.existing()?.protected {
        report.change = Some(Change::Kept);
        return Ok(report);
    }
    let name = job.name();
    report.main_step(
        Change::Altered,
        format!("unprotect snapshot {name}"),
        || match job
            .found
            .open()?
            .snap_unprotect(&ask.snap)
            .map_err(Error::from)
        {
            Err(error) if error.kind() == Kind::Busy => {
                Err(has_children(&format!("unprotect {name}"), &job.children()?).because(error))
            }
            done => done.context(|| format!("cannot unprotect snapshot {name}")),
        },
    )?;
    Ok(report)
}
