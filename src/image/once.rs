//! An image that is made for a purpose, once.
//!
//! What it is for stands in its metadata, written last: an image with the right words is complete, and is kept whatever has
//! become of it since. One without them, or with others, was left by a run that was killed, or by an earlier life of the
//! same name, and what is in it is nobody's. It is replaced, unless somebody uses it or has cloned it.

use serde::{Deserialize, Serialize};

use super::job::{ImageJob, Once, RemoveImage};
use super::reach::Found;
use super::remove::remove;
use super::report::ImageReport;
use crate::ceph::meta;
use crate::host::Host;
use crate::model::{Change, ImageId};
use crate::{Context, Error, Kind, Result};

/// The key in the image's metadata.
const KEY: &str = "warmblock.made-for";

/// What stands there. librbd copies metadata into clones, where it means nothing.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    image: ImageId,
    made_for: String,
}

/// Makes the image, or finds it made.
///
/// # Errors
/// Those of what makes it, and of a removal: [`Kind::LeaseHeld`] or [`Kind::Busy`] for an image of another purpose that is in
/// use or has clones.
pub(super) fn once(host: &Host, ask: &Once, dry_run: bool) -> Result<ImageReport> {
    let spec = &ask.image;
    let found = match Found::by_name(host, spec) {
        Err(error) if error.kind() == Kind::NotFound => None,
        found => Some(found?),
    };
    let mut report = ImageReport::new(Some(spec), dry_run);
    if let Some(found) = found {
        if read(&found)?.as_deref() == Some(&ask.made_for) {
            report.change = Some(Change::Kept);
            return Ok(report);
        }
        drop(found);
        let old = RemoveImage {
            image: spec.clone(),
            snapshots: true,
            missing_ok: true,
            left_by: ask.left_by.clone(),
            discard_dirty: false,
        };
        let gone = remove(host, &old, dry_run);
        let gone =
            gone.context(|| format!("{spec} is left of something else than {}", ask.made_for))?;
        report.steps.extend(gone.steps);
    }
    let made = make(host, &ask.make, dry_run)?;
    report.steps.extend(made.steps);
    report.warnings.extend(made.warnings);
    (report.change, report.facts) = (made.change, made.facts);
    if !dry_run {
        write(&Found::by_name(host, spec)?, &ask.made_for)?;
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
    let raw = meta::get(&found.pool, found.image.id(), KEY);
    let raw = raw.context(|| format!("cannot read what {} was made for", found.spec))?;
    let stamp = raw.and_then(|raw| serde_json::from_slice::<Stamp>(&raw).ok());
    Ok(stamp
        .filter(|stamp| stamp.image == *found.image.id())
        .map(|stamp| stamp.made_for))
}

/// Writes it.
pub(super) fn write(found: &Found<'_>, made_for: &str) -> Result<()> {
    let (pool, id) = (&found.pool, found.image.id());
    let stamp = Stamp {
        image: id.clone(),
        made_for: made_for.to_owned(),
    };
    let stamp = serde_json::to_vec(&stamp)
        .map_err(|error| Error::new(Kind::Internal, "stamp").because(error))?;
    let told = || format!("cannot write what {} is made for", found.spec);
    let old = meta::get(pool, id, KEY).context(told)?;
    match meta::compare_and_set(pool, id, KEY, old.as_deref(), Some(&stamp)).context(told)? {
        true => Ok(()),
        false => Err(Error::new(
            Kind::Busy,
            format!("somebody else makes {} at the same moment", found.spec),
        )
        .remedy("run it again")),
    }
}
