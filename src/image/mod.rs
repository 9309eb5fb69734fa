//! Images as such: what is done to them in Ceph, with no cache and no device.
//!
//! [`run`] does one [`ImageJob`] on one connection and says what happened in an [`ImageReport`].

mod allocated;
mod backups;
mod change;
mod checksum;
pub mod chunks;
mod clone;
mod create;
mod digest;
mod feature;
mod format;
mod import;
mod info;
mod job;
mod list;
mod made_for;
mod merge;
mod once;
mod pending;
mod reach;
mod remove;
mod replace;
mod report;
mod retake;
mod revert;
mod rolled_back;
mod save;
mod snap;
mod untake;
mod usage;

pub use allocated::Allocated;
pub use checksum::{Algorithm, Checksum};
pub use feature::Feature;
pub use format::{Packing, SourceFormat};
pub use import::{from_reader as import_reader, measure, too_late};
pub use job::{
    CloneImage, CreateImage, ForgetBackups, ImageJob, Import, ListAllocated, ListImages, Once,
    OneDigest, OneImage, OnePool, OneSnap, RemoveImage, RenameImage, ReplaceImage, ReplaceStep,
    ResizeImage, SnapFlatten,
};
pub use report::{ImageFacts, ImageReport, ImageRow, ImageStep, ImportProof, Metadatum, MoreFacts};

pub use save::{save, weigh};
pub use usage::Usage;

use crate::Result;
use crate::host::Host;

/// Does a job on images; with `dry_run` it only says what would be done.
///
/// # Errors
/// Of every [`Kind`](crate::Kind) that a job on an image can meet; see the verbs' own modules.
pub fn run(host: &Host, job: &ImageJob, dry_run: bool) -> Result<ImageReport> {
    match job {
        ImageJob::Import(ask) => import::import(host, ask, dry_run),
        ImageJob::Create(ask) => create::create(host, ask, dry_run),
        ImageJob::Clone(ask) => clone::clone(host, ask, dry_run),
        ImageJob::Once(ask) => once::once(host, ask, dry_run),
        ImageJob::List(ask) => list::list(host, ask),
        ImageJob::Allocated(ask) => allocated::allocated(host, ask),
        ImageJob::Info(ask) => info::info(host, ask),
        ImageJob::Remove(ask) => remove::remove(host, ask, dry_run),
        ImageJob::Replace(ask) => replace::replace(host, ask, dry_run),
        ImageJob::PutRight(ask) => replace::put_right(host, ask, dry_run),
        ImageJob::Discard(ask) => remove::discard(host, ask, dry_run),
        ImageJob::Resize(ask) => change::resize(host, ask, dry_run),
        ImageJob::Flatten(ask) => change::flatten(host, ask, dry_run),
        ImageJob::Rename(ask) => change::rename(host, ask, dry_run),
        ImageJob::SnapCreate(ask) => snap::create(host, ask, dry_run),
        ImageJob::SnapRetake(ask) => retake::retake(host, ask, dry_run),
        ImageJob::SnapRemove(ask) => snap::remove(host, ask, dry_run),
        ImageJob::ForgetBackups(ask) => backups::forget(host, ask, dry_run),
        ImageJob::SnapProtect(ask) => snap::protect(host, ask, dry_run),
        ImageJob::SnapUnprotect(ask) => snap::unprotect(host, ask, dry_run),
        ImageJob::SnapRevert(ask) => revert::revert(host, ask, dry_run),
        ImageJob::SnapFlatten(ask) => merge::flatten(host, ask, dry_run),
        ImageJob::Digest(ask) => digest::digest(host, ask),
        ImageJob::Usage(ask) => usage::usage(host, ask),
        ImageJob::SnapList(ask) => info::snapshots(host, ask),
    }
}
