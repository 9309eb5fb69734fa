//! Everything about one device.

use super::table::{Segment, Target};
use super::{Device, DmError, Dmsetup, Slot, Status};
use crate::model::DmName;

impl Dmsetup<'_> {
    /// What [`Dmsetup::list`] says, of one device only; `None` when it is not there. A process is spent only on a target
    /// that has figures to tell.
    pub fn device(&self, name: &DmName) -> Result<Option<Device>, DmError> {
        let Some((info, table)) = self.look(name, Slot::Live)? else {
            return Ok(None);
        };
        let known: Option<Vec<Status>> = table.segments.iter().map(without_asking).collect();
        let status = match known {
            Some(known) => Some(known),
            None => self.status(name)?,
        };
        Ok(status.map(|status| Device {
            info,
            table,
            status,
        }))
    }
}

/// The status of a target that never has any figures (dm-linear.c: `linear_status`).
fn without_asking(segment: &Segment) -> Option<Status> {
    matches!(segment.target, Target::Linear { .. }).then(|| Status::Other {
        target: "linear".into(),
        text: String::new(),
    })
}
