//! The cache drivers: which of them can be used here, what they can do, and what the configured one guarantees.

use super::finding::Finding;
use crate::cache::{self, Driver, SeedAbility};
use crate::host::Host;
use crate::tools::kmod::{self, Module};

/// One finding per driver. Those that are not configured are only told about.
pub fn drivers(host: &Host) -> Vec<Finding> {
    let all = cache::drivers(host);
    let mut findings: Vec<Finding> = all.iter().map(|driver| one(host, *driver)).collect();
    if let Err(error) = cache::driver(host, &host.config.cache.driver) {
        findings.push(Finding::of_error(
            "configured driver",
            &error,
            "correct [cache] driver",
        ));
    }
    findings
}

fn one(host: &Host, driver: &dyn Driver) -> Finding {
    let name = format!("driver {}", driver.name());
    let configured = driver.name() == host.config.cache.driver;
    match (lacks(host, driver), configured) {
        (None, true) => Finding::ok(name, format!("{}; {}", can(driver), promises(host, driver))),
        (None, false) => Finding::ok(name, can(driver)),
        (Some(what), false) => Finding::ok(
            name,
            format!("{}; cannot be used here: {what}", can(driver)),
        ),
        (Some(what), true) => Finding::fail(
            name,
            format!("it is configured and cannot be used here: {what}"),
            "install what is missing, or choose another driver in [cache] driver",
        ),
    }
}

/// The first thing that a driver needs and this host does not have.
fn lacks(host: &Host, driver: &dyn Driver) -> Option<String> {
    let needs = driver.needs();
    let tool = needs
        .tools
        .iter()
        .find(|tool| host.exec.find(tool).is_err());
    let missing = |module: &&String| {
        !matches!(
            kmod::probe(&host.exec, &host.roots, module),
            Ok(Module::Present | Module::Loadable)
        )
    };
    tool.map(|tool| format!("there is no {tool}")).or_else(|| {
        let module = needs.modules.iter().find(missing)?;
        Some(format!("the kernel has no {module}"))
    })
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
