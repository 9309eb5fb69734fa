//! blkdiscard(8), blockdev(8), and the first bytes of a device by dd(1): in a process of its own, which can be left behind when an
//! SSD does not answer.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use crate::exec::{Cmd, Exec, ExecError};
use crate::model::Bytes;
use crate::sys::direct::{ALIGN, open_exclusive};
use crate::{Context, Error, Result};

/// A large slice on a slow SSD takes its time.
const DEADLINE: Duration = Duration::from_secs(300);

/// So much is written at once. dd writes a last block that is shorter through the page cache.
const BLOCK: Bytes = Bytes::mib(1);

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

/// Overwrites the first bytes of a device with zeroes, past the page cache, and waits until they are on it: what it held is not
/// recognised again. The count is rounded up to whole pages of [`ALIGN`].
///
/// Errors: [`Kind::NotFound`](crate::Kind::NotFound), and [`Kind::Busy`](crate::Kind::Busy) while it is mounted or another device
/// is built on it.
pub fn zero_head(exec: &Exec, device: &Path, count: Bytes) -> Result<()> {
    // nobody else may take the device for as long as somebody has this one open, and that is dd, whatever becomes of us
    let claim = open_exclusive(device)?;
    let whole = count.round_up(Bytes(ALIGN as u64));
    let cmd = Cmd::change("dd")
        .arg("if=/dev/zero")
        .arg(operand("of=", device))
        .args(["iflag=count_bytes", "oflag=direct"])
        .arg(format!("bs={}", whole.0.min(BLOCK.0)))
        .arg(format!("count={}", whole.0))
        .args(["conv=nocreat,notrunc,fsync", "status=none"])
        .stdin_file(claim);
    let zeroed = exec.run(&cmd).map(drop);
    zeroed.context(|| format!("cannot wipe {}", device.display()))
}

/// The first bytes of a device, past the page cache; `count` is a multiple of [`ALIGN`].
///
/// Errors: also if the device has fewer.
pub fn read_head(exec: &Exec, device: &Path, count: Bytes) -> Result<Vec<u8>> {
    let cmd = Cmd::query("dd")
        .arg(operand("if=", device))
        .arg(format!("bs={}", count.0))
        .args(["count=1", "iflag=direct,fullblock", "status=none"]);
    let what = || format!("cannot read {}", device.display());
    let output = exec.run(&cmd).context(what)?;
    if output.stdout.len() as u64 != count.0 {
        let short = output.bad(format!("{} bytes instead of {count}", output.stdout.len()));
        return Err(Error::from(short)).context(what);
    }
    Ok(output.stdout)
}

fn operand(name: &str, device: &Path) -> OsString {
    let mut operand = OsString::from(name);
    operand.push(device);
    operand
}

fn discard_cmd(device: &Path) -> Cmd {
    Cmd::change("blkdiscard").arg(device).deadline(DEADLINE)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::Kind;

    #[test]
    fn only_the_head_is_zeroed() {
        let exec = Exec::default();
        // not in /tmp: that may be a tmpfs, which older kernels give no O_DIRECT
        let mut file = tempfile::NamedTempFile::new_in("/var/tmp").unwrap();
        file.write_all(&vec![7; 3 << 20]).unwrap();
        zero_head(&exec, file.path(), Bytes((2 << 20) - 1)).unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        assert!(
            bytes[..2 << 20].iter().all(|b| *b == 0) && bytes[2 << 20..].iter().all(|b| *b == 7)
        );
        assert_eq!(bytes.len(), 3 << 20);
        let none = Path::new("/nonexistent");
        let error = zero_head(&exec, none, Bytes(1)).unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
    }

    #[test]
    fn the_head_is_read_whole() {
        let exec = Exec::default();
        let mut file = tempfile::NamedTempFile::new_in("/var/tmp").unwrap();
        file.write_all(&vec![7; 8192]).unwrap();
        let read = |count| read_head(&exec, file.path(), Bytes(count));
        assert_eq!(read(4096).unwrap(), vec![7; 4096]);
        let error = read(12288).unwrap_err().to_string();
        assert!(error.contains("cannot read"), "{error}");
    }
}
