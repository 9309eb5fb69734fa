//! The errors that a cache has counted: since its device was made, however long ago that is.
//!
//! A block that could not be written back stays dirty and is tried again, so one without a dirty block has no errors to answer for but
//! those of its last draining. What it had counted before that is noted when it is drained, in the directory that a reboot empties,
//! as the module's counters are.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::sysctl::Sysctl;
use crate::Result;
use crate::host::Host;
use crate::model::DiskKey;
use crate::sys::atomic;

/// How many there were, of what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Errors {
    pub(super) ssd: u64,
    pub(super) disk: u64,
}

impl Errors {
    /// Those that there are by now.
    fn counted(host: &Host, key: &DiskKey) -> Result<Self> {
        let (ssd, disk) = Sysctl::of(host, key).errors()?;
        Ok(Self { ssd, disk })
    }
}

/// Notes those that there are, before anything is written back.
pub(super) fn note(host: &Host, key: &DiskKey) -> Result<()> {
    atomic::write_json(&file(host, key), &Errors::counted(host, key)?)
}

/// Forgets what was noted: the counters of a device that is made begin at 0.
pub(super) fn forget(host: &Host, key: &DiskKey) -> Result<()> {
    atomic::remove(&file(host, key)).map(drop)
}

/// Those that came since it was drained last; all of them, if it never was.
///
/// Errors: they cannot be read.
pub(super) fn since_drained(host: &Host, key: &DiskKey) -> Result<Errors> {
    let noted: Option<Errors> = atomic::read_json(&file(host, key))?;
    let (now, then) = (Errors::counted(host, key)?, noted.unwrap_or_default());
    // Fewer than there were: they were counted anew, and nobody knows what was before.
    let since = |now: u64, then: u64| now.checked_sub(then).unwrap_or(now.max(1));
    Ok(Errors {
        ssd: since(now.ssd, then.ssd),
        disk: since(now.disk, then.disk),
    })
}

fn file(host: &Host, key: &DiskKey) -> PathBuf {
    host.roots.run.join(format!("wb-{key}-errors"))
}
