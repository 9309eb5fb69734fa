//! Where an image has data, or what changed since a snapshot.

use std::ops::ControlFlow;

use super::error::{CephError, On};
use super::image::Image;
use super::snap::Snap;
use crate::model::SnapName;

/// A part of an image, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub len: u64,
    /// Whether there are data; otherwise there were some, and it reads as zeroes now.
    pub exists: bool,
}

/// What to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffOptions<'a> {
    /// What changed since this snapshot; `None` is all that there is.
    pub from: Option<&'a SnapName>,
    /// Offset and length in bytes; a length beyond the end means up to the end.
    pub range: (u64, u64),
    /// With what a clone has from its parent (only without `from`).
    pub include_parent: bool,
    /// Whole objects instead of exact extents: quick with the object map, and then no object is read.
    pub whole_object: bool,
}

impl Default for DiffOptions<'_> {
    /// All that there is in the whole image, with what it has from its parent, by whole objects.
    fn default() -> Self {
        Self {
            from: None,
            range: (0, u64::MAX),
            include_parent: true,
            whole_object: true,
        }
    }
}

impl Image {
    /// Tells the extents in rising order; they neither overlap nor go beyond the range. What is not told reads as zeroes,
    /// or with [`DiffOptions::from`] as in that snapshot. A handle opened at a snapshot tells of that.
    /// Implements `rbd_diff_iterate2`.
    pub fn diff(
        &self,
        wanted: &DiffOptions<'_>,
        mut found: impl FnMut(Extent) + Send,
    ) -> Result<(), CephError> {
        let size = self.size()?.0;
        let (start, len) = wanted.range;
        let end = start.saturating_add(len).min(size);
        if start >= end {
            return Ok(());
        }
        let from = wanted.from.map(SnapName::as_str);
        let how = (wanted.include_parent, wanted.whole_object);
        let mut told = |offset, len, exists| {
            found(Extent {
                offset,
                len,
                exists,
            });
            ControlFlow::Continue(())
        };
        let listed = self
            .handle()
            .diff(from, (start, end - start), how, &mut told);
        listed.on(self)
    }

    /// Whether it may differ from what it was at a snapshot, its size included. By whole objects, and up to the first that was
    /// written: with the object map two reads, without it one of every object. Implements `rbd_diff_iterate2`.
    pub fn differs_from(&self, snap: &Snap) -> Result<bool, CephError> {
        let size = self.size()?;
        if size != snap.size {
            return Ok(true);
        }
        let mut differs = false;
        let mut told = |_, _, _| {
            differs = true;
            ControlFlow::Break(())
        };
        let from = Some(snap.name.as_str());
        let listed = self
            .handle()
            .diff(from, (0, size.0), (false, true), &mut told);
        match listed {
            // Ended by us.
            Err(_) if differs => Ok(true),
            listed => listed.on(self).map(|()| differs),
        }
    }
}
