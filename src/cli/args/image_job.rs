//! The job that each command on images asks for.

use super::Changing;
use super::image::{CloneArgs, ImageCommand, ImportArgs, LsArgs, SnapArgs, SnapCommand};
use crate::image::{
    CloneImage, ImageJob, Import, ListImages, OneImage, OneSnap, RemoveImage, RenameImage,
    ResizeImage,
};
use crate::job::{Job, Request};
use crate::model::ImageSpec;

impl ImageCommand {
    /// The job that the command asks for.
    pub fn job(&self) -> Job {
        let (changing, job) = self.parts();
        changing.job(Request::Image(job))
    }

    fn parts(&self) -> (Changing, ImageJob) {
        match self {
            Self::Import(args) => (args.changing, ImageJob::Import(args.job())),
            Self::Clone(args) => (args.changing, ImageJob::Clone(args.job())),
            Self::Ls(args) => (Changing::default(), ImageJob::List(args.job())),
            Self::Info(args) => (Changing::default(), ImageJob::Info(one(&args.image))),
            Self::Rm(args) => {
                let remove = RemoveImage {
                    snapshots: args.snapshots,
                    missing_ok: args.missing_ok,
                    ..RemoveImage::whole(args.image.clone())
                };
                (args.changing, ImageJob::Remove(remove))
            }
            Self::Resize(args) => {
                let (image, size) = (args.image.clone(), args.size);
                (
                    args.changing,
                    ImageJob::Resize(ResizeImage {
                        image,
                        size,
                        shrink: args.allow_shrink,
                        taken_over: false,
                    }),
                )
            }
            Self::Flatten(args) => (args.changing, ImageJob::Flatten(one(&args.image))),
            Self::Rename(args) => {
                let (image, to) = (args.from.clone(), args.to.clone());
                (args.changing, ImageJob::Rename(RenameImage { image, to }))
            }
            Self::Snap { command } => command.parts(),
        }
    }
}

impl SnapCommand {
    fn parts(&self) -> (Changing, ImageJob) {
        match self {
            Self::Ls(args) => (Changing::default(), ImageJob::SnapList(one(&args.image))),
            Self::Create(args) => (args.changing, ImageJob::SnapCreate(args.job())),
            Self::Rm(args) => (args.changing, ImageJob::SnapRemove(args.job())),
            Self::Protect(args) => (args.changing, ImageJob::SnapProtect(args.job())),
            Self::Unprotect(args) => (args.changing, ImageJob::SnapUnprotect(args.job())),
            Self::Rollback(args) => (args.changing, ImageJob::SnapRevert(args.job())),
        }
    }
}

impl ImportArgs {
    fn job(&self) -> Import {
        Import {
            format: self.format,
            size: self.size,
            checksum: self.checksum.clone(),
            rate: self.rate,
            data_pool: self.data_pool.clone(),
            object_size: self.object_size,
            features: (!self.features.is_empty()).then(|| self.features.clone()),
            staging_dir: self.staging_dir.clone(),
            ..Import::new(self.source.clone(), self.image.clone())
        }
    }
}

impl CloneArgs {
    fn job(&self) -> CloneImage {
        CloneImage {
            size: self.size,
            data_pool: self.data_pool.clone(),
            ..CloneImage::new(self.parent.clone(), self.child.clone())
        }
    }
}

impl LsArgs {
    fn job(&self) -> ListImages {
        ListImages {
            pool: self.pool.pool.clone(),
            namespace: self.pool.namespace.clone(),
            all_namespaces: self.all_namespaces,
            allocated: self.allocated,
        }
    }
}

impl SnapArgs {
    fn job(&self) -> OneSnap {
        OneSnap {
            image: self.snap.image.clone(),
            snap: self.snap.snap.clone(),
        }
    }
}

fn one(image: &ImageSpec) -> OneImage {
    OneImage {
        image: image.clone(),
    }
}
