//! blkdiscard(8) and blockdev(8).

use std::path::Path;
use std::time::Duration;

use crate::exec::{Cmd, Exec, ExecError};
use crate::model::Bytes;

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
    discarded(exec, &discard_cmd(device))
}

/// The same for a part of a device, within a deadline. The end may lie behind that of the device.
pub fn discard_part(
    exec: &Exec,
    device: &Path,
    from: Bytes,
    len: Bytes,
    deadline: Duration,
) -> Result<Discard, ExecError> {
    let part = discard_cmd(device)
        .arg(format!("--offset={}", from.0))
        .arg(format!("--length={}", len.0));
    discarded(exec, &part.deadline(deadline))
}

fn discarded(exec: &Exec, cmd: &Cmd) -> Result<Discard, ExecError> {
    match exec.run(cmd) {
        Ok(_) => Ok(Discard::Done),
        Err(error) if error.says("Operation not supported") => Ok(Discard::Unsupported),
        Err(error) => Err(error),
    }
}

/// Writes back and drops what the kernel keeps of a device in memory; what others have open stays open.
pub fn drop_pages(exec: &Exec, device: &Path) -> Result<(), ExecError> {
    let cmd = Cmd::query("blockdev").arg("--flushbufs").arg(device);
    exec.run(&cmd).map(drop)
}

fn discard_cmd(device: &Path) -> Cmd {
    Cmd::change("blkdiscard").arg(device).deadline(DEADLINE)
}
