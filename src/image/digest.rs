//! The checksum of an image's content, as one of its raw file would be.

use super::OneDigest;
use super::checksum::Hasher;
use super::reach::Found;
use super::report::ImageReport;
use crate::ceph::{DiffOptions, Extent};
use crate::host::Host;
use crate::model::Bytes;
use crate::{Context, Result};

/// Bytes that are read, or counted as zeroes, at once.
const PIECE: usize = 4 << 20;

/// Reads an image where it has data and hashes it; holes count as the zeroes that they are.
///
/// # Errors
/// [`Kind::NotFound`](crate::Kind::NotFound); [`Kind::Dirty`](crate::Kind::Dirty) while a write-back cache may hold what it
/// lacks.
pub(super) fn digest(host: &Host, ask: &OneDigest) -> Result<ImageReport> {
    let spec = &ask.image;
    let found = Found::by_name(host, spec)?;
    found.must_be_whole(host, "take the checksum of")?;
    let (info, size) = (found.info()?, found.size()?);
    let wanted = DiffOptions {
        whole_object: info.has_fast_diff(),
        ..DiffOptions::default()
    };
    let mut extents: Vec<Extent> = Vec::new();
    let listed = found.image.diff(&wanted, |extent| {
        extents.extend(extent.exists.then_some(extent))
    });
    listed.context(|| format!("cannot ask where {spec} has data"))?;
    let task = host.progress.start_sparse("checksum", size);
    let mut hasher = Hasher::new(ask.algorithm);
    let mut buffer = vec![0; PIECE];
    let mut at = 0;
    let end = Extent {
        offset: size.0,
        len: 0,
        exists: true,
    };
    for extent in extents.into_iter().chain([end]) {
        zeroes(&mut hasher, extent.offset.saturating_sub(at), &mut buffer);
        task.advance(Bytes(extent.offset.saturating_sub(at) + extent.len));
        at = extent.offset;
        while at < extent.offset + extent.len {
            host.cancel.check()?;
            let left = extent.offset + extent.len - at;
            let most = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
            let room = buffer.get_mut(..most).unwrap_or_default();
            let read = found.image.read_at(at, room);
            let count = read.context(|| format!("cannot read {spec} at {at}"))?;
            hasher.update(room.get(..count).unwrap_or_default());
            at += count as u64;
            if count == 0 {
                break;
            }
        }
    }
    task.finish();
    let mut report = ImageReport::new(Some(spec), false);
    report.digest = Some(hasher.finish().to_string());
    Ok(report)
}

fn zeroes(hasher: &mut Hasher, mut len: u64, buffer: &mut [u8]) {
    buffer.fill(0);
    while len > 0 {
        let most = usize::try_from(len).map_or(buffer.len(), |len| len.min(buffer.len()));
        hasher.update(buffer.get(..most).unwrap_or_default());
        len -= most as u64;
    }
}
