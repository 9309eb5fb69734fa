//! An image that is made for a purpose, once.
//!
//! What it is for stands in its metadata, written last: an image with the right words is complete, and is kept whatever has
//! become of it since. One without them, or with others, was left by a run that was killed, or by an earlier life of the
//! same name, and what is in it is nobody's. It is replaced, unless somebody uses it or has cloned it.

use serde::{Deserialize, Serialize};

use super::job::{ImageJob, Once, RemoveImage};
use super::reach::{self, Found};
use super::remove::remove;
use super::replace;
use super::report::ImageReport;
use crate::ceph::Pool;
use crate::disk::mark::{self, Note};
use crate::host::Host;
use crate::model::{Change, ImageId, ImageSpec};
use crate::{Context, Error, Kind, Result};

/// What it was made for.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    made_for: String,
}

impl Note for Stamp {
    const KEY: &'static str = "warmblock.made-for";
}

/// Makes the image, or finds it made.
///
/// # Errors
/// Those of what makes it, and of a removal: [`Kind::LeaseHeld`] or [`Kind::Busy`] for an image of another purpose that is in
/// use or has clones.
pub(super) fn once(host: &Host, ask: &Once, dry_run: bool) -> Result<ImageReport> {
    let spec = &ask.image;
    let mut report = ImageReport::new(Some(spec), dry_run);
    // A restore that was killed may have put the image aside that is wanted.
    let pool = reach::pool(&host.connect()?, spec)?;
    replace::finish(host, &pool, spec, &mut report)?;
    let found = match Found::in_pool(pool, spec) {
        Err(error) if error.kind() == Kind::NotFound => None,
        found => Some(found?),
    };
    if let Some(found) = found
        && read(&found)?.as_deref() == Some(&ask.made_for)
    {
        report.change = Some(Change::Kept);
        return Ok(report);
    }
    // What is there, or beside it: of a restore that was killed, say.
    let old = RemoveImage {
        left_by: ask.left_by.clone(),
        ..RemoveImage::whole(spec.clone())
    };
    let gone = remove(host, &old, dry_run);
    let gone =
        gone.context(|| format!("{spec} is left of something else than {}", ask.made_for))?;
    report.steps.extend(gone.steps);
    let made = make(host, &ask.make, dry_run)?;
    report.steps.extend(made.steps);
    report.warnings.extend(made.warnings);
    (report.change, report.facts) = (made.change, made.facts);
    if !dry_run {
        let made = Found::by_name(host, spec)?;
        stamp(&made.pool, made.image.id(), spec, &ask.made_for)?;
    }
    Ok(report)
}

fn make(host: &Host, job: &ImageJob, dry_run: bool) -> Result<ImageReport> {
    match job {
        ImageJob::Once(_) => Err(Error::new(
            Kind::Usage,
            "what is made once is not made once",
        )),
        job => super::run(host, job, dry_run),
    }
}

/// What an image says that it was made for.
pub(super) fn read(found: &Found<'_>) -> Result<Option<String>> {
    Ok(mark::read(&found.pool, found.image.id(), found.spec)?.map(|Stamp { made_for }| made_for))
}

/// Writes what an image is made for, which is called `spec`, or will be.
pub(super) fn stamp(pool: &Pool, id: &ImageId, spec: &ImageSpec, made_for: &str) -> Result<()> {
    let made_for = made_for.to_owned();
    mark::write(pool, id, spec, Stamp { made_for })
}
