//! What is wanted of a disk that several VMs have at once.

use crate::cache;
use crate::config;
use crate::disk::record::{Intent, Record};
use crate::host::Host;
use crate::job::Attach;
use crate::model::{CacheMode, DriverName, Sharing};
use crate::{Error, Kind, Result};

/// Driver and mode of a disk that several VMs have at once. What they write is never cached, for a cache would not see what
/// other hosts write; what they only read is cached by the driver that is asked for, but in write-through, whatever the mode.
///
/// Errors: [`Kind::Usage`] without a link, by which a VM is told from the others.
pub(super) fn for_several(
    host: &Host,
    ask: &Attach,
    access: Sharing,
) -> Result<(DriverName, CacheMode)> {
    if ask.link.is_none() {
        let message = format!("several VMs may have image {} at once", ask.image);
        return Err(Error::new(Kind::Usage, message).remedy("give each of them a link of its own"));
    }
    let uncached = (config::fixed("none"), CacheMode::None);
    if access == Sharing::ReadWrite || ask.mode == Some(CacheMode::None) {
        return Ok(uncached);
    }
    let name = ask.driver.as_ref().unwrap_or(&host.config.cache.driver);
    let modes = cache::driver(host, name)?.capabilities().modes;
    Ok(match modes.contains(&CacheMode::Writethrough) {
        true => (name.clone(), CacheMode::Writethrough),
        false => uncached,
    })
}

/// The record of an image that several VMs have at once, with one more of them.
///
/// Errors: [`Kind::Exists`] if it is one VM's, or the others have it otherwise.
pub(super) fn one_more(mut record: Record, ask: &Attach) -> Result<Record> {
    if record.sharing() != ask.shared {
        let words = |sharing: Option<Sharing>| match sharing {
            Some(access) => format!("for several VMs at once, {access}"),
            None => "for one VM".to_owned(),
        };
        let message = format!(
            "image {} is attached {}, not {}",
            ask.image,
            words(record.sharing()),
            words(ask.shared)
        );
        return Err(Error::new(Kind::Exists, message)
            .remedy("end those VMs first: the one way and the other exclude each other"));
    }
    if let Some(shared) = &mut record.shared {
        if record.intent == Intent::Detached {
            // The last of them went, and it was interrupted.
            shared.links.clear();
        }
        shared.links.extend(ask.link.clone());
    }
    record.image = ask.image.clone();
    record.intent = Intent::Attached;
    Ok(record)
}
