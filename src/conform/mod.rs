//! `driver check`: whether a driver from outside does what the protocol has it promise, tried on devices made for it.
//!
//! Each case says in a sentence what it saw, and begins with nothing in the kernel. They work through [`External`], as a disk
//! does, so what is refused here is what a disk would refuse; only malformed requests go to the executable itself.

mod bench;
mod cases;
mod io;
mod killed;
mod rude;
mod stand;
mod writing;

use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use crate::cache::external::{External, Program, program};
use crate::host::Host;
use crate::model::DriverName;
use crate::tools::kmod;
use crate::{Error, Kind, Result};

use self::bench::Bench;
use self::stand::Stand;

/// What became of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// Not.
    Fail,
    /// Not tried: the driver does not claim to do this.
    Skip,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct CaseReport {
    /// What was tried.
    pub case: String,
    /// What became of it.
    pub outcome: Outcome,
    /// What was seen, or why it was not tried.
    pub seen: String,
    /// How long it took.
    pub seconds: f64,
}

/// The whole test.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ConformReport {
    /// The version of this format.
    pub version: u32,
    /// The driver.
    pub driver: DriverName,
    /// Its own version.
    pub release: String,
    /// The cases, in their order.
    pub cases: Vec<CaseReport>,
}

impl ConformReport {
    /// The version that this program writes.
    pub const VERSION: u32 = 1;

    /// How many cases ended so.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.cases
            .iter()
            .filter(|case| case.outcome == outcome)
            .count()
    }

    /// Whether no case failed.
    pub fn conforms(&self) -> bool {
        self.count(Outcome::Fail) == 0
    }
}

/// What a case gives: what it saw, or why it does not apply.
enum Seen {
    Pass(String),
    Skip(String),
}

/// A case: its name, and what it does.
type Case = (&'static str, fn(&Bench<'_>) -> Result<Seen>);

/// Tries the driver in a directory; `begins` is told each case before it is tried.
///
/// Errors: it cannot be tried at all: it may not be run, does not say what it can do, or this host lacks what it or the test
/// needs. A driver that fails a case is no error of this function.
pub fn check(host: &Host, dir: &Path, begins: impl Fn(&str)) -> Result<ConformReport> {
    let driver = open(host, dir)?;
    equip(host, &driver)?;
    let stand = Stand::new(host, &driver)?;
    let bench = Bench {
        host,
        driver: &driver,
        stand: &stand,
    };
    let mut report = ConformReport {
        version: ConformReport::VERSION,
        driver: driver.said().name.clone(),
        release: driver.said().release.clone(),
        cases: Vec::new(),
    };
    for (name, body) in cases::ALL.iter().chain(killed::ALL).chain(rude::ALL) {
        host.cancel.check()?;
        begins(name);
        report.cases.push(run(&bench, name, *body));
    }
    Ok(report)
}

/// The driver of a directory, whose name is the driver's.
fn open(host: &Host, dir: &Path) -> Result<External> {
    let whole = dir.canonicalize().map_err(|error| {
        Error::new(
            Kind::NotFound,
            format!("there is no directory {}", dir.display()),
        )
        .because(error)
    })?;
    let path = program(&whole)?;
    let name = whole
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .parse()?;
    External::ask(
        Program::new(host.exec.clone(), name, path),
        &host.config,
        &host.roots,
    )
}

/// Tools and modules, the driver's and the test's own.
fn equip(host: &Host, driver: &External) -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Err(Error::new(
            Kind::Missing,
            "a driver is tried on block devices, which only root can make",
        )
        .remedy("run it as root, on a host without disks of warmblock"));
    }
    let said = driver.said();
    for tool in said
        .tools
        .iter()
        .map(String::as_str)
        .chain(["losetup", "dmsetup"])
    {
        host.exec.find(tool)?;
    }
    let modules = said
        .modules
        .iter()
        .map(String::as_str)
        .chain(["loop", "dm-mod"]);
    kmod::ensure(&host.exec, &host.roots, &modules.collect::<Vec<_>>())
}

/// Runs a case on a disk that is closed and formatted, and closes it again.
fn run(bench: &Bench<'_>, name: &str, body: fn(&Bench<'_>) -> Result<Seen>) -> CaseReport {
    let began = Instant::now();
    let seen = bench.begin().and_then(|()| body(bench));
    let seen = match (seen, bench.end()) {
        (Ok(seen), Ok(())) => Ok(seen),
        (Ok(_), Err(error)) => Err(error),
        (Err(error), ended) => Err(error.and_then_cleanup(ended)),
    };
    let (outcome, seen) = match seen {
        Ok(Seen::Pass(seen)) => (Outcome::Pass, seen),
        Ok(Seen::Skip(why)) => (Outcome::Skip, why),
        Err(error) => (Outcome::Fail, in_words(&error)),
    };
    CaseReport {
        case: name.to_owned(),
        outcome,
        seen,
        seconds: began.elapsed().as_secs_f64(),
    }
}

fn in_words(error: &Error) -> String {
    let also = error
        .cleanup_errors()
        .into_iter()
        .map(|error| format!("; then: {}", error.chain()));
    error.chain() + &also.collect::<String>()
}
