//! Images as such: what is done to them in Ceph, with no cache and no device.
//!
//! [`run`] does one [`ImageJob`] on one connection and says what happened in an [`ImageReport`].

mod checksum;
mod clone;
mod feature;
mod format;
mod job;
mod reach;
mod report;

pub use checksum::{Algorithm, Checksum};
pub use feature::Feature;
pub use format::{Packing, SourceFormat};
pub use job::{
    CloneImage, ImageJob, Import, ListImages, OneImage, OneSnap, RemoveImage, RenameImage,
    ResizeImage,
};
pub use report::{ImageFacts, ImageReport, ImageRow, ImageStep, ImportProof, Metadatum, MoreFacts};

use crate::host::Host;
use crate::{Error, Kind, Result};

/// Does a job on images; with `dry_run` it only says what would be done.
///
/// # Errors
/// Of every [`Kind`] that a job on an image can meet; see the verbs' own modules.
pub fn run(host: &Host, job: &ImageJob, dry_run: bool) -> Result<ImageReport> {
    let _ = (host, job, dry_run);
    Err(Error::new(
        Kind::Internal,
        "jobs on images are not there yet",
    ))
}
