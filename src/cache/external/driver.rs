//! A driver from outside as a [`Driver`]: each call is a verb.

use std::borrow::Cow;
use std::time::Duration;

use super::protocol::{SeedWord, State, Verb};
use super::{External, request};
use crate::cache::{
    Cache, Capabilities, Cleanliness, Device, Driver, Needs, Part, Running, SeedAbility, Seen, Site,
};
use crate::host::Host;
use crate::model::{Bytes, CacheMode, Change, DiskKey, DriverName};
use crate::seed::SeedPlan;
use crate::{Error, Kind, Result};

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
            reads: self.said.reads,
            live: self.said.live,
        }
    }

    fn needs(&self) -> Needs {
        Needs {
            tools: self.said.tools.clone(),
            modules: self.said.modules.clone(),
        }
    }

    fn asks_its_modules(&self) -> bool {
        true
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
    fn read(&self, _host: &Host, key: &DiskKey, _seen: &Seen) -> Cache {
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
        Ok(self.read(host, key, &Seen::new(None)))
    }

    fn asked(&self, _host: &Host, key: &DiskKey) -> Result<Cache> {
        if let Some(why) = self.silent.get() {
            return Err(Error::new(Kind::Timeout, why.clone()));
        }
        Ok(self.cache(&self.on_key(Verb::Status, key)?))
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

    fn drain(&self, site: &Site<'_>, deadline: Duration) -> Result<Bytes> {
        let before = match self.probe(site.host, site.key)? {
            Cache::Up { stats, .. } => stats.dirty,
            _ => Bytes(0),
        };
        let task = site.host.progress.start("flush", before);
        let wanted = request(site, None, deadline);
        let answer = self.program.flush(&wanted, &site.host.cancel)?;
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
        let seen = self.probe(host, key)?;
        Ok(Cleanliness::of(seen, |running, _| match running {
            Running::Serving(mode) if mode.can_be_dirty() => Cleanliness::for_the_moment(),
            _ => {
                let name = &self.said.name;
                Cleanliness::clean(format!("the cache driver {name} counts nothing dirty"))
            }
        }))
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
