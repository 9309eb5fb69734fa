//! The driver `flashcache`, for hosts whose kernel has that module (none after 4.7 builds it).
//!
//! What the module does that shapes this file (cache-drivers facts, 3.1): write-through and write-around leave no trace
//! on the SSD, so they always begin cold; a write-back cache is loaded by what its superblock says, the path of the disk
//! included, so the disk is given by a link of ours that keeps its name while the RBD's number changes; a mode is
//! chosen when the cache is made and never again; with `cache_all` at 0 a write goes to the disk and drops what was
//! cached of it, which is how it takes no new dirty blocks while it is drained; `dmsetup remove` would write back under a
//! lease that may be another host's by now, and so is always a fast one, after the proof.

mod errors;
mod look;
mod sysctl;

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use self::errors::Errors;
use self::look::{dirty, figures, running, sound, stats};
use self::sysctl::{Knob, Sysctl};
use super::drain::wait_for_clean;
use super::{
    Cache, Capabilities, Cleanliness, Device, Driver, Filled, Needs, Part, Running, SeedAbility,
    Seen, Site, Stats, dm,
};
use crate::host::Host;
use crate::model::{Bytes, CacheMode, Change, DiskKey, DriverName, Role};
use crate::seed::SeedPlan;
use crate::sys::{atomic, memory};
use crate::tools::blk;
use crate::tools::flashcache::{self as tool, Tools};
use crate::{Context, Error, Kind, Result, config};

/// What is zeroed so that nobody takes the SSD for a flashcache: its superblock is the first block.
const SUPERBLOCK: Bytes = Bytes::kib(4);
/// LVM's extents, unless a group has larger ones.
const EXTENT: Bytes = Bytes::mib(4);
/// A stretch of the disk that shares its set with no other stretch as long as the cache is larger than both.
const SET: Bytes = Bytes(tool::BLOCK.0 * tool::ASSOCIATIVITY);
/// A stream longer than this is not cached once the seed is done, so that a backup does not drive the seed out.
const SEQUENTIAL_KIB: u64 = 4096;

/// See the module.
#[derive(Debug)]
pub(super) struct Flashcache;

impl Driver for Flashcache {
    fn name(&self) -> DriverName {
        config::fixed("flashcache")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            modes: Capabilities::every_mode(),
            seed: SeedAbility::Reading,
            reads: true,
            live: false,
        }
    }

    fn needs(&self) -> Needs {
        Needs::of(
            &[
                "dmsetup",
                "flashcache_create",
                "flashcache_load",
                "lvs",
                "lvcreate",
                "lvremove",
            ],
            &["dm-mod", "flashcache"],
        )
    }

    fn guarantee(&self, mode: CacheMode) -> Cow<'static, str> {
        Cow::Borrowed(if mode.can_be_dirty() {
            "writes are acknowledged when this host's SSD has them, and a guest's flush does not reach the SSD: what was not \
             written back is lost with the SSD, and what its volatile cache held is lost with the power"
        } else {
            "Ceph has every acknowledged write: SSD and host can be lost at any time; a failing SSD is bypassed by the module \
             itself; a guest's discards never reach Ceph"
        })
    }

    /// As a rule no larger than what it caches: then `flashcache_create` asks whether that is meant, and it counts as no room for one.
    fn layout(&self, wanted: Bytes, _block: Bytes) -> Vec<Part> {
        vec![Part {
            role: Role::Data,
            size: wanted.round_down(EXTENT).max(EXTENT),
        }]
    }

    fn memory(&self, data: Bytes) -> Bytes {
        tool::memory(data)
    }

    /// Whole sets, without the superblock and a write-back cache's metadata, 16 bytes for each block.
    fn room(&self, data: Bytes) -> Bytes {
        let metadata = Bytes(data.0 / 128).round_up(tool::BLOCK);
        data.saturating_sub(metadata)
            .saturating_sub(SUPERBLOCK)
            .round_down(SET)
    }

    /// Sets are stretches of the image, one after the other, so that any part of a stretch as long as the cache fits.
    fn reach(&self, data: Bytes) -> Option<Bytes> {
        Some(self.room(data))
    }

    fn read(&self, host: &Host, key: &DiskKey, seen: &Seen) -> Cache {
        let name = key.dm(Role::Cache);
        let Some(device) = seen.named(&name) else {
            // The tool makes it without our UUID, which is set a moment later.
            return match host.roots.mapper(&name).exists() {
                true => Cache::Broken {
                    why: format!("{name} has no UUID of ours: its making was interrupted"),
                },
                false => Cache::Absent,
            };
        };
        match figures(device) {
            Ok((conf, counters)) => Cache::Up {
                running: running(&Sysctl::of(host, key), &conf),
                stats: stats(&conf, &counters),
                size: device.table.len(),
                stuck: device.info.suspended,
                num: device.info.num,
            },
            Err(why) => Cache::Broken { why },
        }
    }

    /// By way of dmsetup(8), whose words on a flashcache are what its documentation shows.
    fn probe(&self, host: &Host, key: &DiskKey) -> Result<Cache> {
        Ok(self.read(host, key, &Seen::new(host.dm().list()?)))
    }

    /// Its blocks are chosen by what is read while it is filled; before, there must be nothing.
    fn format(&self, site: &Site<'_>, _plan: Option<&SeedPlan>) -> Result<()> {
        self.wipe(site)
    }

    fn open(&self, site: &Site<'_>, running: Running) -> Result<Change> {
        let (host, name) = (site.host, site.key.dm(Role::Cache));
        let ssd = &site.part(Role::Data)?.path;
        let disk = link(host, site.key)?;
        atomic::symlink(&site.origin.path, &disk)?;
        errors::forget(host, site.key)?;
        let tools = Tools::new(&host.exec, &host.roots);
        match running {
            Running::Draining => {
                let loaded = tools.load(&name, ssd);
                loaded.context(|| format!("cannot load the cache device {name}"))?;
            }
            Running::Filling => self.create(site, site.mode, &disk)?,
            Running::Serving(mode) => self.create(site, mode, &disk)?,
        }
        host.dm()
            .set_uuid(&name)
            .context(|| format!("cannot mark the cache device {name} as ours"))?;
        self.switch(site, running)?;
        Ok(Change::Made)
    }

    fn switch(&self, site: &Site<'_>, wanted: Running) -> Result<()> {
        let (host, name) = (site.host, site.key.dm(Role::Cache));
        let (device, conf, _) = sound(site)?;
        if let Running::Serving(mode) = wanted
            && tool::mode(mode) != Some(conf.mode)
        {
            let message = format!(
                "flashcache runs as {} until it is made anew, not {mode}",
                CacheMode::from(conf.mode)
            );
            return Err(Error::new(Kind::Usage, message)
                .remedy("take it out of the path with `warmblock bypass`, then insert it again"));
        }
        let sysctl = Sysctl::of(host, site.key);
        let (all, sequential) = match wanted {
            Running::Filling => (1, 0),
            Running::Serving(_) => (1, SEQUENTIAL_KIB),
            Running::Draining => (0, SEQUENTIAL_KIB),
        };
        sysctl.set(Knob::SkipSequential, sequential)?;
        sysctl.set(Knob::CacheAll, all)?;
        if device.info.suspended {
            host.dm().resume(&name)?;
        }
        Ok(())
    }

    fn settle(&self, site: &Site<'_>, mode: CacheMode) -> Result<Filled> {
        let (_, conf, counters) = sound(site)?;
        self.switch(site, Running::Serving(mode))?;
        Ok(Filled {
            resident: conf.cached * conf.block.0 / site.block.0,
            dropped: 0,
            counted: counters.no_room == 0 && counters.replaced == 0 && !conf.disk_associative,
        })
    }

    fn counts(&self) -> bool {
        true
    }

    /// What it is asked to write back it goes on writing back; a block whose disk failed is tried again when asked again.
    fn drain(&self, site: &Site<'_>, deadline: Duration) -> Result<Bytes> {
        errors::note(site.host, site.key)?;
        self.switch(site, Running::Draining)?;
        let whole = dirty(site)?;
        let sysctl = Sysctl::of(site.host, site.key);
        sysctl.set_if_there(Knob::DoSync, 1)?;
        wait_for_clean(site, whole, deadline, || dirty(site))?;
        Ok(whole)
    }

    fn cleanliness(&self, host: &Host, key: &DiskKey) -> Result<Cleanliness> {
        let seen = self.probe(host, key)?;
        let of_clean = |stats: &Stats| match errors::since_drained(host, key) {
            Ok(Errors { ssd: 0, disk: 0 }) => Cleanliness::clean(format!(
                "dmsetup table: no dirty block of {} resident, no new error of SSD or disk",
                stats.resident
            )),
            Ok(Errors { ssd, disk }) => Cleanliness::unknown(format!(
                "flashcache counts {ssd} new errors of the SSD and {disk} of the disk"
            )),
            Err(error) => Cleanliness::unknown(error.chain()),
        };
        Ok(Cleanliness::of(seen, |running, stats| match running {
            Running::Serving(mode) if mode.can_be_dirty() => Cleanliness::for_the_moment(),
            _ => of_clean(stats),
        }))
    }

    fn close(&self, host: &Host, key: &DiskKey) -> Result<Change> {
        // Also of a cache whose UUID was not set yet, which `device` does not know.
        Sysctl::of(host, key).set_if_there(Knob::FastRemove, 1)?;
        let change = dm::remove(host, key)?;
        self.release(host, key)?;
        Ok(change)
    }

    fn release(&self, host: &Host, key: &DiskKey) -> Result<()> {
        errors::forget(host, key)?;
        atomic::remove(&link(host, key)?).map(drop)
    }

    fn wipe(&self, site: &Site<'_>) -> Result<()> {
        let data = site.part(Role::Data)?;
        blk::zero_head(&site.host.exec, &data.path, SUPERBLOCK)
    }

    fn top(&self, site: &Site<'_>) -> Result<Device> {
        let (device, _, _) = sound(site)?;
        Ok(Device {
            path: site.host.roots.mapper(site.key.dm(Role::Cache)),
            number: device.info.num,
            size: site.origin.size,
        })
    }
}

impl Flashcache {
    fn create(&self, site: &Site<'_>, mode: CacheMode, disk: &std::path::Path) -> Result<()> {
        let (host, name) = (site.host, site.key.dm(Role::Cache));
        let mode = tool::mode(mode)
            .ok_or_else(|| Error::new(Kind::Usage, format!("flashcache has no mode {mode}")))?;
        let ssd = site.part(Role::Data)?;
        let memory = memory::total(&host.roots)?;
        if let Some(why) = tool::would_ask(ssd.size.bytes(), site.origin.size.bytes(), memory) {
            return Err(
                Error::new(Kind::NoSpace, format!("flashcache is not made: {why}"))
                    .remedy("choose a smaller slice with --size, or the driver dm-cache"),
            );
        }
        Tools::new(&host.exec, &host.roots)
            .create(mode, &name, &ssd.path, disk)
            .context(|| format!("cannot create the cache device {name}"))
    }
}

/// The name under which flashcache is given the disk: it stands in the superblock, and by it a load finds the disk again,
/// whatever number the RBD has then.
///
/// Errors: [`Kind::Usage`] if it is longer than flashcache's `DEV_PATHLEN`, 128 bytes with their end.
fn link(host: &Host, key: &DiskKey) -> Result<PathBuf> {
    let path = host.roots.run.join(format!("wb-{key}-disk"));
    if path.as_os_str().len() < 128 {
        return Ok(path);
    }
    let message = format!("the path {} is too long for flashcache", path.display());
    Err(Error::new(Kind::Usage, message).remedy("use another driver for this image"))
}

#[cfg(test)]
mod tests;
