//! A snapshot that is taken by a number, by one who may not live to tell: OpenNebula forgets a snapshot whose action failed,
//! and gives its number to the next one.
//!
//! So the one that is in the way may be what such an attempt left, and is of what the image was then: it is taken anew. Or
//! it may be somebody's: an image that came from another driver has snapshots of the same names. What is ours was noted
//! before it was taken, the last one of each image; whatever else is there stays.

use serde::{Deserialize, Serialize};

use super::OneSnap;
use super::remove::has_children;
use super::report::ImageReport;
use super::snap::{Job, take};
use super::untake;
use crate::ceph::Snap;
use crate::disk::mark::{self, Note};
use crate::host::Host;
use crate::model::{CopySnap, SnapName};
use crate::{Error, Kind, Result};

/// The last snapshot that was taken like this.
#[derive(Debug, Serialize, Deserialize)]
struct Taken {
    snap: SnapName,
    /// It came after this one; ids rise (librados, `rados_ioctx_selfmanaged_snap_create`).
    after: u64,
}

impl Note for Taken {
    const KEY: &'static str = "warmblock.snapshot";
}

impl Taken {
    fn is(&self, snap: &Snap) -> bool {
        self.snap == snap.name && snap.id > self.after
    }
}

/// Takes a snapshot of what the image is now; one that an attempt of ours left goes first.
///
/// # Errors
/// [`Kind::Exists`] for one that is not ours, or that something was cloned from; those of [`super::snap::create`].
pub(super) fn retake(host: &Host, ask: &OneSnap, dry_run: bool) -> Result<ImageReport> {
    let (job, mut report) = Job::new(host, ask, dry_run)?;
    job.found.must_be_whole(host, "take a snapshot of")?;
    let copies = CopySnap::is(&ask.snap);
    if let Some(old) = job.find()? {
        let found = &job.found;
        let taken = mark::read::<Taken>(&found.pool, found.image.id(), found.spec)?;
        if !copies && !taken.is_some_and(|taken| taken.is(&old)) {
            return Err(somebodys(&job));
        }
        refuse_cloned(&job)?;
        untake::remove(&job.found, &old, &mut report)?;
    }
    if !copies && !dry_run {
        let newest = job.found.snapshots()?.iter().map(|snap| snap.id).max();
        let taken = Taken {
            snap: ask.snap.clone(),
            after: newest.unwrap_or(0),
        };
        mark::write(&job.found.pool, job.found.image.id(), job.found.spec, taken)?;
    }
    take(&job, &mut report)?;
    Ok(report)
}

fn somebodys(job: &Job<'_>) -> Error {
    let name = job.name();
    Error::new(
        Kind::Exists,
        format!("there is a snapshot {name} already, and it was not left by an attempt to take this one"),
    )
    .remedy(format!(
        "if nobody needs it, `warmblock image snap rm {name}` (and `… unprotect` before, if it is protected)"
    ))
}

fn refuse_cloned(job: &Job<'_>) -> Result<()> {
    let children = job.children()?;
    if children.is_empty() {
        return Ok(());
    }
    let name = job.name();
    let clones = has_children(&format!("take {name} anew"), &children);
    let message = format!("there is a snapshot {name} already, and it has clones");
    Err(Error::new(Kind::Exists, message).because(clones))
}
