//! A disk is saved as an image.

use super::{Known, Plan, if_there, image, once, removal, step};
use crate::image::{CloneImage, ImageJob, OneImage, OneSnap};
use crate::job::{Quiet, Request, Rest};
use crate::model::{CopySnap, SnapSpec};
use crate::one::call::{DiskPlace, Node, Source};
use crate::one::{SnapshotId, names};
use crate::{Kind, Result};

/// A clone of a snapshot, parted from it at once: the disk goes with its VM, and the image stays. Of the present a snapshot is
/// taken while the image is complete, which goes when the copy stands. An image that has the copy's name and is no copy of this disk's is
/// somebody's: oned may have forgotten it, or not yet heard of it.
pub(super) fn cpds(
    known: &Known<'_>,
    host: &Node,
    place: &DiskPlace,
    to: &Source,
    snapshot: Option<SnapshotId>,
) -> Result<Plan> {
    let (_, of) = known.disk(place)?;
    let copy = image(to.as_str())?;
    let ours = || CopySnap::Save.of(&copy.image);
    let name = snapshot.map_or_else(ours, names::snapshot)?;
    let snap = OneSnap {
        image: of.clone(),
        snap: name.clone(),
    };
    let parent = SnapSpec {
        image: of.clone(),
        snap: Some(name),
    };
    let purpose = known.copy(place, &parent);
    let mut clone = CloneImage::new(parent, copy.clone());
    clone.data_pool = known.datastore.get()?.data_pool.get()?;
    let made = once(&copy, purpose, Vec::new(), ImageJob::Clone(clone));
    let flatten = step(Request::Image(ImageJob::Flatten(OneImage { image: copy })));
    let access = known.access(place)?;
    let [made, flatten] = [made, flatten].map(|step| step.by(access));
    let hosts = known.acting(host)?;
    if snapshot.is_some() {
        let free = if_there(Request::Image(ImageJob::SnapUnprotect(snap))).by(access);
        return Ok(Plan::nothing().on_any(&hosts, &[made, flatten, free]));
    }
    // One that has a clone is that of an attempt which got as far, and is gone on with.
    let take = step(Request::Image(ImageJob::SnapRetake(snap.clone()))).content_with(Kind::Exists);
    let quiet = step(Request::Quiet(Quiet {
        image: of,
        domain: None,
        rest: Rest::Freeze,
        steps: vec![take],
    }))
    .by(access);
    let forget = removal(snap, access);
    let steps = [vec![quiet, made, flatten], forget.clone()].concat();
    let undo = Plan::nothing().on_any(&hosts, &forget);
    Ok(Plan::nothing().on_any(&hosts, &steps).or_else(undo))
}
