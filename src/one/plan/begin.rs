//! Disks begin: the clone of an image, or the image itself.

use super::end::{unless_attached, unless_linked};
use super::freed::Freeing;
use super::{Known, Plan, as_disk, attach, clone_of, image, make_dir, once};
use crate::Result;
use crate::image::{CloneImage, ImageJob};
use crate::model::SnapSpec;
use crate::one::call::{DiskPlace, Node, Place, Source};

/// A clone of the image, as large as the disk is to be, cached, behind its link. What an earlier life of the VM left under the
/// name is replaced: a VM that is recreated while it is nowhere gets no `delete` (contract, 5.4).
pub(super) fn clone(
    known: &Known<'_>,
    source: &Source,
    host: &Node,
    place: &Place,
) -> Result<Plan> {
    let place = as_disk(place)?;
    let disk = known.vm.disk(place.disk)?;
    let child = clone_of(source.as_str(), known.vm, disk)?;
    let parent = SnapSpec {
        image: image(source.as_str())?,
        snap: None,
    };
    let mut ask = CloneImage::new(parent, child.clone());
    // A clone is never smaller than its parent, and oned says so only if it is larger.
    ask.size = disk
        .size
        .filter(|size| disk.original_size.is_some_and(|was| *size > was))
        .map(|size| size.bytes());
    ask.data_pool = known.datastore.get()?.data_pool.get()?;
    let steps = vec![
        make_dir(&place.dir),
        once(
            &child,
            known.purpose(place),
            known.earlier_hosts(host)?,
            ImageJob::Clone(ask),
        )
        .by(known.access(place)?),
        attach(known, disk, &child, place)?,
    ];
    let left = Freeing::elsewhere(known, &[host], [(&child, place)])?.or_at(host);
    let plan = Plan::nothing().on(host, steps).freed(host, &left);
    unless_attached(plan, known, host, (&child, place))
}

/// The image itself, cached, behind its link.
pub(super) fn ln(
    known: &Known<'_>,
    source: &Source,
    host: &Node,
    place: &DiskPlace,
) -> Result<Plan> {
    let (disk, image) = (known.vm.disk(place.disk)?, image(source.as_str())?);
    let steps = vec![make_dir(&place.dir), attach(known, disk, &image, place)?];
    let left = Freeing::elsewhere(known, &[host], [(&image, place)])?;
    let plan = Plan::nothing().on(host, steps).freed(host, &left);
    unless_linked(plan, known, host, (&image, place))
}
