//! The same stretch of the slice and of the image, side by side.

use super::device::{self, Devices};
use super::run::Run;
use crate::error::Result;
use crate::model::Bytes;
use crate::sys::direct::AlignedBuf;

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
