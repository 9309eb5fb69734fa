//! What a datastore's action comes to. Pure: the document says all that is needed.

use super::answer::Answer;
use super::disks;
use crate::image::{
    Algorithm, Checksum, CloneImage, CreateImage, ImageJob, Import, OneDigest, OneImage, OnePool,
    OneSnap, RemoveImage, ResizeImage, SnapFlatten, SourceFormat,
};
use crate::job::{Request, StepAsk};
use crate::model::{Access, Bytes, ImageSpec, ParseError, PoolName, SnapName, SnapSpec};
use crate::one::backups::BackupUrl;
use crate::one::call::DsAction;
use crate::one::document::{Datastore, DatastoreJob, ImageDocument};
use crate::one::names::{self, Name};
use crate::one::plan::removal;
use crate::one::{ImageNumber, Megabytes};
use crate::{Error, Kind, Result};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing; this is the answer.
    Answer(String),
    /// Say how large what is at a path or URL will be as an image; oned's own idea of it, if it has one.
    Measure(String, Option<Megabytes>),
    /// A bridge does it.
    Host {
        /// In these steps.
        steps: Vec<StepAsk>,
        /// What comes from this path or URL goes to the first step's standard input.
        data: Option<String>,
        /// What oned is told.
        answer: Answer,
        /// How the image goes again that is made, if nobody wants it any more.
        undo: Option<Box<RemoveImage>>,
    },
}

impl Plan {
    /// Plans an action on image `id`.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a document that lacks what the action is about.
    pub(super) fn of(action: DsAction, id: u32, document: &DatastoreJob) -> Result<Self> {
        let ask = Ask {
            id: ImageNumber(id),
            datastore: &document.datastore,
            image: document.image.as_ref(),
            measure_disks: document.measure_disks,
        };
        let plan = match action {
            DsAction::Cp => ask.cp(),
            DsAction::Mkfs => ask.mkfs(),
            DsAction::Clone => ask.clone(),
            DsAction::Rm => ask.rm(),
            DsAction::Stat => ask.stat(),
            DsAction::Monitor => ask.monitor(),
            DsAction::Export => ask.export(),
            DsAction::SnapDelete => ask.snap_delete(),
            DsAction::SnapRevert => ask.snap_revert(),
            DsAction::SnapFlatten => ask.snap_flatten(),
        };
        Ok(plan?.by(document.datastore.access.as_ref()))
    }

    /// What is read: a path, or a URL.
    pub(super) fn path(&self) -> Option<&str> {
        match self {
            Self::Answer(_) => None,
            Self::Measure(path, _) => Some(path),
            Self::Host { data, .. } => data.as_deref(),
        }
    }

    /// The same, all of it by the datastore's access.
    fn by(mut self, access: Option<&Access>) -> Self {
        if let Self::Host { steps, .. } = &mut self {
            let own = std::mem::take(steps).into_iter();
            *steps = own.map(|step| step.by(access)).collect();
        }
        self
    }

    fn host(steps: Vec<StepAsk>, answer: Answer) -> Self {
        Self::Host {
            steps,
            data: None,
            answer,
            undo: None,
        }
    }
}

/// What an action is asked with.
struct Ask<'a> {
    id: ImageNumber,
    datastore: &'a Datastore,
    image: Option<&'a ImageDocument>,
    measure_disks: bool,
}

impl Ask<'_> {
    fn image(&self) -> Result<&ImageDocument> {
        self.image.ok_or_else(|| missing("IMAGE"))
    }

    fn path(&self) -> Result<&str> {
        let path = self.image()?.path.as_deref();
        path.ok_or_else(|| missing("IMAGE/PATH"))
    }

    fn pool(&self) -> Result<PoolName> {
        Ok(names::pool_of(self.datastore.pool.as_ref())?)
    }

    /// The image that is to be made.
    fn new_image(&self) -> Result<ImageSpec> {
        Ok(ImageSpec {
            pool: self.pool()?,
            namespace: self.datastore.namespace.get()?,
            image: Name::Image(self.id).image()?,
        })
    }

    /// What an image is made for: this registration, and no other one of its number.
    fn made_for(&self) -> Option<String> {
        let time = self.image?.registered?;
        Some(format!("image {}, registered at {time}", self.id))
    }

    /// How an image goes again that was made for nobody. It was never one of oned's, so it is not put into the trash.
    fn undo(&self, image: ImageSpec) -> RemoveImage {
        RemoveImage {
            of: self.made_for().into_iter().collect(),
            ..RemoveImage::whole(image)
        }
    }

    /// The image that there is.
    fn source(&self) -> Result<ImageSpec> {
        let source = self.image()?.source.as_ref();
        spec(source.ok_or_else(|| missing("IMAGE/SOURCE"))?.as_str())
    }

    /// The snapshot that is asked for.
    fn snapshot(&self) -> Result<OneSnap> {
        let id = self.image()?.snapshot;
        Ok(OneSnap {
            image: self.source()?,
            snap: names::snapshot(id.ok_or_else(|| missing("IMAGE/TARGET_SNAPSHOT"))?)?,
        })
    }

    fn cp(&self) -> Result<Plan> {
        let (document, image) = (self.image()?, self.new_image()?);
        let is_backup = BackupUrl::is(self.path()?);
        let import = Import {
            // Whatever its first bytes say: those of a raw disk would be the guest's.
            format: is_backup.then_some(SourceFormat::Qcow2),
            checksum: checksum(document)?,
            data_pool: self.datastore.data_pool.get()?,
            staging_dir: self.datastore.staging_dir.clone(),
            keep_packed: is_backup || self.datastore.keep_packed,
            chunked: true,
            made_for: self.made_for(),
            ..Import::new("-".into(), image.clone())
        };
        let mut steps = vec![step(ImageJob::Import(import))];
        // oned counts in whole MB, and a user may have asked for more than the source has. It is never cut.
        if let Some(size) = document.size.filter(|size| size.0 > 0) {
            let resize = ImageJob::Resize(ResizeImage {
                image: image.clone(),
                size: size.bytes(),
                shrink: false,
                taken_over: false,
            });
            steps.push(step(resize).content_with(Kind::Usage));
        }
        Ok(Plan::Host {
            steps,
            data: Some(self.path()?.to_owned()),
            answer: Answer::Line(format!("{image} raw")),
            undo: Some(Box::new(self.undo(image))),
        })
    }

    fn mkfs(&self) -> Result<Plan> {
        let (document, image) = (self.image()?, self.new_image()?);
        let format = document.format.as_deref().unwrap_or("raw");
        if format.eq_ignore_ascii_case("save_as") {
            return Ok(Plan::Answer(image.to_string()));
        }
        let size = document.size.filter(|size| size.0 > 0);
        if !format.eq_ignore_ascii_case("raw") {
            return Err(Error::new(
                Kind::Usage,
                format!("an image of format {format:?} cannot be in a pool of Ceph's"),
            )
            .remedy("images of this datastore are raw: set FORMAT = raw"));
        }
        let create = CreateImage {
            image: image.clone(),
            size: size.ok_or_else(|| missing("IMAGE/SIZE"))?.bytes(),
            filesystem: document.fs.as_deref().map(str::parse).transpose()?,
            data_pool: self.datastore.data_pool.get()?,
            staging_dir: self.datastore.staging_dir.clone(),
            made_for: self.made_for(),
        };
        Ok(Plan::Host {
            steps: vec![step(ImageJob::Create(create))],
            data: None,
            answer: Answer::Line(image.to_string()),
            undo: Some(Box::new(self.undo(image))),
        })
    }

    fn clone(&self) -> Result<Plan> {
        let image = self.new_image()?;
        let parent = SnapSpec {
            image: spec(self.path()?)?,
            snap: None,
        };
        let mut ask = CloneImage::new(parent, image.clone());
        ask.fresh = true;
        ask.data_pool = self.datastore.data_pool.get()?;
        ask.made_for = self.made_for();
        Ok(Plan::Host {
            steps: vec![step(ImageJob::Clone(ask))],
            data: None,
            answer: Answer::Line(format!("{image} raw")),
            undo: Some(Box::new(self.undo(image))),
        })
    }

    fn rm(&self) -> Result<Plan> {
        let image = self.source()?;
        let remove = if self.datastore.trash {
            ImageJob::Discard(OneImage { image })
        } else {
            ImageJob::Remove(RemoveImage::whole(image))
        };
        Ok(Plan::host(vec![step(remove)], Answer::Nothing))
    }

    fn stat(&self) -> Result<Plan> {
        let size = self.image()?.size.filter(|size| size.0 > 0);
        Ok(Plan::Measure(self.path()?.to_owned(), size))
    }

    fn monitor(&self) -> Result<Plan> {
        let usage = ImageJob::Usage(OnePool {
            pool: self.pool()?,
            data_pool: self.datastore.data_pool.get()?,
        });
        let mut steps = vec![step(usage)];
        if self.measure_disks {
            steps.push(disks::ask(self.pool()?, self.datastore.namespace.get()?));
        }
        Ok(Plan::host(steps, Answer::Usage))
    }

    fn export(&self) -> Result<Plan> {
        let image = self.source()?;
        let digest = ImageJob::Digest(OneDigest {
            image: image.clone(),
            algorithm: Algorithm::Md5,
        });
        let answer = Answer::Export {
            image,
            size: self.image()?.size.ok_or_else(|| missing("IMAGE/SIZE"))?,
            access: self.datastore.access.clone(),
        };
        Ok(Plan::host(vec![step(digest)], answer))
    }

    fn snap_delete(&self) -> Result<Plan> {
        Ok(Plan::host(removal(self.snapshot()?, None), Answer::Nothing))
    }

    fn snap_revert(&self) -> Result<Plan> {
        let steps = vec![step(ImageJob::SnapRevert(self.snapshot()?))];
        Ok(Plan::host(steps, Answer::Nothing))
    }

    fn snap_flatten(&self) -> Result<Plan> {
        let OneSnap { image, snap } = self.snapshot()?;
        let listed = self.image()?.snapshots.iter().copied();
        let mut others: Vec<SnapName> = listed.map(names::snapshot).collect::<Result<_, _>>()?;
        others.retain(|name| *name != snap);
        let flatten = ImageJob::SnapFlatten(SnapFlatten {
            image,
            snap,
            others,
        });
        Ok(Plan::host(vec![step(flatten)], Answer::Nothing))
    }
}

/// The same steps, of which an import is told how many bytes of data come.
pub(super) fn expecting(steps: &[StepAsk], data: Option<Bytes>) -> Vec<StepAsk> {
    let mut steps = steps.to_vec();
    for step in &mut steps {
        if let Request::Image(ImageJob::Import(import)) = &mut step.request {
            import.expected = data;
        }
    }
    steps
}

/// The checksum that the user gave, the better one of two.
fn checksum(image: &ImageDocument) -> Result<Option<Checksum>> {
    let given = match (&image.sha1, &image.md5) {
        (Some(sha1), _) => format!("sha1:{}", sha1.trim()),
        (None, Some(md5)) => format!("md5:{}", md5.trim()),
        (None, None) => return Ok(None),
    };
    Ok(Some(given.parse()?))
}

fn step(ask: ImageJob) -> StepAsk {
    StepAsk::new(Request::Image(ask))
}

fn spec(source: &str) -> Result<ImageSpec> {
    source.parse().map_err(|error: ParseError| {
        Error::new(
            Kind::Usage,
            format!("{source:?} is no image of Ceph's: {error}"),
        )
        .remedy("images of this driver are POOL/IMAGE; is this one of another datastore's driver?")
    })
}

fn missing(what: &str) -> Error {
    Error::new(Kind::Usage, format!("oned's document has no {what}"))
}

#[cfg(test)]
mod tests;
