//! A clone that says what it is for. It has a name of its own until it does, so that whatever has its name says so, or is
//! somebody's.

use super::super::made_for;
use super::super::pending::Pending;
use super::super::reach;
use super::super::report::ImageReport;
use super::CloneImage;
use crate::host::Host;
use crate::model::Change;
use crate::{Error, Kind, Result};

/// Makes the clone, or finds it made.
///
/// # Errors
/// [`Kind::Exists`] for an image of its name that was made for something else; those of a clone.
pub(super) fn clone(
    host: &Host,
    ask: &CloneImage,
    words: &str,
    dry_run: bool,
) -> Result<ImageReport> {
    let spec = &ask.child;
    if let Some(kept) = made_for::kept(host, spec, Some(words), dry_run)? {
        return Ok(kept);
    }
    let pool = reach::pool_to_create(&host.connect()?, spec)?;
    let pending = Pending::new(&pool, spec, Some(words))?;
    let mut plain = CloneImage {
        made_for: None,
        ..ask.clone()
    };
    if dry_run {
        return super::clone(host, &plain, true);
    }
    // What is there is of a moment that nobody knows.
    pending.clear(host)?;
    plain.child = pending.temporary().clone();
    let made = super::clone(host, &plain, false).map_err(|error| match error.kind() {
        // Somebody else is at it.
        Kind::Exists => error,
        _ => pending.undone(error),
    });
    let mut report = ImageReport {
        image: Some(spec.clone()),
        ..made?
    };
    let id = report.facts.as_ref().map(|facts| facts.id.clone());
    let id = id.ok_or_else(|| Error::new(Kind::Internal, "a clone without an id"))?;
    let what = format!("{} becomes {spec}, for {words}", pending.temporary());
    let named = report.step(Change::Altered, what, || pending.name(&id, words));
    // Somebody else may have done the same, and been faster.
    if let Err(error) = named {
        return made_for::kept(host, spec, Some(words), false)?.ok_or(error);
    }
    Ok(report)
}
