//! Everything that is known of an image.

use super::OneImage;
use super::reach::{Found, facts};
use super::report::{ImageFacts, ImageReport, Metadatum, MoreFacts};
use crate::ceph::{CephError, DiffOptions, Image, ImageInfo};
use crate::host::Host;
use crate::model::{Bytes, Lease};
use crate::{Context, Result};

/// Says all of an image.
///
/// # Errors
/// [`Kind::NotFound`](crate::Kind::NotFound).
pub(super) fn info(host: &Host, ask: &OneImage) -> Result<ImageReport> {
    let found = Found::by_name(host, &ask.image)?;
    let info = found.info()?;
    let more = more(&found, &info)?;
    let mut report = ImageReport::new(Some(&ask.image), false);
    report.facts = Some(Box::new(ImageFacts {
        more: Some(more),
        ..*facts(info)
    }));
    Ok(report)
}

/// Lists an image's snapshots.
///
/// # Errors
/// [`Kind::NotFound`](crate::Kind::NotFound).
pub(super) fn snapshots(host: &Host, ask: &OneImage) -> Result<ImageReport> {
    let found = Found::by_name(host, &ask.image)?;
    let snapshots = found.snapshots()?;
    let mut report = ImageReport::new(Some(&ask.image), false);
    report.snapshots = Some(snapshots);
    Ok(report)
}

fn more(found: &Found<'_>, info: &ImageInfo) -> Result<MoreFacts> {
    let spec = found.spec;
    let image = &found.image;
    let metadata = image
        .metadata_list()
        .context(|| format!("cannot list the metadata of {spec}"))?;
    let metadata = metadata.into_iter().filter(|(key, _)| key != Lease::KEY);
    Ok(MoreFacts {
        allocated: allocated(image, info)
            .context(|| format!("cannot ask where {spec} has data"))?,
        snapshots: found.snapshots()?,
        children: found.children()?,
        watchers: found.watchers()?,
        locks: image
            .lockers()
            .context(|| format!("cannot list the locks of {spec}"))?
            .lockers,
        lease: found.lease()?,
        metadata: metadata
            .map(|(key, value)| Metadatum { key, value })
            .collect(),
    })
}

/// The bytes of an image's own objects. With fast-diff that is what the object map says, and no object is asked.
pub(super) fn allocated(image: &Image, info: &ImageInfo) -> Result<Bytes, CephError> {
    let own = DiffOptions {
        include_parent: false,
        whole_object: info.has_fast_diff(),
        ..DiffOptions::default()
    };
    let mut bytes = 0;
    image.diff(&own, |extent| {
        bytes += if extent.exists { extent.len } else { 0 }
    })?;
    Ok(Bytes(bytes))
}
