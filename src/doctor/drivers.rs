//! The cache drivers: which of them can be used here, what they can do, and what the configured one guarantees.

use super::finding::Finding;
use crate::cache::{self, Driver, Listed, SeedAbility};
use crate::host::Host;

/// One finding per driver. Those that are not configured are only told about.
pub fn drivers(host: &Host) -> Vec<Finding> {
    let all = host.drivers.all();
    let mut findings: Vec<Finding> = all.iter().map(|listed| one(host, &all, listed)).collect();
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
        (None, true) => Finding::ok(name, format!("{}; {}", can(driver), promises(host, driver))),
        (None, false) => Finding::ok(name, can(driver)),
        (Some(what), false) => Finding::ok(
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

/// What to do about a driver that cannot be used: which others can.
fn instead(host: &Host, all: &[Listed<'_>]) -> String {
    let usable = all.iter().filter(|listed| {
        let driver = listed.driver.as_ref().ok();
        driver
            .is_some_and(|driver| driver.caches() && cache::lacks(host, &driver.needs()).is_empty())
    });
    let names: Vec<&str> = usable.map(|listed| listed.name.as_str()).collect();
    match names[..] {
        [] => "install what is missing, or set driver = \"none\" in [cache]".into(),
        _ => format!(
            "install what is missing, or set [cache] driver to one that works here: {}",
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
        SeedAbility::Reading => "seeded by reading, proven by a second pass",
        SeedAbility::Never if !can.reads => "caches writes only",
        SeedAbility::Never => "cannot be seeded",
    };
    format!("{}; {seed}", modes.join(", "))
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
