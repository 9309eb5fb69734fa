//! Every driver that a host has: those of this program, and those in the directories of `[drivers] path`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use super::external::{self, External, Found, Program};
use super::{Driver, bcache, dm_cache, dm_writecache, flashcache, local, none};
use crate::config::Config;
use crate::exec::Exec;
use crate::model::DriverName;
use crate::sys::Roots;
use crate::{Error, Kind, Result};

/// Those of this program.
static BUILT_IN: [&dyn Driver; 7] = [
    &dm_cache::CACHE,
    &bcache::Bcache(bcache::Set::Disk),
    &bcache::Bcache(bcache::Set::Host),
    &dm_writecache::DmWritecache,
    &flashcache::Flashcache,
    &local::LOCAL,
    &none::None,
];

/// The names of those of this program.
#[cfg(test)]
pub(crate) fn built_in_names() -> Vec<DriverName> {
    BUILT_IN.iter().map(|driver| driver.name()).collect()
}

/// The drivers of a host. A directory is looked into once per process, and only when a driver is asked for that is not of
/// this program; what a driver can do is asked once, when it is first used, and one that did not answer is not asked again.
#[derive(Debug)]
pub struct Drivers {
    config: Config,
    exec: Exec,
    roots: Roots,
    outside: OnceLock<BTreeMap<DriverName, Slot>>,
}

#[derive(Debug)]
struct Slot {
    found: Found,
    driver: OnceLock<Result<External>>,
}

/// A driver, and where it comes from.
#[derive(Debug)]
pub struct Listed<'a> {
    /// Its name.
    pub name: DriverName,
    /// Its directory; `None` for one of this program.
    pub dir: Option<&'a Path>,
    /// The driver, or why it cannot be used.
    pub driver: Result<&'a dyn Driver>,
    /// What it tells of itself, if it is from outside.
    pub outside: Option<&'a External>,
}

impl Drivers {
    /// The drivers that a configuration gives a host.
    pub fn new(config: &Config, exec: &Exec, roots: &Roots) -> Self {
        Self {
            config: config.clone(),
            exec: exec.clone(),
            roots: roots.clone(),
            outside: OnceLock::new(),
        }
    }

    /// The driver of a name.
    ///
    /// Errors: [`Kind::Usage`], listing those there are; for one from outside, that it may not be run or does not answer.
    pub fn get(&self, name: &DriverName) -> Result<&dyn Driver> {
        if let Some(driver) = built_in(name) {
            return Ok(driver);
        }
        let slot = self.outside().get(name).ok_or_else(|| self.unknown(name))?;
        let driver = self.external(name, slot)?;
        Ok(driver)
    }

    /// All of them: those of this program first. Those from outside are asked what they can do.
    pub fn all(&self) -> Vec<Listed<'_>> {
        let inside = BUILT_IN.into_iter().map(|driver| Listed {
            name: driver.name(),
            dir: None,
            driver: Ok(driver),
            outside: None,
        });
        let outside = self.outside().iter().map(|(name, slot)| {
            let driver = match built_in(name) {
                Some(_) => Err(hidden(name, &slot.found.dir)),
                None => self.external(name, slot),
            };
            let outside = driver.as_ref().ok().copied();
            Listed {
                name: name.clone(),
                dir: Some(&slot.found.dir),
                driver: driver.map(|driver| driver as &dyn Driver),
                outside,
            }
        });
        inside.chain(outside).collect()
    }

    fn outside(&self) -> &BTreeMap<DriverName, Slot> {
        self.outside.get_or_init(|| {
            let slot = |found| Slot {
                found,
                driver: OnceLock::new(),
            };
            let found = external::find(&self.config.drivers.path);
            found
                .into_iter()
                .map(|(name, found)| (name, slot(found)))
                .collect()
        })
    }

    fn external<'a>(&'a self, name: &DriverName, slot: &'a Slot) -> Result<&'a External> {
        let asked = slot.driver.get_or_init(|| {
            let path = slot.found.program.as_ref().map_err(Error::again)?;
            let program = Program::new(self.exec.clone(), name.clone(), path.clone());
            External::ask(program, &self.config, &self.roots)
        });
        asked.as_ref().map_err(Error::again)
    }

    fn unknown(&self, name: &DriverName) -> Error {
        let inside = BUILT_IN.into_iter().map(|driver| driver.name());
        let names: Vec<String> = inside
            .chain(self.outside().keys().cloned())
            .map(String::from)
            .collect();
        Error::new(Kind::Usage, format!("there is no cache driver {name}"))
            .remedy(format!("choose one of: {}", names.join(", ")))
    }
}

fn built_in(name: &DriverName) -> Option<&'static dyn Driver> {
    BUILT_IN.into_iter().find(|driver| driver.name() == *name)
}

fn hidden(name: &DriverName, dir: &Path) -> Error {
    let message = format!(
        "{} has the name of a driver of this program, {name}, and is not used",
        dir.display()
    );
    Error::new(Kind::Config, message).remedy("give the directory another name")
}
