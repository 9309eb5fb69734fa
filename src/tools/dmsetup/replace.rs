//! Exchanging the table of a device that is in use.

use std::time::Duration;

use super::{DmError, Dmsetup, Flush, Table};
use crate::model::DmName;

impl Dmsetup<'_> {
    /// Exchanges a device's table: I/O under way is finished, new I/O waits meanwhile, then it goes to the new table.
    ///
    /// Also resumes a device that an interrupted call left suspended. If the device below hangs, so that its I/O does not
    /// end before the deadline, the old table stays in force.
    pub fn replace(&self, name: &DmName, table: &Table, deadline: Duration) -> Result<(), DmError> {
        self.replace_and(name, table, deadline, || Ok(()))
    }

    /// As [`Dmsetup::replace`]; calls `between` while I/O is held back and the old table is still in force: for counters
    /// that the exchange resets. If it fails, the exchange is made all the same: nothing is worse than held-back I/O.
    pub fn replace_and<T>(
        &self,
        name: &DmName,
        table: &Table,
        deadline: Duration,
        between: impl FnOnce() -> Result<T, DmError>,
    ) -> Result<T, DmError> {
        self.load(name, table)?;
        if let Err(error) = self.suspend(name, Flush::Yes, deadline) {
            // Without the new table first: resuming with it would exchange the tables after all.
            self.clear(name)?;
            self.resume(name)?;
            return Err(error);
        }
        let seen = between();
        self.resume(name)?;
        seen
    }
}
