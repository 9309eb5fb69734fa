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
    made_for::kept_or_made(host, &ask.child, Some(words), dry_run, || {
        make(host, ask, words, dry_run)
    })
}

fn make(host: &Host, ask: &CloneImage, words: &str, dry_run: bool) -> Result<ImageReport> {
    let spec = &ask.child;
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
    // Somebody else may do the same, and be faster: what is called so then was whole before it had its name.
    let or_kept = |error| made_for::kept(host, spec, Some(words), false)?.ok_or(error);
    let made = match super::clone(host, &plain, false) {
        Ok(made) => made,
        // It is another's, or was until it had its name.
        Err(error) if matches!(error.kind(), Kind::Exists | Kind::NotFound) => {
            return or_kept(error);
        }
        Err(error) => return or_kept(pending.undone(error)),
    };
    let mut report = ImageReport {
        image: Some(spec.clone()),
        ..made
    };
    let id = report.facts.as_ref().map(|facts| facts.id.clone());
    let id = id.ok_or_else(|| Error::new(Kind::Internal, "a clone without an id"))?;
    let what = format!("{} becomes {spec}, for {words}", pending.temporary());
    let named = report.step(Change::Altered, what, || pending.name(&id, words));
    match named {
        Ok(()) => Ok(report),
        Err(error) => or_kept(pending.undone_of(&id, error)),
    }
}
