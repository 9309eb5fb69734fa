//! What we note of an image in its metadata.
//!
//! librbd copies metadata into clones, where it means nothing: so a mark says which image it is of, and one that was copied
//! reads as none.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::reach::Found;
use crate::ceph::{Pool, meta};
use crate::model::{ImageId, ImageSpec};
use crate::{Context, Error, Kind, Result};

/// What can be noted.
pub(super) trait Note: Serialize + DeserializeOwned {
    /// The key in the image's metadata.
    const KEY: &'static str;
}

#[derive(Serialize, Deserialize)]
struct Mark<T> {
    image: ImageId,
    #[serde(flatten)]
    note: T,
}

/// What is noted; one that cannot be understood is none.
pub(super) fn read<T: Note>(found: &Found<'_>) -> Result<Option<T>> {
    let raw = meta::get(&found.pool, found.image.id(), T::KEY);
    let raw = raw.context(|| format!("cannot read {} of {}", T::KEY, found.spec))?;
    let mark = raw.and_then(|raw| serde_json::from_slice::<Mark<T>>(&raw).ok());
    Ok(mark
        .filter(|mark| mark.image == *found.image.id())
        .map(|mark| mark.note))
}

/// Notes it of an image that is called `spec`, or will be, in place of what was noted before.
///
/// # Errors
/// [`Kind::Busy`] if somebody else notes something at the same moment.
pub(super) fn write<T: Note>(pool: &Pool, id: &ImageId, spec: &ImageSpec, note: T) -> Result<()> {
    let mark = Mark {
        image: id.clone(),
        note,
    };
    let mark = serde_json::to_vec(&mark)
        .map_err(|error| Error::new(Kind::Internal, T::KEY).because(error))?;
    let told = || format!("cannot write {} of {spec}", T::KEY);
    let old = meta::get(pool, id, T::KEY).context(told)?;
    match meta::compare_and_set(pool, id, T::KEY, old.as_deref(), Some(&mark)).context(told)? {
        true => Ok(()),
        false => Err(Error::new(
            Kind::Busy,
            format!("somebody else is at {spec} at the same moment"),
        )
        .remedy("run it again")),
    }
}
