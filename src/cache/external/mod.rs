//! Drivers from outside: a directory with one executable, spoken to as [`protocol`] says.
//!
//! What such a driver says is believed only as far as it must be. What its device is, how large, and whether its I/O is held
//! back is read from the kernel; before the device is used for the first time, its ends are compared with the image.
//! A driver that does not answer, or answers nonsense, counts as a cache that is broken: unknown counts as dirty, and
//! `bypass` still takes a write-through cache out of the path. Only one that the driver itself calls broken is opened anew.

mod driver;
mod find;
mod program;
pub mod protocol;
mod trust;

pub use find::{EXECUTABLE, Found, find, program};
pub use program::Program;

use std::sync::OnceLock;
use std::time::Duration;

use self::protocol::{
    CapabilitiesAnswer, DiskNames, Place, Request, Run, State, StatusAnswer, Verb, Volume,
};
use super::{Cache, Device, Running, Site, Stats};
use crate::config::Config;
use crate::model::{CacheMode, DiskKey, Role};
use crate::sys::{Block, Roots};
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
