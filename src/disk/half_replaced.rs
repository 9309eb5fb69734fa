//! An image that is being replaced by another one (`image::replace`), and may have to become again what it was.
//!
//! What it was is beside it until the replacement is settled. So whoever is about to use what the image holds looks for that name
//! first: one disk of a VM that is the new one, and another that is the old one, belong to no moment. Once it was decided that all
//! of them stay the new ones ([`replacement`]), each of them is what it is to be.

use super::replacement::{self, Decision, there};
use crate::ceph::Pool;
use crate::host::Host;
use crate::model::{Beside, ImageSpec, Replacement};
use crate::{Error, Kind, Result};

/// Refuses an image whose replacement was begun and not settled.
///
/// # Errors
/// [`Kind::Mismatch`], with the way back; [`Kind::NotFound`] if nothing has the name just now.
pub fn refuse_half_replaced(host: &Host, spec: &ImageSpec, pool: &Pool, verb: &str) -> Result<()> {
    let Ok(old) = Beside::Replaced.of(spec) else {
        // A name that long is nobody's.
        return Ok(());
    };
    if !there(pool, &old)? || settled(host, spec, pool)?.is_some() {
        return Ok(());
    }
    let message = format!(
        "cannot {verb} {spec}: a restore of it was begun and not finished; {old} is what it was before"
    );
    let kind = match there(pool, spec)? {
        true => Kind::Mismatch,
        false => Kind::NotFound,
    };
    Err(Error::new(kind, message).remedy(format!(
        "restore the VM again, which first puts back what all of its disks were; or do that by hand, of each of them: \
         `rbd mv {old} {spec}`, after `rbd mv {spec} ANOTHER_NAME` if {spec} is there"
    )))
}

/// Finishes what was settled and not finished, before the image is written.
///
/// # Errors
/// Ceph's.
pub(super) fn finish_replacement(host: &Host, spec: &ImageSpec, pool: &Pool) -> Result<()> {
    let Ok(old) = Beside::Replaced.of(spec) else {
        return Ok(());
    };
    if there(pool, &old)?
        && let Some(of) = settled(host, spec, pool)?
    {
        replacement::settle(pool, spec, &of)?;
    }
    Ok(())
}

/// The replacement that the image came by, if it was settled.
fn settled(host: &Host, spec: &ImageSpec, pool: &Pool) -> Result<Option<Replacement>> {
    let Some(of) = replacement::of(pool, spec)? else {
        return Ok(None);
    };
    let decision = replacement::decision(host, &of)?;
    Ok((decision == Some(Decision::Settled)).then_some(of))
}
