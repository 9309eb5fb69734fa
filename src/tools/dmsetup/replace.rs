//! Exchanging the table of a device that is in use.

use std::time::Duration;

use super::{Access, DmError, Dmsetup, Table, resume};
use crate::model::DmName;

impl Dmsetup<'_> {
    /// Exchanges a device's table: I/O under way is finished, new I/O waits meanwhile, then it goes to the new table.
    ///
    /// Resuming a device that has another table loaded suspends it first, exchanges the tables and lets I/O go on, all in
    /// one call of the kernel (`do_resume` in dm-ioctl.c): the guest waits for its own I/O and for nothing else. Also
    /// resumes a device that an interrupted call left suspended. If the device below hangs, so that its I/O does not end
    /// before the deadline, the old table stays in force.
    ///
    /// From then on it takes writes or refuses them as `access` says.
    pub fn replace(
        &self,
        name: &DmName,
        table: &Table,
        access: Access,
        deadline: Duration,
    ) -> Result<(), DmError> {
        self.load(name, table, access)?;
        let taken = self.act(name, resume(name).arg("--nolockfs").deadline(deadline));
        if taken.is_err() {
            // The table that was not taken must not be taken later by somebody who resumes the device.
            if let Err(failed) = self.clear(name) {
                tracing::warn!("{name} keeps the table that was not taken: {failed}");
            }
        }
        taken
    }
}
