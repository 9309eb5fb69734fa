//! Bytes to and from devices, past the page cache, and what they should be.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use crate::model::Bytes;
use crate::sys::direct::{self, AlignedBuf};
use crate::sys::wait;
use crate::{Error, Kind, Result};

/// One request.
const CHUNK: usize = 1 << 20;

/// Bytes that look random, always the same for a seed.
pub(super) fn noise(seed: u64, len: Bytes) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let len = usize::try_from(len.0).unwrap_or(0);
    words.take(len.div_ceil(8)).flatten().take(len).collect()
}

/// Writes bytes, aligned as direct I/O needs it, and waits until the device has them.
pub(super) fn write(path: &Path, offset: Bytes, bytes: &[u8]) -> Result<()> {
    let file = open_to_write(path)?;
    let mut at = offset.0;
    for chunk in bytes.chunks(CHUNK) {
        let mut buffer = AlignedBuf::zeroed(chunk.len());
        buffer.copy_from_slice(chunk);
        file.write_all_at(&buffer, at)
            .map_err(|error| cannot("write", path, error))?;
        at += chunk.len() as u64;
    }
    file.sync_all()
        .map_err(|error| cannot("write", path, error))
}

/// A probe of udev's may still have it open.
fn open_to_write(path: &Path) -> Result<File> {
    let what = format!("{} to be free", path.display());
    wait::until(
        &what,
        Duration::from_secs(10),
        || match direct::open_exclusive(path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == Kind::Busy => Ok(None),
            Err(error) => Err(error),
        },
    )
}

/// Reads so many bytes.
pub(super) fn read(path: &Path, offset: Bytes, len: Bytes) -> Result<Vec<u8>> {
    let file = direct::open_read(path)?;
    let (mut bytes, end) = (Vec::new(), offset.0 + len.0);
    let mut at = offset.0;
    while at < end {
        let count = usize::try_from(end - at).map_or(CHUNK, |left| left.min(CHUNK));
        let mut buffer = AlignedBuf::zeroed(count);
        file.read_exact_at(&mut buffer, at)
            .map_err(|error| cannot("read", path, error))?;
        bytes.extend_from_slice(&buffer);
        at += count as u64;
    }
    Ok(bytes)
}

/// The device holds these bytes from its start on.
pub(super) fn expect(what: &str, path: &Path, bytes: &[u8]) -> Result<()> {
    let have = read(path, Bytes(0), Bytes(bytes.len() as u64))?;
    if have == bytes {
        return Ok(());
    }
    let at = have
        .iter()
        .zip(bytes)
        .take_while(|(have, want)| have == want)
        .count();
    let message = format!("{what}: {} differs from byte {at} on", path.display());
    Err(Error::new(Kind::Mismatch, message))
}

fn cannot(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Failed, format!("cannot {what} {}", path.display())).because(error)
}
