//! An image that is being exchanged for another one (`image::replace`), and may have to become again what it was.
//!
//! What it was is beside it until the exchange is settled. So whoever is about to use what the image holds looks for that name
//! first: one disk of a VM that is the new one, and another that is the old one, belong to no moment.

use crate::ceph::Pool;
use crate::model::{Beside, ImageSpec};
use crate::{Context, Error, Kind, Result};

/// Refuses an image whose exchange was begun and not settled.
///
/// # Errors
/// [`Kind::Mismatch`], with the way back; [`Kind::NotFound`] if nothing has the name just now.
pub fn refuse_half_replaced(spec: &ImageSpec, pool: &Pool, verb: &str) -> Result<()> {
    let Ok(old) = Beside::Replaced.of(spec) else {
        // A name that long is nobody's.
        return Ok(());
    };
    let there = pool.image_exists(&old.image);
    if !there.context(|| format!("cannot look for {old}"))? {
        return Ok(());
    }
    let message = format!(
        "cannot {verb} {spec}: a restore of it was begun and not finished; {old} is what it was before"
    );
    let named = pool.image_exists(&spec.image);
    let kind = match named.context(|| format!("cannot look for {spec}"))? {
        true => Kind::Mismatch,
        false => Kind::NotFound,
    };
    Err(Error::new(kind, message).remedy(format!(
        "restore it again, which first puts back what it was; or do that by hand: `rbd mv {old} {spec}`, after \
         `rbd mv {spec} ANOTHER_NAME` if {spec} is there"
    )))
}
