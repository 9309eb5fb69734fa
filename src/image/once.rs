//! An image that is made for a purpose, once.
//!
//! What it is for stands in its metadata: an image with the right words is complete, and is kept whatever has become of it since.
//! One that an earlier life of the same thing left says so, and what is in it is nobody's: it is replaced, unless somebody uses
//! it or has cloned it. Any other one is somebody's, whatever it says or does not say, and stays.

use super::job::{ImageJob, Once, RemoveImage};
use super::made_for;
use super::reach::{self, Found};
use super::remove::{self, remove};
use super::replace;
use super::report::ImageReport;
use crate::ceph::Pool;
use crate::host::Host;
use crate::model::Change;
use crate::{Context, Error, Kind, Result};

/// What has the image's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    /// Nothing.
    Nothing,
    /// The image, complete.
    Ours,
    /// One that an earlier life of the same thing left, or what is left of an image that was half removed.
    Left,
}

/// Makes the image, or finds it made.
///
/// # Errors
/// [`Kind::Exists`] for an image that is somebody's; those of what makes it, and of a removal: [`Kind::LeaseHeld`] or
/// [`Kind::Busy`] for an image of an earlier life that is in use or has clones.
pub(super) fn once(host: &Host, ask: &Once, dry_run: bool) -> Result<ImageReport> {
    let spec = &ask.image;
    let mut report = ImageReport::new(Some(spec), dry_run);
    let pool = reach::pool(&host.connect()?, spec)?;
    let mut there = look(&pool, ask)?;
    // A restore that was killed may have put the image aside that is wanted.
    replace::finish(host, &pool, spec, &mut report)?;
    if !report.steps.is_empty() {
        there = look(&pool, ask)?;
    }
    match there {
        There::Ours => {
            report.change = Some(Change::Kept);
            return Ok(report);
        }
        There::Nothing => remove::clear(host, &pool, spec, &mut report)?,
        There::Left => {
            let old = RemoveImage {
                left_by: ask.left_by.clone(),
                ..RemoveImage::whole(spec.clone())
            };
            let gone = remove(host, &old, dry_run)
                .context(|| format!("{spec} is left of something else than {}", ask.made_for))?;
            report.steps.extend(gone.steps);
        }
    }
    if dry_run && there == There::Left {
        report.planned(Change::Made, format!("make {spec} anew"));
        report.change = Some(Change::Made);
        return Ok(report);
    }
    let made = super::run(host, &for_it(ask)?, dry_run)?;
    report.steps.extend(made.steps);
    report.warnings.extend(made.warnings);
    (report.change, report.facts) = (made.change, made.facts);
    Ok(report)
}

/// Looks what there is.
fn look(pool: &Pool, ask: &Once) -> Result<There> {
    let spec = &ask.image;
    let found = match Found::in_pool(pool.clone(), spec) {
        Err(error) if error.kind() == Kind::NotFound => {
            let name = pool.image_exists(&spec.image);
            let name = name.context(|| format!("cannot look for {spec}"))?;
            return Ok(if name { There::Left } else { There::Nothing });
        }
        found => found?,
    };
    let says = made_for::read(&found)?;
    match &says {
        Some(says) if *says == ask.made_for || ask.same.contains(says) => Ok(There::Ours),
        Some(says) if ask.of.iter().any(|of| says.starts_with(of)) => Ok(There::Left),
        says => Err(made_for::somebodys(spec, says.as_deref(), &ask.made_for)),
    }
}

/// What makes the image, and has it say what it is for.
fn for_it(ask: &Once) -> Result<ImageJob> {
    let mut make = ask.make.as_ref().clone();
    let made_for = match &mut make {
        ImageJob::Clone(ask) => &mut ask.made_for,
        ImageJob::Create(ask) => &mut ask.made_for,
        ImageJob::Import(ask) => &mut ask.made_for,
        _ => {
            return Err(Error::new(
                Kind::Usage,
                "what makes no image makes none once",
            ));
        }
    };
    *made_for = Some(ask.made_for.clone());
    Ok(make)
}
