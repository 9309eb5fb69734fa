//! Everything about one device.

use super::{Device, DmError, Dmsetup};
use crate::model::DmName;

impl Dmsetup<'_> {
    /// What [`Dmsetup::list`] says, of one device only; `None` when it is not there.
    pub fn device(&self, name: &DmName) -> Result<Option<Device>, DmError> {
        let Some(info) = self.info(name)? else {
            return Ok(None);
        };
        let (Some(table), Some(status)) = (self.table(name)?, self.status(name)?) else {
            return Ok(None);
        };
        Ok(Some(Device {
            info,
            table,
            status,
        }))
    }
}
