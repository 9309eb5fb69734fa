//! The cache drivers: which of them can be used here, what they can do, and what the configured one guarantees.

use super::finding::Finding;
use crate::cache::{self, Driver, Listed, SeedAbility};
use crate::config::Drivers;
use crate::host::Host;
use crate::model::Bytes;

/// One finding per driver. Those that are not configured are only told about.
pub fn drivers(host: &Host) -> Vec<Finding> {
    let all = host.drivers.all();
    let mut findings: Vec<Finding> = all.iter().map(|listed| one(host, &all, listed)).collect();
    findings.extend(directories(&host.config.drivers));
    let configured = &host.config.cache.driver;
    if !all.iter().any(|listed| listed.name == *configured)
        && let Err(error) = cache::driver(host, configured)
    {
        findings.push(Finding::of_error(
            "configured driver",
            &error,
            "correct [cache] driver",
        ));
    }
    findings
}

/// Directories for drivers that were configured and are not there; of the usual ones that is nothing to tell.
fn directories(drivers: &Drivers) -> impl Iterator<Item = Finding> + use<'_> {
    let usual = Drivers::default().path;
    let missing = drivers
        .path
        .iter()
        .filter(move |dir| !usual.contains(dir) && !dir.is_dir());
    missing.map(|dir| {
        Finding::warn(
            "driver directory",
            format!("{} is not there", dir.display()),
            "correct [drivers] path",
        )
    })
}

fn one(host: &Host, all: &[Listed<'_>], listed: &Listed<'_>) -> Finding {
    let name = format!("driver {}", listed.name);
    let configured = listed.name == host.config.cache.driver;
    let driver = match &listed.driver {
        Ok(driver) => *driver,
        Err(error) if configured => return Finding::of_error(name, error, &instead(host, all)),
        Err(error) => {
            return Finding::warn(
                name,
                error.chain(),
                error.remedy_text().unwrap_or("see why it does not answer"),
            );
        }
    };
    match (cache::lacks(host, &driver.needs()).first(), configured) {
        (None, true) => configured_one(host, name, driver),
        (None, false) => Finding::ok(name, can(driver)),
        (Some(what), false) => Finding::unused(
            name,
            format!(
                "{}; cannot be used here: this host lacks {what}",
                can(driver)
            ),
        ),
        (Some(what), true) => Finding::fail(
            name,
            format!("it is configured and cannot be used here: this host lacks {what}"),
            instead(host, all),
        ),
    }
}

/// The driver that disks get here, in the mode that they get.
fn configured_one(host: &Host, name: String, driver: &dyn Driver) -> Finding {
    let found = format!("{}; {}", can(driver), promises(host, driver));
    let (modes, wanted) = (driver.capabilities().modes, host.config.cache.mode);
    match modes.first() {
        Some(instead) if driver.caches() && !modes.contains(&wanted) => Finding::warn(
            name,
            format!("it has no mode {wanted}, so disks get {instead}: {found}"),
            "set [cache] mode to one that it has, or another driver",
        ),
        _ => Finding::ok(name, found),
    }
}

/// What to do about a driver that cannot be used: which others can.
fn instead(host: &Host, all: &[Listed<'_>]) -> String {
    let usable = all.iter().filter(|listed| {
        let driver = listed.driver.as_ref().ok();
        driver
            .is_some_and(|driver| driver.caches() && cache::lacks(host, &driver.needs()).is_empty())
    });
    // No kernel after 4.7 builds its module (facts: cache drivers, 5).
    let install = match host.config.cache.driver.as_str() {
        "flashcache" => "use a kernel up to 4.7, the last that builds it",
        _ => "install what is missing",
    };
    let names: Vec<&str> = usable.map(|listed| listed.name.as_str()).collect();
    match names[..] {
        [] => format!("{install}, or set driver = \"none\" in [cache]"),
        _ => format!(
            "{install}, or set [cache] driver to one that works here: {}",
            names.join(", ")
        ),
    }
}

/// `writethrough, writeback; seeded exactly, by its mapping`
fn can(driver: &dyn Driver) -> String {
    let can = driver.capabilities();
    let modes: Vec<&str> = can.modes.iter().map(|mode| mode.as_str()).collect();
    let seed = match can.seed {
        _ if !driver.caches() => "no cache",
        SeedAbility::Whole => "holds the whole image, filled exactly before it serves",
        SeedAbility::Mapping => "seeded exactly, by its mapping",
        SeedAbility::Reading if driver.counts() => "seeded by reading, proven by its counters",
        SeedAbility::Reading => "seeded by reading, proven by a second pass",
        SeedAbility::Never if !can.reads => "caches writes only",
        SeedAbility::Never => "cannot be seeded",
    };
    let memory = match driver.memory(Bytes::gib(1)) {
        Bytes(0) => String::new(),
        takes => format!("; takes {takes} of memory for each GiB of slice"),
    };
    format!("{}; {seed}{memory}", modes.join(", "))
}

/// What the driver guarantees in the mode that disks get here.
fn promises(host: &Host, driver: &dyn Driver) -> String {
    let modes = driver.capabilities().modes;
    let wanted = host.config.cache.mode;
    let mode = modes.iter().find(|mode| **mode == wanted).or(modes.first());
    mode.map_or_else(String::new, |mode| {
        format!("in {mode}, {}", driver.guarantee(*mode))
    })
}
