//! blkdiscard(8).

use std::path::Path;
use std::time::Duration;

use crate::exec::{Cmd, Exec, ExecError};

/// A large slice on a slow SSD takes its time.
const DEADLINE: Duration = Duration::from_secs(300);

/// What came of a discard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discard {
    /// The device was told.
    Done,
    /// The device cannot discard; nothing was changed.
    Unsupported,
}

/// Tells a device that nothing of what it holds is needed. What is read there afterwards is anything.
pub fn discard(exec: &Exec, device: &Path) -> Result<Discard, ExecError> {
    match exec.run(&discard_cmd(device)) {
        Ok(_) => Ok(Discard::Done),
        Err(error) if error.says("Operation not supported") => Ok(Discard::Unsupported),
        Err(error) => Err(error),
    }
}

fn discard_cmd(device: &Path) -> Cmd {
    Cmd::change("blkdiscard").arg(device).deadline(DEADLINE)
}
