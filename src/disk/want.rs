//! What an attach wants of a disk: a new record, or the one that there is, with or without another driver.

mod seed;
mod several;
mod size;
#[cfg(test)]
mod tests;

use self::seed::seed;
pub(super) use self::seed::seedable;
use self::several::{for_several, one_more};
use self::size::slice_size;
use crate::cache::{self, Driver, SeedAbility};
use crate::disk::record::{Intent, Record, Shared};
use crate::exec::ExecError;
use crate::host::Host;
use crate::job::Attach;
use crate::model::{Bytes, CacheMode, DiskKey, DriverName, Fsid, OnFull, SeedSpec};
use crate::tools::lvm::{LvmError, Volumes};
use crate::{Context, Error, Kind, Result, config};

/// What a disk that is attached is to have instead of the driver that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exchange {
    /// The driver.
    pub(super) driver: DriverName,
    /// Its mode.
    pub(super) mode: CacheMode,
    /// The cached bytes wanted.
    pub(super) size: Bytes,
    /// What to seed.
    pub(super) seed: SeedSpec,
    /// What the operator should know of the choice.
    pub(super) warning: Option<String>,
}

/// A record for a disk that this host does not have yet.
pub(super) fn fresh(
    host: &Host,
    ask: &Attach,
    key: DiskKey,
    fsid: Fsid,
    image: Bytes,
) -> Result<Record> {
    let config = &host.config;
    let (name, mode) = match ask.shared {
        Some(access) => for_several(host, ask, access)?,
        None => for_one(host, ask)?,
    };
    let driver = cache::driver(host, &name)?;
    if let Some(size) = ask.size.filter(|size| *size < config.cache.block) {
        return Err(Error::new(
            Kind::Usage,
            format!("a slice of {size} is smaller than one cache block"),
        )
        .remedy(format!("ask for at least {}", config.slice.min)));
    }
    Ok(Record {
        version: Record::VERSION,
        key,
        image: ask.image.clone(),
        fsid,
        intent: intent(ask),
        kept_out: false,
        driver: name,
        uncached: false,
        mode,
        size: slice_size(host, driver, ask, image)?,
        block: config.cache.block,
        vg: config.slice.vg.clone(),
        seed: seed(driver, ask.seed, config.seed.what)?,
        rate: ask.rate.filter(|_| ask.seed_later),
        link: ask.link.clone().filter(|_| ask.shared.is_none()),
        by: host.caller,
        generation: 0,
        boot_id: String::new(),
        access: host.access.clone(),
        guest: ask.guest.clone(),
        shared: ask.shared.map(|access| Shared {
            access,
            links: ask.link.iter().cloned().collect(),
        }),
    })
}

/// Driver and mode of a disk that one VM has: as asked, else as configured.
fn for_one(host: &Host, ask: &Attach) -> Result<(DriverName, CacheMode)> {
    let name = match (&ask.driver, ask.mode) {
        (Some(driver), _) => driver.clone(),
        (None, Some(CacheMode::None)) => config::fixed("none"),
        (None, _) => host.config.cache.driver.clone(),
    };
    let mode = mode(host, cache::driver(host, &name)?, ask.mode, None)?;
    Ok((name, mode))
}

/// What to tell of a disk that is attached anew and writes back, though neither the caller nor the configuration has said so: its driver
/// can do nothing else.
pub(super) fn unasked_write_back(
    host: &Host,
    ask: &Attach,
    record: &Record,
) -> Result<Option<String>> {
    let wanted = host.config.cache.mode;
    if ask.mode.is_some() || !record.mode.can_be_dirty() || wanted.can_be_dirty() {
        return Ok(None);
    }
    let driver = cache::driver(host, &record.driver)?;
    Ok(Some(in_another_mode(driver, wanted, record.mode)))
}

fn in_another_mode(driver: &dyn Driver, wanted: CacheMode, mode: CacheMode) -> String {
    format!(
        "driver {} has no mode {wanted}: the disk is in {mode} now; {}",
        driver.name(),
        driver.guarantee(mode)
    )
}

/// A host that is let in beside the lease's holder has no cache.
const fn intent(ask: &Attach) -> Intent {
    match ask.guest {
        Some(_) => Intent::Bypassed,
        None => Intent::Attached,
    }
}

/// The mode for a driver: as asked; else the one that there was, else the configuration's, else the driver's first one.
///
/// Errors: [`Kind::Usage`] if it is asked for and the driver has no such mode.
fn mode(
    host: &Host,
    driver: &dyn Driver,
    asked: Option<CacheMode>,
    had: Option<CacheMode>,
) -> Result<CacheMode> {
    let modes = driver.capabilities().modes;
    if let Some(asked) = asked {
        return knows(driver, asked).map(|()| asked);
    }
    let wishes = had.into_iter().chain([host.config.cache.mode]);
    let found = wishes
        .chain(modes.first().copied())
        .find(|mode| modes.contains(mode));
    found.ok_or_else(|| {
        Error::new(
            Kind::Internal,
            format!("driver {} has no modes", driver.name()),
        )
    })
}

/// Refuses a mode that a driver does not have.
pub(super) fn knows(driver: &dyn Driver, mode: CacheMode) -> Result<()> {
    let modes = driver.capabilities().modes;
    if modes.contains(&mode) {
        return Ok(());
    }
    let list: Vec<&str> = modes.iter().map(|mode| mode.as_str()).collect();
    let message = format!("driver {} has no mode {mode}", driver.name());
    Err(Error::new(Kind::Usage, message).remedy(format!(
        "choose one of: {}; or another driver, with `attach --driver`, also of a disk in use; `warmblock doctor` says what \
         each can do",
        list.join(", ")
    )))
}

/// The record of a disk that this host has, for an attach that asks for it again; and what it is to become, if the attach
/// asks for another driver.
///
/// Errors: [`Kind::Exists`] if the attach asks for something else than there is, with both sides.
pub(super) fn again(
    host: &Host,
    mut record: Record,
    ask: &Attach,
    image: Bytes,
) -> Result<(Record, Option<Exchange>)> {
    // What an older release attached for one VM stays that VM's until it is detached.
    let own = record.shared.is_none() && ask.keep && ask.link.is_some() && ask.link == record.link;
    if !own && (record.shared.is_some() || ask.shared.is_some()) {
        return one_more(record, ask).map(|record| (record, None));
    }
    let other = ask.driver.as_ref().filter(|name| **name != record.driver);
    let exchange = match other {
        _ if ask.keep => None,
        Some(name) => Some(exchange(host, &record, ask, name, image)?),
        None => {
            same_cache(host, &record, ask, image)?;
            None
        }
    };
    if let Some(link) = ask
        .link
        .as_ref()
        .filter(|link| record.link.as_ref() != Some(link))
    {
        if let Some(old) = &record.link {
            let (old, new) = (old.display().to_string(), link.display().to_string());
            let remedy = "detach it first, or use the link there is";
            return Err(clash(ask, "link", &old, &new, remedy));
        }
        record.link = Some(link.clone());
    }
    if record.uncached && exchange.is_none() && !ask.keep {
        // It has no slice: the next one is as asked for now, and where the configuration has it now.
        let driver = cache::driver(host, &record.driver)?;
        record.size = match ask.size {
            Some(_) => slice_size(host, driver, ask, image)?,
            None => record.size,
        };
        record.vg = host.config.slice.vg.clone().or(record.vg);
    }
    record.by = host.caller.or(record.by);
    if ask.seed_later && !ask.keep {
        record.rate = ask.rate.or(record.rate);
    }
    record.image = ask.image.clone();
    record.access = host.access.clone().or(record.access);
    record.kept_out &= ask.keep;
    // Also of one whose detach was interrupted: it is wanted again, without its cache.
    record.intent = match record.kept_out {
        true => Intent::Bypassed,
        false => intent(ask),
    };
    // The lease layer lets a guest become the holder, and knows what else it finds.
    record.guest = ask.guest.clone().or(record.guest);
    Ok((record, exchange))
}

fn exchange(
    host: &Host,
    record: &Record,
    ask: &Attach,
    name: &DriverName,
    image: Bytes,
) -> Result<Exchange> {
    let driver = cache::driver(host, name)?;
    let mode = mode(host, driver, ask.mode, Some(record.mode))?;
    // With a driver that could not be seeded, or only as a whole, there was no choice.
    let old = cache::driver(host, &record.driver)?;
    let usual = match old.capabilities().seed {
        SeedAbility::Never | SeedAbility::Whole => host.config.seed.what,
        _ => record.seed,
    };
    let own = |driver: &dyn Driver| !driver.whole() && !driver.shares();
    let afresh = ask.size.is_some() || !own(driver) || !own(old);
    let fell_back = ask.mode.is_none() && record.mode != CacheMode::None && mode != record.mode;
    let warning = in_another_mode(driver, record.mode, mode);
    Ok(Exchange {
        driver: name.clone(),
        mode,
        size: match afresh {
            true => slice_size(host, driver, ask, image)?,
            false => record.size,
        },
        seed: seed(driver, ask.seed, usual)?,
        warning: (fell_back && driver.caches()).then_some(warning),
    })
}

/// Refuses an attach that asks for another mode, size or seed than the disk has.
fn same_cache(host: &Host, record: &Record, ask: &Attach, image: Bytes) -> Result<()> {
    if record.uncached && ask.on_full == Some(OnFull::Fail) {
        let message = format!(
            "image {} is attached without a cache, for {}",
            ask.image,
            record.why_uncached()
        );
        return Err(Error::new(Kind::NoSpace, message).remedy(format!(
            "make room in a volume group for slices, then `warmblock insert {}` puts a cache in, under load",
            ask.image
        )));
    }
    if let Some(mode) = ask.mode.filter(|mode| *mode != record.mode) {
        let remedy = "`warmblock mode` changes it under load";
        return Err(clash(
            ask,
            "mode",
            record.mode.as_str(),
            mode.as_str(),
            remedy,
        ));
    }
    let driver = cache::driver(host, &record.driver)?;
    let size = slice_size(host, driver, ask, image)?;
    if ask.size.is_some() && size != record.size && !record.uncached {
        let (have, want) = (record.size.to_string(), size.to_string());
        let remedy = "detach it first, then attach it with the other size";
        return Err(clash(ask, "a slice of", &have, &want, remedy));
    }
    if let Some(seed) = ask.seed.filter(|seed| *seed != record.seed) {
        seedable(driver, seed)?;
        let (have, want) = (record.seed.to_string(), seed.to_string());
        let remedy = format!(
            "`warmblock seed {} {seed}` seeds it anew, under load",
            ask.image
        );
        return Err(clash(ask, "seed", &have, &want, &remedy));
    }
    Ok(())
}

fn clash(ask: &Attach, what: &str, have: &str, want: &str, remedy: &str) -> Error {
    let message = format!(
        "image {} is attached with {what} {have}, not {want}",
        ask.image
    );
    Error::new(Kind::Exists, message).remedy(remedy.to_owned())
}

/// A record that was made up, with the driver that its slice is tagged with, and a mode that this driver has.
pub(super) fn as_its_slice(host: &Host, mut record: Record) -> Result<Record> {
    let volumes = match host.lvm().list() {
        Err(LvmError::Exec(ExecError::Missing { .. })) => Volumes::default(),
        other => other.context(|| "cannot list the slices of this host".into())?,
    };
    let ours = volumes.of(&record.key);
    let named = ours.iter().find_map(|lv| lv.tag("driver")?.parse().ok());
    if let Some(name) = named {
        record.driver = name;
    }
    let modes = cache::driver(host, &record.driver)?.capabilities().modes;
    if let Some(first) = modes.first().filter(|_| !modes.contains(&record.mode)) {
        record.mode = *first;
    }
    Ok(record)
}
