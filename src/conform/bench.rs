//! What the cases work with: the driver, its disk, and what image and cache must hold.

use std::path::PathBuf;

use super::io::{self, noise};
use super::stand::{Disk, Stand};
use crate::cache::external::External;
use crate::cache::{Cache, Driver as _, Running, Site, Stats, drained};
use crate::host::Host;
use crate::model::{Bytes, CacheMode};
use crate::{Context, Error, Kind, Result};

/// What a case writes: not where the image has its ends, with an odd start.
const PLACE: Bytes = Bytes(5 * (1 << 20) + 4096);
const LENGTH: Bytes = Bytes::kib(768);

/// See the module.
pub(super) struct Bench<'a> {
    pub(super) host: &'a Host,
    pub(super) driver: &'a External,
    pub(super) stand: &'a Stand<'a>,
}

impl Bench<'_> {
    /// The disk that cases work on.
    pub(super) fn disk(&self) -> &Disk {
        &self.stand.disks[0]
    }

    /// What the image holds at the beginning of each case.
    pub(super) fn image(&self) -> &[u8] {
        &self.disk().bytes
    }

    pub(super) fn site(&self, mode: CacheMode) -> Site<'_> {
        self.disk().site(self.host, mode)
    }

    pub(super) fn modes(&self) -> &[CacheMode] {
        &self.driver.said().modes
    }

    pub(super) fn back(&self) -> Option<CacheMode> {
        self.modes()
            .iter()
            .copied()
            .find(|mode| mode.can_be_dirty())
    }

    /// Before each case: nothing in the kernel, nothing in the slice, the image as it was made.
    pub(super) fn begin(&self) -> Result<()> {
        self.driver.close(self.host, &self.disk().key)?;
        self.driver.wipe(&self.site(CacheMode::None))?;
        io::write(&self.disk().origin.path, Bytes(0), self.image())
    }

    /// Between the rounds of a case; before the first one it is so already.
    pub(super) fn afresh(&self, round: usize) -> Result<()> {
        if round == 0 { Ok(()) } else { self.begin() }
    }

    /// After it.
    pub(super) fn end(&self) -> Result<()> {
        self.driver.close(self.host, &self.disk().key).map(drop)
    }

    pub(super) fn open(&self, mode: CacheMode) -> Result<()> {
        let opened = self.driver.open(&self.site(mode), Running::Serving(mode));
        opened
            .map(drop)
            .context(|| format!("cannot open it in {mode}"))
    }

    /// A cache that is up: what it does, and its counters.
    pub(super) fn up(&self) -> Result<(Running, Stats)> {
        match self.driver.probe(self.host, &self.disk().key)? {
            Cache::Up { running, stats, .. } => Ok((running, stats)),
            other => Err(Error::new(
                Kind::Mismatch,
                format!("it should be up, and is {other:?}"),
            )),
        }
    }

    pub(super) fn top(&self) -> Result<PathBuf> {
        self.driver
            .top(&self.site(CacheMode::None))
            .map(|device| device.path)
    }

    /// Writes through the cache, and gives what the image must hold then.
    pub(super) fn scribble(&self, seed: u64) -> Result<Vec<u8>> {
        let (bytes, mut whole) = (noise(seed, LENGTH), self.image().to_vec());
        io::write(&self.top()?, PLACE, &bytes)?;
        let start = usize::try_from(PLACE.0).unwrap_or(0);
        whole[start..start + bytes.len()].copy_from_slice(&bytes);
        Ok(whole)
    }

    pub(super) fn image_has(&self, what: &str, bytes: &[u8]) -> Result<()> {
        io::expect(what, &self.disk().origin.path, bytes)
    }

    pub(super) fn cache_has(&self, what: &str, bytes: &[u8]) -> Result<()> {
        io::expect(what, &self.top()?, bytes)
    }

    pub(super) fn drain(&self, mode: CacheMode) -> Result<()> {
        let deadline = self.host.config.deadline.flush;
        drained(self.driver, &self.site(mode), deadline).map(drop)
    }

    pub(super) fn drain_if_dirty(&self, mode: CacheMode) -> Result<()> {
        if mode.can_be_dirty() {
            self.drain(mode)
        } else {
            Ok(())
        }
    }
}
