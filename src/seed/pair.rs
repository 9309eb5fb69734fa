//! The same stretch of the slice and of the image, side by side.

use super::device::{self, Devices};
use super::run::Run;
use crate::error::Result;
use crate::model::Bytes;
use crate::sys::direct::AlignedBuf;

/// All buffers of a comparison together stay below this, however large the blocks.
const MEMORY: u64 = 256 << 20;

/// How many threads may have room for runs of up to `room`; one in any case.
pub(super) fn depth_for(room: Bytes) -> usize {
    usize::try_from(MEMORY / (2 * room.0)).map_or(1, |depth| depth.max(1))
}

/// Room for a stretch of both.
#[derive(Debug)]
pub(super) struct Pair {
    ours: AlignedBuf,
    theirs: AlignedBuf,
}

impl Pair {
    /// For runs of up to `room`.
    pub(super) fn new(room: Bytes) -> Self {
        Self {
            ours: AlignedBuf::of(room),
            theirs: AlignedBuf::of(room),
        }
    }

    /// Reads a run from both: what the slice holds, and what the image holds.
    pub(super) fn read(&mut self, devices: &Devices<'_>, run: Run) -> Result<(&[u8], &[u8])> {
        let (ours, theirs) = (self.ours.head(run.len), self.theirs.head(run.len));
        device::read(devices.image, run.origin, theirs)?;
        device::read(devices.slice, run.data, ours)?;
        Ok((ours, theirs))
    }
}
