//! What we note of an image in its metadata.
//!
//! librbd copies metadata into clones, where it means nothing: so a mark says which image it is of, and one that was copied
//! reads as none.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ceph::{Pool, meta};
use crate::model::{ImageId, ImageSpec};
use crate::{Context, Error, Kind, Result};

/// What can be noted.
pub trait Note: Serialize + DeserializeOwned {
    /// The key in the image's metadata.
    const KEY: &'static str;
}

#[derive(Serialize, Deserialize)]
struct Mark<T> {
    image: ImageId,
    #[serde(flatten)]
    note: T,
}

/// What was noted of an image when it was looked at.
#[derive(Debug)]
pub struct Noted<'i, T> {
    pool: &'i Pool,
    id: &'i ImageId,
    /// How the image is called, or will be.
    spec: &'i ImageSpec,
    raw: Option<Vec<u8>>,
    /// The note; one that cannot be understood is none.
    pub note: Option<T>,
}

impl<'i, T: Note> Noted<'i, T> {
    /// Reads it.
    ///
    /// # Errors
    /// [`Kind::NotFound`] if the image is not there; Ceph's.
    pub fn read(pool: &'i Pool, id: &'i ImageId, spec: &'i ImageSpec) -> Result<Self> {
        let raw = meta::get(pool, id, T::KEY);
        let raw = raw.context(|| format!("cannot read {} of {spec}", T::KEY))?;
        let mark = raw
            .as_deref()
            .and_then(|raw| serde_json::from_slice::<Mark<T>>(raw).ok());
        Ok(Self {
            pool,
            id,
            spec,
            note: mark.filter(|mark| mark.image == *id).map(|mark| mark.note),
            raw,
        })
    }

    /// Notes something else, if it still is what was read; whether it was.
    ///
    /// # Errors
    /// Ceph's.
    pub fn change(self, note: T) -> Result<bool> {
        let mark = Mark {
            image: self.id.clone(),
            note,
        };
        let mark = serde_json::to_vec(&mark)
            .map_err(|error| Error::new(Kind::Internal, T::KEY).because(error))?;
        self.set(Some(&mark))
    }

    /// Notes nothing any more, if it still is what was read; whether it was.
    ///
    /// # Errors
    /// Ceph's.
    pub fn forget(self) -> Result<bool> {
        self.set(None)
    }

    fn set(&self, mark: Option<&[u8]>) -> Result<bool> {
        let old = self.raw.as_deref();
        let set = meta::compare_and_set(self.pool, self.id, T::KEY, old, mark);
        set.context(|| format!("cannot write {} of {}", T::KEY, self.spec))
    }
}

/// What is noted of an image.
///
/// # Errors
/// Those of [`Noted::read`].
pub fn read<T: Note>(pool: &Pool, id: &ImageId, spec: &ImageSpec) -> Result<Option<T>> {
    Noted::read(pool, id, spec).map(|noted| noted.note)
}

/// Notes it of an image that is called `spec`, or will be, in place of what was noted before.
///
/// # Errors
/// [`Kind::Busy`] if somebody else notes something at the same moment.
pub fn write<T: Note>(pool: &Pool, id: &ImageId, spec: &ImageSpec, note: T) -> Result<()> {
    if Noted::read(pool, id, spec)?.change(note)? {
        return Ok(());
    }
    let message = format!("somebody else is at {spec} at the same moment");
    Err(Error::new(Kind::Busy, message).remedy("run it again"))
}
