//! Drivers from outside: a directory with one executable, spoken to as [`protocol`] says.
//!
//! What such a driver says is believed only as far as it must be. What its device is, how large, and whether its I/O is held
//! back is read from the kernel; before the device is used for the first time, its ends are compared with the image.
//! A driver that does not answer, or answers nonsense, counts as a cache that is broken: unknown counts as dirty, and
//! `bypass` still takes a write-through cache out of the path.

mod find;
mod program;
pub mod protocol;
mod trust;

pub use find::{EXECUTABLE, Found, find, program};
pub use program::Program;

use std::borrow::Cow;
use std::sync::OnceLock;
use std::time::Duration;

use self::protocol::{
    CapabilitiesAnswer, DiskNames, Place, Request, Run, SeedWord, State, StatusAnswer, Verb, Volume,
};
use super::{
    Cache, Capabilities, Cleanliness, Device, Driver, Filled, Needs, Part, Running, SeedAbility,
    Site, Stats,
};
use crate::config::Config;
use crate::host::Host;
use crate::model::{Bytes, CacheMode, Change, DiskKey, DriverName, Role};
use crate::seed::SeedPlan;
use crate::sys::{Block, Roots};
use crate::tools::dmsetup;
use crate::{Error, Kind, Result};

/// See the module.
#[derive(Debug)]
pub struct External {
    program: Program,
    said: CapabilitiesAnswer,
    roots: Roots,
    deadline: Duration,
    /// Why it did not answer in time: a thousand disks do not wait for it one after the other.
    silent: OnceLock<String>,
}

/// How long a driver may take to look at a disk.
const QUICK: Duration = Duration::from_secs(10);

impl External {
    /// The driver of an executable, once it has told what it can do.
    ///
    /// Errors: it does not answer, or not as the protocol has it.
    pub fn ask(program: Program, config: &Config, roots: &Roots) -> Result<Self> {
        let deadline = config.deadline.tool;
        Ok(Self {
            said: program.capabilities(deadline)?,
            program,
            roots: roots.clone(),
            deadline,
            silent: OnceLock::new(),
        })
    }

    /// What it told.
    pub const fn said(&self) -> &CapabilitiesAnswer {
        &self.said
    }

    /// Its executable.
    pub const fn program(&self) -> &Program {
        &self.program
    }

    /// What a disk's devices are called.
    pub fn names(key: &DiskKey) -> DiskNames {
        DiskNames {
            key: key.clone(),
            cache: key.dm(Role::Cache).into(),
            origin: key.dm(Role::Origin).into(),
        }
    }

    /// The request to open a disk in a mode.
    pub fn request_to_open(site: &Site<'_>, mode: CacheMode, deadline: Duration) -> Request {
        request(site, Some(Running::Serving(mode)), deadline)
    }

    /// A verb on a disk of which only the key is needed.
    fn on_key(&self, verb: Verb, key: &DiskKey) -> Result<StatusAnswer> {
        let deadline = match verb {
            Verb::Status => self.deadline.min(QUICK),
            _ => self.deadline,
        };
        let request = Request {
            disk: Some(Self::names(key)),
            ..Program::request(deadline)
        };
        self.program.disk(verb, &request)
    }

    /// A verb on a disk and its devices.
    fn on_site(
        &self,
        verb: Verb,
        site: &Site<'_>,
        running: Option<Running>,
        deadline: Duration,
    ) -> Result<StatusAnswer> {
        self.program.disk(verb, &request(site, running, deadline))
    }

    /// What an answer comes to, with the kernel's word on the device.
    fn cache(&self, answer: &StatusAnswer) -> Cache {
        match answer.state {
            State::Absent => Cache::Absent,
            State::Broken => Cache::Broken {
                why: answer
                    .why
                    .clone()
                    .unwrap_or_else(|| "it does not say why".into()),
            },
            State::Up => self.up(answer).unwrap_or_else(|why| Cache::Broken {
                why: format!("the cache driver {}: {why}", self.said.name),
            }),
        }
    }

    fn up(&self, answer: &StatusAnswer) -> Result<Cache, String> {
        let running = answer.running()?;
        let stats = answer.stats.ok_or("it is up, and has no counters")?;
        let (_, block) = self.device(answer).map_err(|error| error.chain())?;
        Ok(Cache::Up {
            running,
            stats: Stats::from(stats),
            size: block.size,
            stuck: block.dm.is_some_and(|dm| dm.suspended),
            num: block.num,
        })
    }

    /// The device of an answer, as the kernel has it.
    fn device(&self, answer: &StatusAnswer) -> Result<(Device, Block)> {
        let Some(path) = answer.device.as_ref().filter(|_| answer.state == State::Up) else {
            let message = format!("the cache driver {} has no device", self.said.name);
            return Err(Error::new(Kind::Failed, message).remedy(self.blame()));
        };
        let block = Block::at(&self.roots, path)?;
        Ok((Device::from((path.clone(), block.clone())), block))
    }

    fn blame(&self) -> String {
        format!(
            "report it to the author of the cache driver {}, and choose another",
            self.said.name
        )
    }
}

impl Driver for External {
    fn name(&self) -> DriverName {
        self.said.name.clone()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            modes: self.said.modes.clone(),
            seed: match self.said.seed {
                SeedWord::Never => SeedAbility::Never,
                SeedWord::Read => SeedAbility::Reading,
            },
            reads: true,
            live: true,
        }
    }

    fn needs(&self) -> Needs {
        Needs {
            tools: self.said.tools.clone(),
            modules: self.said.modules.clone(),
        }
    }

    fn guarantee(&self, mode: CacheMode) -> Cow<'static, str> {
        let said = self.said.guarantees.get(&mode).cloned();
        said.map_or(Cow::Borrowed("nothing is known"), Cow::Owned)
    }

    fn layout(&self, wanted: Bytes, block: Bytes) -> Vec<Part> {
        self.said
            .parts
            .iter()
            .map(|rule| rule.part(wanted, block))
            .collect()
    }

    /// Asks the driver itself: its devices need not be of device-mapper.
    fn read(&self, _host: &Host, key: &DiskKey, _seen: &[dmsetup::Device]) -> Cache {
        if let Some(why) = self.silent.get() {
            return Cache::Broken { why: why.clone() };
        }
        match self.on_key(Verb::Status, key) {
            Ok(answer) => self.cache(&answer),
            Err(error) => {
                let why = error.chain();
                if error.kind() == Kind::Timeout {
                    self.silent.get_or_init(|| why.clone());
                }
                Cache::Broken { why }
            }
        }
    }

    fn probe(&self, host: &Host, key: &DiskKey) -> Result<Cache> {
        Ok(self.read(host, key, &[]))
    }

    fn format(&self, site: &Site<'_>, _plan: Option<&SeedPlan>) -> Result<()> {
        self.wipe(site)
    }

    fn open(&self, site: &Site<'_>, running: Running) -> Result<Change> {
        let answer = self.on_site(Verb::Open, site, Some(running), self.deadline)?;
        let checked = self.trust(site, &answer, running);
        match checked {
            Ok(()) => Ok(Change::Made),
            Err(error) => Err(error.and_then_cleanup(self.close(site.host, site.key).map(drop))),
        }
    }

    fn switch(&self, site: &Site<'_>, running: Running) -> Result<()> {
        let answer = self.on_site(Verb::Mode, site, Some(running), self.deadline)?;
        self.expect(&answer, running)
    }

    fn settle(&self, site: &Site<'_>, mode: CacheMode) -> Result<Filled> {
        self.switch(site, Running::Serving(mode))?;
        Ok(Filled {
            resident: 0,
            dropped: 0,
            counted: false,
        })
    }

    fn drain(&self, site: &Site<'_>, deadline: Duration) -> Result<Bytes> {
        let before = match self.probe(site.host, site.key)? {
            Cache::Up { stats, .. } => stats.dirty,
            _ => Bytes(0),
        };
        let task = site.host.progress.start("flush", before);
        let answer = self.on_site(Verb::Flush, site, None, deadline)?;
        self.expect(&answer, Running::Draining)?;
        match answer.stats.map(|stats| stats.dirty) {
            Some(Bytes(0)) => {
                task.advance(before);
                task.finish();
                Ok(before)
            }
            Some(left) => Err(Error::new(
                Kind::Timeout,
                format!("{left} of disk {} are still dirty", site.key),
            )
            .remedy("run the command again, or raise [deadline] flush")),
            None => Err(self.lies("it flushed, and does not say what is dirty")),
        }
    }

    fn cleanliness(&self, host: &Host, key: &DiskKey) -> Result<Cleanliness> {
        Ok(match self.probe(host, key)? {
            Cache::Absent => Cleanliness::Unknown {
                why: "the cache is not in the kernel".into(),
            },
            Cache::Broken { why } => Cleanliness::Unknown { why },
            Cache::Up { stats, .. } if stats.dirty == Bytes(0) => Cleanliness::Clean {
                evidence: format!("the cache driver {} counts nothing dirty", self.said.name),
            },
            Cache::Up { stats, .. } => Cleanliness::Dirty(stats.dirty),
        })
    }

    fn close(&self, _host: &Host, key: &DiskKey) -> Result<Change> {
        let answer = self.on_key(Verb::Close, key)?;
        match answer.state {
            State::Absent => Ok(Change::Removed),
            _ => Err(self.lies("it closed, and still has a device")),
        }
    }

    fn wipe(&self, site: &Site<'_>) -> Result<()> {
        let answer = self.on_site(Verb::Format, site, None, self.deadline)?;
        match answer.state {
            State::Absent => Ok(()),
            _ => Err(self.lies("it formatted a slice that is in use")),
        }
    }

    fn top(&self, site: &Site<'_>) -> Result<Device> {
        self.device(&self.on_key(Verb::Status, site.key)?)
            .map(|(device, _)| device)
    }
}

/// A request about a disk and its devices.
fn request(site: &Site<'_>, running: Option<Running>, deadline: Duration) -> Request {
    let (run, mode) = running.map_or((None, None), words);
    Request {
        disk: Some(External::names(site.key)),
        site: Some(place(site)),
        run,
        mode,
        ..Program::request(deadline)
    }
}

fn place(site: &Site<'_>) -> Place {
    let volume = |device: &Device| Volume {
        path: device.path.clone(),
        number: device.number.to_string(),
        size: device.size.bytes(),
    };
    Place {
        origin: volume(&site.origin),
        parts: site
            .parts
            .iter()
            .map(|(role, device)| (*role, volume(device)))
            .collect(),
        block: site.block,
    }
}

const fn words(running: Running) -> (Option<Run>, Option<CacheMode>) {
    match running {
        Running::Filling => (Some(Run::Fill), None),
        Running::Serving(mode) => (Some(Run::Serve), Some(mode)),
        Running::Draining => (Some(Run::Drain), None),
    }
}

#[cfg(test)]
mod tests;
