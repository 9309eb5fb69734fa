//! Everything about one device.

use super::{Device, DmError, Dmsetup, Slot};
use crate::model::DmName;

impl Dmsetup<'_> {
    /// What [`Dmsetup::list`] says, of one device only; `None` when it is not there.
    pub fn device(&self, name: &DmName) -> Result<Option<Device>, DmError> {
        let (Some((info, table)), Some(status)) =
            (self.look(name, Slot::Live)?, self.status(name)?)
        else {
            return Ok(None);
        };
        Ok(Some(Device {
            info,
            table,
            status,
        }))
    }
}
