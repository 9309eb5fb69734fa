//! An image as it was at a snapshot, or what changed since an older one, as a qcow2 file: what backups are made of.

mod qcow2;

use std::fs::File;

use qcow2::{CLUSTER, Qcow2Writer};

use super::reach::{self, Found};
use super::rolled_back;
use crate::ceph::{BulkOptions, DiffOptions, Image, Pool, Range};
use crate::host::Host;
use crate::model::{Bytes, ImageSpec, SnapName};
use crate::{Context, Error, Kind, Result};

/// Writes what an image held at `snap` into an empty file; with `since`, only what differs from that older snapshot, to be
/// laid over it. How many bytes were read.
///
/// # Errors
/// [`Kind::NotFound`] for an image or snapshot that is not there; [`Kind::Mismatch`] if the image was rolled back after
/// `since`; [`Kind::NoSpace`] if the file's disk is full.
pub fn save(
    host: &Host,
    image: &ImageSpec,
    snap: &SnapName,
    since: Option<&SnapName>,
    file: &File,
) -> Result<Bytes> {
    let what = format!("{image}@{snap}");
    let pool = reach::pool(&host.connect()?, image)?;
    if let Some(since) = since {
        refuse_rolled_back(pool.clone(), image, since)?;
    }
    let open = pool.open_read_only(&image.image, Some(snap));
    let open = open.context(|| format!("cannot open {what}"))?;
    let size = open
        .size()
        .context(|| format!("cannot read the size of {what}"))?;
    let ranges = changed(&open, &what, size, since)?;
    let total = ranges.iter().map(|range| range.len).sum();
    let task = host.progress.start("save", Bytes(total));
    let mut writer = Qcow2Writer::new(file, size.0, since.is_some());
    open.read_ranges(ranges, BulkOptions::default(), |offset, data| {
        host.cancel.check()?;
        task.advance(Bytes(data.len() as u64));
        writer.put(offset, data).map_err(unwritable)
    })
    .context(|| format!("cannot save {what}"))?;
    writer.finish().map_err(unwritable)?;
    task.finish();
    Ok(Bytes(total))
}

/// How many bytes [`save`] would read if the image were as it is now, and write at most, but for the tables of the file.
///
/// # Errors
/// As of [`save`].
pub fn weigh(host: &Host, image: &ImageSpec, since: Option<&SnapName>) -> Result<Bytes> {
    let pool = reach::pool(&host.connect()?, image)?;
    if let Some(since) = since {
        refuse_rolled_back(pool.clone(), image, since)?;
    }
    let found = Found::in_pool(pool, image)?;
    let size = found.image.size();
    let size = size.context(|| format!("cannot read the size of {image}"))?;
    let ranges = changed(&found.image, &image.to_string(), size, since)?;
    Ok(Bytes(ranges.iter().map(|range| range.len).sum()))
}

/// Where an image has data, or other data than at an older snapshot.
fn changed(open: &Image, what: &str, size: Bytes, since: Option<&SnapName>) -> Result<Vec<Range>> {
    let wanted = DiffOptions {
        from: since,
        include_parent: since.is_none(),
        ..DiffOptions::default()
    };
    let mut changed = Vec::new();
    let listed = open.diff(&wanted, |extent| changed.push((extent.offset, extent.len)));
    listed.context(|| match since {
        Some(since) => format!("cannot ask what of {what} changed since {since}"),
        None => format!("cannot ask where {what} has data"),
    })?;
    Ok(whole_clusters(&changed, size))
}

/// What changed since a snapshot can be told only of an image that was not rolled back meanwhile.
fn refuse_rolled_back(pool: Pool, image: &ImageSpec, since: &SnapName) -> Result<()> {
    let found = Found::in_pool(pool, image)?;
    let snapshots = found.snapshots()?;
    let base = snapshots.iter().find(|snap| snap.name == *since);
    let base = base.ok_or_else(|| {
        Error::new(
            Kind::NotFound,
            format!("image {image} has no snapshot {since}, which this increment is to begin with"),
        )
        .remedy(RESET)
    })?;
    match rolled_back::since(&found, base)? {
        false => Ok(()),
        true => Err(Error::new(
            Kind::Mismatch,
            format!("{image} was rolled back after {since}, and Ceph does not tell all of what changed since"),
        )
        .remedy(RESET)),
    }
}

/// How a chain of increments begins anew.
const RESET: &str = "begin with a full backup: `onevm backup --reset`";

/// Extents in rising order, widened to whole clusters and joined where they meet.
fn whole_clusters(extents: &[(u64, u64)], size: Bytes) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for (offset, len) in extents {
        let start = offset / CLUSTER * CLUSTER;
        let end = (offset + len).next_multiple_of(CLUSTER).min(size.0);
        match ranges.last_mut() {
            Some(last) if last.offset + last.len >= start => {
                last.len = last.len.max(end.saturating_sub(last.offset));
            }
            _ => ranges.push(Range {
                offset: start,
                len: end.saturating_sub(start),
            }),
        }
    }
    ranges
}

fn unwritable(error: std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Kind::NoSpace,
        _ => Kind::Failed,
    };
    Error::new(kind, "cannot write the file of a backup").because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_become_clusters() {
        let ranges = whole_clusters(
            &[(512, 512), (CLUSTER - 1, 2), (9 * CLUSTER, 5)],
            Bytes(9 * CLUSTER + 100),
        );
        let ranges: Vec<(u64, u64)> = ranges
            .iter()
            .map(|range| (range.offset, range.len))
            .collect();
        assert_eq!(ranges, [(0, 2 * CLUSTER), (9 * CLUSTER, 100)]);
    }
}
