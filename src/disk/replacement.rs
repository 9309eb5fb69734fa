//! What becomes of images that are replaced together: what replaced them stays, of all, or of none.
//!
//! That is decided once, at the first of them, by one compare-and-set: to *settle* it, once all have been exchanged, or to *undo*
//! it. Who comes later, and finds some of them renamed and others not, goes on in that direction. A replacement whose first
//! image is not there (any more) was not settled: none is removed or replaced anew before all of them are.

use serde::{Deserialize, Serialize};

use super::mark::{self, Note, Noted};
use crate::ceph::Pool;
use crate::host::Host;
use crate::model::{Beside, ImageId, ImageSpec, ReplacedImage, Replacement, ReplacementId};
use crate::{Context, Error, Kind, Result};

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// What replaced the images stays.
    Settled,
    /// They are what they were.
    Undone,
}

/// What stands in the metadata of what is to replace an image, or has.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stamp {
    #[serde(flatten)]
    of: Replacement,
    /// Only at the first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decided: Option<Decision>,
}

impl Note for Stamp {
    const KEY: &'static str = "warmblock.replacement";
}

/// Says of an image that is called `spec`, or will be, which replacement it is of.
///
/// # Errors
/// Those of [`mark::write`].
pub fn stamp(pool: &Pool, id: &ImageId, spec: &ImageSpec, of: &Replacement) -> Result<()> {
    let of = of.clone();
    mark::write(pool, id, spec, Stamp { of, decided: None })
}

/// The replacement that the image of this name is of; `None` if it is of none, or not there.
///
/// # Errors
/// Ceph's.
pub fn of(pool: &Pool, spec: &ImageSpec) -> Result<Option<Replacement>> {
    let id = pool.image_id(&spec.image);
    let Some(id) = id.context(|| format!("cannot look for {spec}"))? else {
        return Ok(None);
    };
    match mark::read::<Stamp>(pool, &id, spec) {
        // It goes just now.
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        stamp => Ok(stamp?.map(|stamp| stamp.of)),
    }
}

/// Whether the image of this name is of that replacement.
///
/// # Errors
/// Ceph's.
pub fn is_of(pool: &Pool, spec: &ImageSpec, id: &ReplacementId) -> Result<bool> {
    Ok(of(pool, spec)?.is_some_and(|of| of.id == *id))
}

/// The pool of one of the images, reached as it is reached.
///
/// # Errors
/// Ceph's.
pub fn pool(host: &Host, replaced: &ReplacedImage) -> Result<Pool> {
    let spec = &replaced.image;
    // Not by what is asked now: that is another image's.
    let cluster = host.connect_by(replaced.access.as_ref())?;
    let pool = cluster.pool(&spec.pool, spec.namespace.as_ref());
    pool.context(|| format!("cannot open the pool of {spec}"))
}

/// What was decided of a replacement, if anything was.
///
/// # Errors
/// Ceph's, of the first image.
pub fn decision(host: &Host, of: &Replacement) -> Result<Option<Decision>> {
    let Some(first) = First::find(host, of)? else {
        return Ok(Some(Decision::Undone));
    };
    let stamp = first.noted()?.note;
    Ok(stamp.map_or(Some(Decision::Undone), |stamp| stamp.decided))
}

/// Decides it, unless it was decided before; what it is then.
///
/// # Errors
/// Ceph's, of the first image; [`Kind::Busy`] if it is changed again and again.
pub fn decide(host: &Host, of: &Replacement, wanted: Decision) -> Result<Decision> {
    /// Who is overtaken finds it decided.
    const TRIES: usize = 3;
    for _ in 0..TRIES {
        let Some(first) = First::find(host, of)? else {
            return Ok(Decision::Undone);
        };
        let noted = first.noted()?;
        let Some(stamp) = noted.note.clone() else {
            return Ok(Decision::Undone);
        };
        if let Some(decided) = stamp.decided {
            return Ok(decided);
        }
        let decided = Some(wanted);
        if noted.change(Stamp { decided, ..stamp })? {
            return Ok(wanted);
        }
    }
    let message = format!("somebody else decides replacement {} as well", of.id);
    Err(Error::new(Kind::Busy, message).remedy("run it again"))
}

/// What is to replace the first of the images, or has replaced it.
struct First {
    pool: Pool,
    id: ImageId,
    spec: ImageSpec,
}

impl First {
    /// By either of its names: as it comes, it has the one before it loses the other.
    fn find(host: &Host, of: &Replacement) -> Result<Option<Self>> {
        let Some(first) = of.images.first() else {
            return Ok(None);
        };
        let pool = pool(host, first)?;
        for spec in [Beside::Incoming.of(&first.image)?, first.image.clone()] {
            if !is_of(&pool, &spec, &of.id)? {
                continue;
            }
            let id = pool.image_id(&spec.image);
            if let Some(id) = id.context(|| format!("cannot look for {spec}"))? {
                return Ok(Some(Self { pool, id, spec }));
            }
        }
        Ok(None)
    }

    fn noted(&self) -> Result<Noted<'_, Stamp>> {
        Noted::read(&self.pool, &self.id, &self.spec)
    }
}

/// Gives what an image was its last name, if the image is of this replacement, which is settled.
///
/// # Errors
/// Ceph's; [`Kind::Exists`] if there is something of that name.
pub fn settle(pool: &Pool, spec: &ImageSpec, of: &Replacement) -> Result<()> {
    let (old, obsolete) = (Beside::Replaced.of(spec)?, Beside::Obsolete.of(spec)?);
    if !there(pool, &old)? || !is_of(pool, spec, &of.id)? {
        return Ok(());
    }
    let renamed = pool.rename(&old.image, &obsolete.image);
    renamed.context(|| format!("cannot rename {old} to {obsolete}"))
}

/// Says of an image no more that it is of a replacement: that is settled, and nothing of it is left.
///
/// # Errors
/// Ceph's.
pub fn forget(pool: &Pool, spec: &ImageSpec, of: &ReplacementId) -> Result<()> {
    let id = pool.image_id(&spec.image);
    let Some(id) = id.context(|| format!("cannot look for {spec}"))? else {
        return Ok(());
    };
    let noted = Noted::<Stamp>::read(pool, &id, spec)?;
    match &noted.note {
        Some(stamp) if stamp.of.id == *of => noted.forget().map(drop),
        _ => Ok(()),
    }
}

/// Whether something has the name.
///
/// # Errors
/// Ceph's.
pub fn there(pool: &Pool, spec: &ImageSpec) -> Result<bool> {
    let there = pool.image_exists(&spec.image);
    there.context(|| format!("cannot look for {spec}"))
}
