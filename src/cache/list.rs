//! `driver ls`: every driver, where it comes from, and whether this host can use it.

use std::path::PathBuf;

use serde::Serialize;

use super::{Listed, SeedAbility};
use crate::host::Host;
use crate::model::{CacheMode, DriverName};
use crate::tools::kmod::{self, Module};

/// The answer of `driver ls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct DriverList {
    /// The version of this format.
    pub version: u32,
    /// The drivers: those of this program first.
    pub drivers: Vec<DriverInfo>,
}

/// A driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct DriverInfo {
    /// Its name.
    pub name: DriverName,
    /// Its directory; absent for one of this program.
    pub dir: Option<PathBuf>,
    /// The version of one from outside, in its own words.
    pub release: Option<String>,
    /// Its modes; empty where it cannot be asked.
    pub modes: Vec<CacheMode>,
    /// What it guarantees in each of them, in their order.
    pub guarantees: Vec<Guarantee>,
    /// Whether and how it is seeded; absent where it cannot be asked.
    pub seed: Option<SeedAbility>,
    /// Whether this host can use it now.
    pub usable: bool,
    /// What it lacks, or why it may not be used.
    pub why: Option<String>,
    /// What can be done about that.
    pub remedy: Option<String>,
}

/// What a driver guarantees in a mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Guarantee {
    /// The mode.
    pub mode: CacheMode,
    /// What is lost when the SSD dies, and when the host dies, in words.
    pub words: String,
}

impl DriverList {
    /// The version that this program writes.
    pub const VERSION: u32 = 1;

    /// Looks at all drivers of a host.
    pub fn of(host: &Host) -> Self {
        let drivers = host.drivers.all().into_iter();
        Self {
            version: Self::VERSION,
            drivers: drivers.map(|listed| info(host, listed)).collect(),
        }
    }
}

fn info(host: &Host, listed: Listed<'_>) -> DriverInfo {
    let mut info = DriverInfo {
        name: listed.name,
        dir: listed.dir.map(Into::into),
        release: listed.outside.map(|outside| outside.said().release.clone()),
        modes: Vec::new(),
        guarantees: Vec::new(),
        seed: None,
        usable: true,
        why: None,
        remedy: None,
    };
    match listed.driver {
        Err(error) => {
            info.usable = false;
            info.why = Some(error.chain());
            info.remedy = error.remedy_text().map(str::to_owned);
        }
        Ok(driver) => {
            let can = driver.capabilities();
            let guarantee = |mode: &CacheMode| Guarantee {
                mode: *mode,
                words: driver.guarantee(*mode).into_owned(),
            };
            info.guarantees = can.modes.iter().map(guarantee).collect();
            info.modes = can.modes;
            info.seed = Some(can.seed);
            let lacks = lacks(host, &driver.needs());
            if !lacks.is_empty() {
                info.usable = false;
                info.why = Some(format!("this host lacks {}", lacks.join(", ")));
                info.remedy = Some("install what it lacks, or choose another driver".into());
            }
        }
    }
    info
}

/// What a driver needs and this host has not, in words.
pub fn lacks(host: &Host, needs: &super::Needs) -> Vec<String> {
    let tools = needs
        .tools
        .iter()
        .filter(|tool| host.exec.find(tool).is_err());
    let module = |name: &&String| {
        matches!(
            kmod::probe(&host.exec, &host.roots, name),
            Ok(Module::Missing) | Err(_)
        )
    };
    let modules = needs.modules.iter().filter(module);
    let tools = tools.map(|tool| format!("the tool {tool}"));
    tools
        .chain(modules.map(|name| format!("the module {name}")))
        .collect()
}
