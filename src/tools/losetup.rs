//! losetup(8): a file as a block device.

use std::path::{Path, PathBuf};

use crate::exec::{Cmd, Exec, ExecError};

/// Makes the next free loop device of a file; it is gone by itself when nobody has it open after [`detach`].
pub fn attach(exec: &Exec, file: &Path) -> Result<PathBuf, ExecError> {
    let output = exec.run(&Cmd::change("losetup").args(["--find", "--show"]).arg(file))?;
    let path = PathBuf::from(output.text()?.trim());
    if path.is_absolute() {
        return Ok(path);
    }
    Err(output.bad("it names no device"))
}

/// Takes a loop device away.
pub fn detach(exec: &Exec, device: &Path) -> Result<(), ExecError> {
    exec.run(&Cmd::change("losetup").arg("--detach").arg(device))
        .map(drop)
}
