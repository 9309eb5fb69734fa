//! What is looked at before a driver's device is put under a guest.

use super::External;
use super::protocol::StatusAnswer;
use crate::cache::{Running, Site};
use crate::model::{Bytes, SeedSpec};
use crate::seed::{self, Apart, BlockSize, CopyOptions, Extent};
use crate::sys::{Block, DevNum};
use crate::{Context, Error, Kind, Result};

impl External {
    /// The cache does what was asked for. One that is drained may as well serve in a mode in which nothing becomes dirty.
    pub(super) fn expect(&self, answer: &StatusAnswer, wanted: Running) -> Result<()> {
        match answer.running() {
            Ok(running) if running == wanted => Ok(()),
            Ok(Running::Serving(mode)) if wanted == Running::Draining && !mode.can_be_dirty() => {
                Ok(())
            }
            Ok(other) => Err(self.lies(&format!("it does {other:?} instead of {wanted:?}"))),
            Err(why) => Err(self.lies(&why)),
        }
    }

    /// The device that was just opened is a whole image as seen through a cache: neither the image nor the slice itself,
    /// as large as the image, with blocks as small, used by nobody, and with the image's bytes at both ends.
    ///
    /// A cache that is drained has bytes that the image lacks, so those are not compared.
    pub(super) fn trust(
        &self,
        site: &Site<'_>,
        answer: &StatusAnswer,
        wanted: Running,
    ) -> Result<()> {
        self.expect(answer, wanted)?;
        let (device, block) = self.device(answer)?;
        let shown = device.path.display();
        let others = site.parts.iter().map(|(_, part)| part);
        if others
            .chain([&site.origin])
            .any(|other| other.number == device.number)
        {
            return Err(self.lies(&format!("{shown} is the image or the slice itself")));
        }
        if device.size != site.origin.size {
            return Err(self.lies(&format!(
                "{shown} has {} sectors, and the image has {}",
                device.size, site.origin.size
            )));
        }
        let origin = Block::at(&site.host.roots, &site.origin.path)?;
        if block.logical_block != origin.logical_block {
            return Err(self.lies(&format!(
                "{shown} has blocks of {}, and the image has blocks of {}",
                block.logical_block, origin.logical_block
            )));
        }
        if !reaches(site, &block, site.origin.number)? {
            return Err(self.lies(&format!("{shown} is not built on the image")));
        }
        if wanted == Running::Draining {
            return Ok(());
        }
        self.compare(site, &device.path)
    }

    /// Reads both ends through the cache and from the image.
    fn compare(&self, site: &Site<'_>, device: &std::path::Path) -> Result<()> {
        let size = site.origin.size.bytes();
        let block = BlockSize::new(site.block)?;
        let last = size.round_down(site.block).saturating_sub(site.block);
        let ends = [Bytes(0), last].map(|offset| Extent {
            offset,
            len: site.block,
        });
        let plan = seed::plan(SeedSpec::Allocated, ends, size, block, u64::MAX);
        let apart = Apart {
            exec: &site.host.exec,
            plan: &plan,
            image: &site.origin.path,
            slice: device,
            options: CopyOptions {
                depth: 2,
                chunk: site.block.min(Bytes::mib(4)),
                rate: None,
            },
            stall: site.host.config.deadline.stall,
            cancel: &site.host.cancel,
            progress: crate::progress::ProgressMode::Quiet,
        };
        let found = seed::verify_apart(&apart)
            .context(|| format!("cannot compare {} with the image", device.display()))?;
        found.check().map_err(|error| {
            self.lies(&format!(
                "{} does not read as the image does",
                device.display()
            ))
            .because(error)
        })
    }

    pub(super) fn lies(&self, why: &str) -> Error {
        Error::new(
            Kind::Mismatch,
            format!("the cache driver {} is not used: {why}", self.said.name),
        )
        .remedy(self.blame())
    }
}

/// Whether a device is built on another, as far as the kernel tells: a device of a driver that does not say what it is
/// built on (Open-CAS) has no `slaves` at all.
fn reaches(site: &Site<'_>, block: &Block, origin: DevNum) -> Result<bool> {
    if block.slaves.is_empty() {
        return Ok(true);
    }
    for slave in &block.slaves {
        let path = site.host.roots.sys.join("class/block").join(slave);
        let Some(number) = crate::sys::block::attribute(&path, "dev") else {
            continue;
        };
        let number: DevNum = number.parse()?;
        if number == origin {
            return Ok(true);
        }
        let below = Block::read(&site.host.roots, number)?;
        if let Some(below) = below.filter(|below| !below.slaves.is_empty())
            && reaches(site, &below, origin)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}
