//! dm-cache's metadata while no device uses them: written with cache_restore(8), proven with cache_check(8), read back with
//! cache_dump(8). The tools of thin-provisioning-tools 0.9 (C++) and 1.x (Rust) take the same options here.
//!
//! What cache_restore writes carries the clean-shutdown flag, so the kernel believes that no block is dirty. Without that flag
//! it takes every block for dirty, in every mode, and writes the cache over the image: `--omit-clean-shutdown` is never given.

mod superblock;
mod xml;

use std::io::{BufWriter, Seek, Write};
use std::path::Path;
use std::time::Duration;

use crate::error::{Context, Result};
use crate::exec::{Cmd, Exec, ExecError, memory_file};
use crate::model::{Bytes, Sectors};
use crate::sys::direct;

pub use superblock::{Superblock, read_superblock};
pub use xml::{Dump, Mapping};

/// A dump has about 70 bytes per block; this is enough for the largest cache that dm-cache's documentation allows for.
const DUMP_LIMIT: Bytes = Bytes::gib(2);
/// A million blocks take seconds; a slow SSD may take its time.
const DEADLINE: Duration = Duration::from_secs(300);

/// Which format the metadata have. The kernel takes both; which one stands on the device wins over the table's `metadata2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Dirty bits beside the mappings. The only one whose dirty bits cache_dump 0.9 can see.
    V1,
    /// Dirty bits in a set of their own: faster to load and to shut down.
    V2,
}

/// The shape of a cache: both must equal what the table and the data device have, or the kernel refuses or resizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// The block size.
    pub block: Sectors,
    /// How many blocks the data device holds.
    pub blocks: u64,
}

impl Geometry {
    /// How large the metadata device must be: dm-cache's documentation asks for 4 MiB + 16 bytes per block, the policy's hints
    /// and the copy that each commit writes need more: 8 MiB + 40 bytes per block, in whole 4 MiB.
    pub const fn metadata_size(self) -> Bytes {
        Bytes(Bytes::mib(8).0 + 40 * self.blocks).round_up(Bytes::mib(4))
    }
}

/// What cache_check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Nothing wrong.
    Sound,
    /// What it said.
    Damaged(String),
}

/// Writes metadata in which these blocks are cached and clean, and no others; what the device held before is lost. The mappings
/// go to the tool as they come: they are never all in memory as values.
pub fn restore(
    exec: &Exec,
    device: &Path,
    geometry: Geometry,
    mappings: impl IntoIterator<Item = Mapping>,
    format: Format,
) -> Result<()> {
    let write = || -> std::io::Result<_> {
        let mut out = BufWriter::new(memory_file("cache.xml")?);
        xml::write(&mut out, geometry, mappings)?;
        out.flush()?;
        let mut file = out.into_inner().map_err(|error| error.into_error())?;
        file.rewind()?;
        Ok(file)
    };
    let input = write().map_err(|error| {
        crate::Error::new(crate::Kind::Failed, "cannot write the cache's mappings").because(error)
    })?;
    let cmd = restore_cmd(device, format).stdin_file(input);
    let what = || format!("cannot write cache metadata to {}", device.display());
    exec.run(&cmd).context(what).map(drop)
}

/// Checks metadata from end to end.
pub fn check(exec: &Exec, device: &Path) -> Result<Health> {
    // cache_check says "no" in the same way to damaged metadata and to a device that is not there
    drop(direct::open_read(device)?);
    let cmd = Cmd::query("cache_check").arg(device).deadline(DEADLINE);
    match exec.run(&cmd) {
        Ok(_) => Ok(Health::Sound),
        Err(ExecError::Failed { stderr, .. }) => Ok(Health::Damaged(stderr)),
        Err(error) => Err(error.into()),
    }
}

/// Reads metadata back. With tools 0.9 and [`Format::V2`] every block is reported clean, whatever it is.
pub fn dump(exec: &Exec, device: &Path) -> Result<Dump> {
    let cmd = Cmd::query("cache_dump").arg(device).deadline(DEADLINE);
    let output = exec.run(&cmd.stdout_limit(DUMP_LIMIT))?;
    let dump = xml::parse(output.text()?);
    Ok(dump.map_err(|why| output.bad(why))?)
}

/// The version of the tools, such as `0.9.0`.
pub fn version(exec: &Exec) -> Result<String> {
    let output = exec.run(&Cmd::query("cache_restore").arg("-V"))?;
    let version = version_in(output.text()?);
    Ok(version.ok_or_else(|| output.bad("no version in it"))?)
}

/// 0.9 prints the bare number, 1.x the tool's name in front.
fn version_in(text: &str) -> Option<String> {
    let number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    text.split_whitespace().find(number).map(str::to_owned)
}

/// The input is a file on `/dev/stdin`: 0.9 refuses a pipe ("Not a regular file").
fn restore_cmd(device: &Path, format: Format) -> Cmd {
    let version = match format {
        Format::V1 => "1",
        Format::V2 => "2",
    };
    Cmd::change("cache_restore")
        .args([
            "--quiet",
            "--metadata-version",
            version,
            "-i",
            "/dev/stdin",
            "-o",
        ])
        .arg(device)
        .deadline(DEADLINE)
}

#[cfg(test)]
mod tests;
