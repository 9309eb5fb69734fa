//! An image that a revert was killed in: partly what it was, partly what it was to be.
//!
//! It has the snapshot that keeps what it was ([`BeforeRevert`]), from before the first object is touched until the last one was.
//! So whoever is about to use what the image holds looks for that snapshot first.

use crate::ceph::Image;
use crate::model::{BeforeRevert, ImageSpec};
use crate::{Context, Error, Kind, Result};

/// Refuses an image that a revert was begun on and not finished.
///
/// # Errors
/// [`Kind::Mismatch`], with the way back.
pub fn refuse_half_reverted(spec: &ImageSpec, image: &Image, verb: &str) -> Result<()> {
    let snapshots = image.snapshots();
    let snapshots = snapshots.context(|| format!("cannot list the snapshots of {spec}"))?;
    if !snapshots.iter().any(|snap| BeforeRevert.is(&snap.name)) {
        return Ok(());
    }
    let message = format!(
        "cannot {verb} {spec}: a revert of it was begun and not finished, and it may be neither the old nor the new"
    );
    Err(Error::new(Kind::Mismatch, message).remedy(format!(
        "`warmblock image snap rollback {spec}@{BeforeRevert}` makes it what it was before; or ask for the revert again"
    )))
}
