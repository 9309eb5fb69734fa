//! What an image says of itself that it was made for.
//!
//! It says so before it has its name, so that one which was made for a purpose is never there without saying so: whatever else
//! has its name is somebody's.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};

use super::reach::{Found, facts};
use super::report::ImageReport;
use crate::ceph::Pool;
use crate::disk::mark::{self, Note};
use crate::host::Host;
use crate::model::{Change, ImageId, ImageSpec};
use crate::sys::lock::DiskLock;
use crate::{Error, Kind, Result};

/// What it was made for.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    made_for: String,
}

impl Note for Stamp {
    const KEY: &'static str = "warmblock.made-for";
}

/// What an image says that it was made for.
pub(super) fn read(found: &Found<'_>) -> Result<Option<String>> {
    Ok(mark::read(&found.pool, found.image.id(), found.spec)?.map(|Stamp { made_for }| made_for))
}

/// What the image of a name says that it was made for, if it is there and says so.
pub(super) fn of(pool: &Pool, spec: &ImageSpec) -> Result<Option<String>> {
    match Found::in_pool(pool.clone(), spec) {
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        found => read(&found?),
    }
}

/// Writes what an image is made for, which is called `spec`, or will be.
pub(super) fn stamp(pool: &Pool, id: &ImageId, spec: &ImageSpec, made_for: &str) -> Result<()> {
    let made_for = made_for.to_owned();
    mark::write(pool, id, spec, Stamp { made_for })
}

/// Makes an image, unless an attempt made it that did not live to tell. The same call whose caller was given up may go on here: it is
/// waited for, and then there is the image.
///
/// # Errors
/// [`Kind::Busy`], with who makes it.
pub(super) fn kept_or_made(
    host: &Host,
    spec: &ImageSpec,
    made_for: Option<&str>,
    dry_run: bool,
    make: impl FnOnce() -> Result<ImageReport>,
) -> Result<ImageReport> {
    // Where nothing is to be said of the image, the name is taken once.
    let _alone = match made_for {
        Some(_) if !dry_run => Some(alone(host, spec)?),
        _ => None,
    };
    match kept(host, spec, made_for, dry_run)? {
        Some(kept) => Ok(kept),
        None => make(),
    }
}

/// Waits until nobody on this host makes the image.
fn alone(host: &Host, spec: &ImageSpec) -> Result<DiskLock> {
    let mut name = DefaultHasher::new();
    spec.to_string().hash(&mut name);
    let file = format!("lock/making-{:016x}.lock", name.finish());
    let (path, deadline) = (host.roots.run.join(file), host.config.deadline.lock);
    let whose = format!("image {spec}");
    DiskLock::of_file(&path, &whose, "making it", deadline)
}

/// The image that an attempt made which did not live to tell; none if nothing was to be said of it.
pub(super) fn kept(
    host: &Host,
    spec: &ImageSpec,
    made_for: Option<&str>,
    dry_run: bool,
) -> Result<Option<ImageReport>> {
    if made_for.is_none() {
        return Ok(None);
    }
    let found = match Found::by_name(host, spec) {
        Err(error) if error.kind() == Kind::NotFound => return Ok(None),
        found => found?,
    };
    if read(&found)?.as_deref() != made_for {
        return Ok(None);
    }
    let mut report = ImageReport::new(Some(spec), dry_run);
    report.change = Some(Change::Kept);
    report.facts = Some(facts(found.info()?));
    Ok(Some(report))
}

/// That a name is taken by an image that says this of itself, or nothing, where one was to be made for `wanted`.
pub(super) fn somebodys(spec: &ImageSpec, says: Option<&str>, wanted: &str) -> Error {
    let says = says.map_or_else(
        || "does not say what it was made for".to_owned(),
        |says| format!("was made for {says}"),
    );
    let message = format!("there is an image {spec} already, which {says}, and not for {wanted}");
    Error::new(Kind::Exists, message).remedy(format!(
        "if nobody needs it, remove it: `warmblock image rm {spec}`; those who give their images the same names need pools or \
         namespaces of their own"
    ))
}
