//! The host's memory (proc_meminfo(5)).

use super::Roots;
use crate::error::{Error, Kind, Result};
use crate::model::Bytes;

/// All of it that the kernel can use.
pub fn total(roots: &Roots) -> Result<Bytes> {
    line(roots, "MemTotal:")
}

/// What can be had without swapping.
pub fn available(roots: &Roots) -> Result<Bytes> {
    line(roots, "MemAvailable:")
}

fn line(roots: &Roots, name: &str) -> Result<Bytes> {
    let path = roots.proc.join("meminfo");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.map(Bytes::kib).ok_or_else(|| {
        Error::new(
            Kind::Failed,
            format!("cannot read the host's memory from {}", path.display()),
        )
    })
}
