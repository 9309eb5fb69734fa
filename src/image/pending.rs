//! An image in the making. It has a name of its own until it is complete and says what it is for, so that no tool, of ours or
//! not, can take an import that was stopped for an image.
//!
//! The name is `IMAGE.wb-import`: whoever imports IMAGE again finds what a killed import left, and removes it. The image
//! keeps its id when it is renamed at the end, and no marker has to be taken off a finished image. Its metadata say who
//! writes it, for those who find the name taken.

mod left;

pub(super) use self::left::{clear, refuse_running};

use self::left::Importer;
use super::made_for;
use super::reach::{self, PENDING};
use crate::ceph::{CreateOptions, Image, Pool, ignore, meta};
use crate::host::Host;
use crate::model::{ImageId, ImageName, ImageSpec};
use crate::{Context, Error, Kind, Result};

/// The key in the image's metadata.
const KEY: &str = "warmblock.import";

/// An image that is to be made.
#[derive(Debug)]
pub(super) struct Pending<'a> {
    pool: &'a Pool,
    /// The name that it gets.
    spec: &'a ImageSpec,
    /// The name that it has until then.
    temporary: ImageSpec,
}

impl<'a> Pending<'a> {
    /// Finds the name free; the image is to say that it is made `wanted` for, or nothing.
    ///
    /// # Errors
    /// [`Kind::Exists`] if there is an image of that name.
    pub(super) fn new(pool: &'a Pool, spec: &'a ImageSpec, wanted: Option<&str>) -> Result<Self> {
        let pending = Self::of(pool, spec)?;
        let there = pool.image_exists(&spec.image);
        if !there.context(|| format!("cannot look for {spec}"))? {
            return Ok(pending);
        }
        Err(match wanted {
            Some(wanted) => {
                let says = made_for::of(pool, spec)?;
                made_for::somebodys(spec, says.as_deref(), wanted)
            }
            None => taken(spec),
        })
    }

    fn of(pool: &'a Pool, spec: &'a ImageSpec) -> Result<Self> {
        let image: ImageName = format!("{}{PENDING}", spec.image).parse()?;
        Ok(Self {
            pool,
            spec,
            temporary: ImageSpec {
                image,
                ..spec.clone()
            },
        })
    }

    /// Where it is made.
    pub(super) const fn pool(&self) -> &Pool {
        self.pool
    }

    /// What it is called until it is complete.
    pub(super) const fn temporary(&self) -> &ImageSpec {
        &self.temporary
    }

    /// Makes the image, open to write. It is marked before it is opened, so that whoever finds it open can tell by whom.
    pub(super) fn create(&self, host: &Host, options: &CreateOptions) -> Result<Image> {
        let name = &self.temporary.image;
        let made = self.pool.create(name, options).map_err(Error::from);
        let made = made.map_err(|error| match error.kind() {
            Kind::Exists => self.others().because(error),
            _ => error,
        });
        made.context(|| format!("cannot make image {}", self.temporary))?;
        let importer = serde_json::to_vec(&Importer::this(host)?);
        let mark = importer.map_err(|error| Error::new(Kind::Internal, KEY).because(error))?;
        let marked = || {
            let (id, _) = self.mark()?;
            let set = meta::compare_and_set(self.pool, &id, KEY, None, Some(&mark));
            set.context(|| format!("cannot mark image {}", self.temporary))?;
            self.pool
                .open(name)
                .context(|| format!("cannot open image {}", self.temporary))
        };
        marked().map_err(|error| self.unless_taken_away(error))
    }

    /// Gives the complete image its name, with what it is for if it is to say so. The mark goes when nobody has the image open any
    /// more, for the same reason.
    ///
    /// # Errors
    /// [`Kind::Exists`] if somebody made one of that name meanwhile.
    pub(super) fn commit(&self, image: Image, made_for: Option<&str>) -> Result<()> {
        let id = image.id().clone();
        if let Some(made_for) = made_for {
            made_for::stamp(self.pool, &id, self.spec, made_for)?;
        }
        image
            .close()
            .context(|| format!("cannot close image {}", self.temporary))?;
        let unmarked = || {
            let (now, mark) = self.mark()?;
            if now != id {
                return Err(self.others());
            }
            let unset = meta::compare_and_set(self.pool, &id, KEY, mark.as_deref(), None);
            unset
                .map(drop)
                .context(|| format!("cannot unmark image {}", self.temporary))
        };
        unmarked().map_err(|error| self.unless_taken_away(error))?;
        self.rename(&id)
    }

    /// Has an image say what it is for that was made without being opened, and gives it its name, if it still is what was made.
    ///
    /// # Errors
    /// [`Kind::Exists`] if somebody made one of that name meanwhile; [`Kind::Busy`] if somebody makes this one.
    pub(super) fn name(&self, id: &ImageId, made_for: &str) -> Result<()> {
        let stamped = made_for::stamp(self.pool, id, self.spec, made_for);
        stamped.map_err(|error| self.unless_taken_away(error))?;
        self.rename(id)
    }

    /// That somebody took what was being made for the remains of a process that is gone.
    fn others(&self) -> Error {
        let message = format!("somebody else makes {} at the same moment", self.spec);
        Error::new(Kind::Busy, message).remedy("run it again")
    }

    /// The error for what was being made, which is not there any more.
    fn unless_taken_away(&self, error: Error) -> Error {
        match error.kind() {
            Kind::NotFound => self.others().because(error),
            _ => error,
        }
    }

    /// Gives the image of this id its name: a rename goes by the name, which may be another image's by now.
    fn rename(&self, id: &ImageId) -> Result<()> {
        let now = self.pool.image_id(&self.temporary.image);
        let now = now.context(|| format!("cannot look for {}", self.temporary))?;
        if now.as_ref() != Some(id) {
            return Err(self.others());
        }
        let renamed = self.pool.rename(&self.temporary.image, &self.spec.image);
        match renamed.map_err(Error::from) {
            Err(error) if error.kind() == Kind::Exists => Err(taken(self.spec)),
            renamed => renamed
                .context(|| format!("cannot rename {} to {}", self.temporary, self.spec.image)),
        }
    }

    /// Removes the image that is not to be.
    pub(super) fn remove(&self) -> Result<()> {
        let removed = self.pool.remove(&self.temporary.image, &mut ignore);
        match removed.map_err(Error::from) {
            Err(error) if error.kind() == Kind::NotFound => Ok(()),
            removed => removed.context(|| format!("cannot remove {}", self.temporary)),
        }
    }

    /// An attempt that failed leaves nothing behind; but what somebody else makes under the name stays.
    pub(super) fn undone(&self, error: Error) -> Error {
        match error.kind() {
            Kind::Busy => error,
            _ => error.and_then_cleanup(self.remove()),
        }
    }

    /// The same, if it still is the image of this id.
    pub(super) fn undone_of(&self, id: &ImageId, error: Error) -> Error {
        match self.pool.image_id(&self.temporary.image) {
            Ok(now) if now.as_ref() == Some(id) => error.and_then_cleanup(self.remove()),
            _ => error,
        }
    }

    /// The image's id and its mark.
    fn mark(&self) -> Result<(ImageId, Option<Vec<u8>>)> {
        let id = self.pool.image_id(&self.temporary.image);
        let id = id.context(|| format!("cannot look for {}", self.temporary))?;
        let id = id.ok_or_else(|| reach::not_found(&self.temporary))?;
        let mark = meta::get(self.pool, &id, KEY);
        let mark = mark.context(|| format!("cannot read the metadata of {}", self.temporary))?;
        Ok((id, mark))
    }
}

fn taken(spec: &ImageSpec) -> Error {
    Error::new(Kind::Exists, format!("there is an image {spec} already")).remedy(format!(
        "choose another name, or remove it: `warmblock image rm {spec}`"
    ))
}
