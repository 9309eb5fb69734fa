//! The devices that a driver is tried on: loop devices of files in memory. The image's stands below a linear device, so that
//! its I/O can be held back, as a cluster does that is gone.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::io;
use crate::cache::external::External;
use crate::cache::{Device, Driver as _, Site};
use crate::host::Host;
use crate::model::{Bytes, CacheMode, DiskKey, DmName, Role};
use crate::sys::Block;
use crate::tools::dmsetup::{Access, Table};
use crate::tools::losetup;
use crate::{Context, Error, Kind, Result};

/// The image: large enough for every driver's blocks, small enough to be read often.
pub(super) const IMAGE: Bytes = Bytes::mib(8);
/// What is to be cached of it.
const WANTED: Bytes = Bytes::mib(6);
/// The cache block that is asked for.
const BLOCK: Bytes = Bytes::kib(256);

/// See the module.
pub(super) struct Stand<'a> {
    host: &'a Host,
    dir: TempDir,
    /// The first disk, which every case works on, and a second one.
    pub(super) disks: Vec<Disk>,
    /// The linear devices that stand for images; noted as they are made, so that a stand that is not finished leaves none.
    linears: Vec<DmName>,
    loops: Vec<PathBuf>,
}

/// A disk's devices.
pub(super) struct Disk {
    pub(super) key: DiskKey,
    /// The key of the linear device that stands for the image.
    below: DiskKey,
    pub(super) origin: Device,
    /// What the image held at first.
    pub(super) bytes: Vec<u8>,
    pub(super) parts: Vec<(Role, Device)>,
}

impl<'a> Stand<'a> {
    pub(super) fn new(host: &'a Host, driver: &External) -> Result<Self> {
        let memory = host.roots.dev.join("shm");
        let dir = tempfile::Builder::new()
            .prefix("warmblock-check-")
            .tempdir_in(&memory);
        let dir = dir.map_err(|error| {
            Error::new(
                Kind::Missing,
                format!("cannot make a directory in {}", memory.display()),
            )
            .because(error)
            .remedy("mount a tmpfs there, with room for 256 MiB")
        })?;
        let mut stand = Self {
            host,
            dir,
            disks: Vec::new(),
            linears: Vec::new(),
            loops: Vec::new(),
        };
        for number in 0..2 {
            let disk = stand.disk(driver, number)?;
            stand.disks.push(disk);
        }
        Ok(stand)
    }

    fn disk(&mut self, driver: &External, number: u32) -> Result<Disk> {
        let key = |what: &str| format!("00000000-0-{what}{number}p{}", std::process::id()).parse();
        let (key, below): (DiskKey, DiskKey) = (key("check")?, key("image")?);
        let image = self.device(&format!("image{number}"), IMAGE)?;
        let bytes = io::noise(u64::from(number) + 1, IMAGE);
        io::write(&image.path, Bytes(0), &bytes)?;
        let name = below.dm(Role::Front);
        let table = Table::linear(image.size, image.number);
        self.linears.push(name.clone());
        self.host.dm().create(&name, &table, Access::ReadWrite)?;
        let path = self.host.roots.mapper(&name);
        let origin = Device::from((path.clone(), Block::at(&self.host.roots, &path)?));
        let mut parts = Vec::new();
        for part in driver.layout(WANTED, BLOCK) {
            let file = format!("{}{number}", part.role.as_str());
            parts.push((part.role, self.device(&file, part.size)?));
        }
        Ok(Disk {
            key,
            below,
            origin,
            bytes,
            parts,
        })
    }

    /// A loop device of so many bytes.
    fn device(&mut self, name: &str, size: Bytes) -> Result<Device> {
        let file = self.dir.path().join(name);
        let made = std::fs::File::create_new(&file).and_then(|made| made.set_len(size.0));
        made.map_err(|error| {
            Error::new(Kind::Failed, format!("cannot make {}", file.display())).because(error)
        })?;
        let path = losetup::attach(&self.host.exec, &file)
            .context(|| format!("cannot make a device of {}", file.display()))?;
        self.loops.push(path.clone());
        crate::sys::block::wait_for_node(&path, Duration::from_secs(10))?;
        let block = Block::at(&self.host.roots, &path)?;
        Ok(Device::from((path, block)))
    }
}

impl Disk {
    /// As a driver gets it.
    pub(super) fn site<'a>(&'a self, host: &'a Host, mode: CacheMode) -> Site<'a> {
        Site {
            host,
            key: &self.key,
            origin: self.origin.clone(),
            parts: self.parts.clone(),
            block: BLOCK,
            mode,
        }
    }

    /// Holds all I/O of the image back while `work` is done.
    pub(super) fn hung<T>(&self, host: &Host, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let name = self.below.dm(Role::Front);
        let tool = host.config.deadline.tool;
        host.dm()
            .suspend(&name, crate::tools::dmsetup::Flush::No, tool)?;
        let done = work();
        match (done, host.dm().resume(&name)) {
            (done, Ok(())) => done,
            (Ok(_), Err(error)) => Err(error.into()),
            (Err(error), Err(also)) => Err(error.and_then_cleanup(Err(also.into()))),
        }
    }
}

impl Drop for Stand<'_> {
    /// As far as it can be done: a driver that does not let go keeps its devices, and it is said which.
    fn drop(&mut self) {
        for name in &self.linears {
            if let Err(error) = self.host.dm().remove(name, Duration::from_secs(10)) {
                tracing::warn!("the device {name} of the test is left behind: {error}");
            }
        }
        for path in &self.loops {
            if let Err(error) = losetup::detach(&self.host.exec, path) {
                tracing::warn!(
                    "the device {} of the test is left behind: {error}",
                    path.display()
                );
            }
        }
    }
}
