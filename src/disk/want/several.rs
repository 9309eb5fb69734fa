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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::cancel::Cancel;
    use crate::config::Config;
    use crate::disk::record::Shared;
    use crate::disk::want;
    use crate::model::Bytes;
    use crate::progress::ProgressMode;
    use crate::sys::Roots;

    fn ask(link: &str, shared: Option<Sharing>) -> Attach {
        Attach {
            link: Some(link.into()),
            shared,
            ..Attach::new("one/a".parse().unwrap())
        }
    }

    fn record(access: Sharing, links: &[&str]) -> Record {
        let mut record = Record::sample();
        record.intent = Intent::Attached;
        record.shared = Some(Shared {
            access,
            links: links.iter().map(PathBuf::from).collect(),
        });
        record
    }

    fn host(dir: &std::path::Path) -> Host {
        let (config, roots) = (Config::default(), Roots::at(dir));
        Host::new(config, roots, ProgressMode::Quiet, Cancel::new())
    }

    /// Its record knows nothing of several VMs, and its lease has a holder: so it stays until it is detached.
    #[test]
    fn what_an_older_release_attached_stays_its_vms() {
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path());
        let mut record = Record::sample();
        record.intent = Intent::Attached;
        record.link = Some("/d/1/disk.0".into());
        let again = |link: &str, access| {
            let ask = Attach {
                keep: true,
                mode: Some(CacheMode::Writeback),
                ..ask(link, Some(access))
            };
            want::again(&host, record.clone(), &ask, Bytes::gib(1))
        };
        for access in [Sharing::ReadOnly, Sharing::ReadWrite] {
            assert_eq!(
                again("/d/1/disk.0", access).unwrap(),
                (record.clone(), None)
            );
            let another = again("/d/2/disk.0", access).unwrap_err();
            assert_eq!(another.kind(), Kind::Exists);
        }
    }

    #[test]
    fn only_what_nobody_writes_is_cached_and_never_in_write_back() {
        let dir = tempfile::tempdir().unwrap();
        let host = host(dir.path());
        let wanted = |ask: &Attach| {
            let access = ask.shared.unwrap();
            let (driver, mode) = for_several(&host, ask, access).unwrap();
            format!("{driver} {mode}")
        };
        let (read, written) = (Some(Sharing::ReadOnly), Some(Sharing::ReadWrite));
        assert_eq!(wanted(&ask("/d/1/disk.0", written)), "none none");
        assert_eq!(wanted(&ask("/d/1/disk.0", read)), "dm-cache writethrough");
        let with = |driver: &str, mode| Attach {
            driver: Some(driver.parse().unwrap()),
            mode,
            ..ask("/d/1/disk.0", read)
        };
        let back = Some(CacheMode::Writeback);
        assert_eq!(wanted(&with("bcache", back)), "bcache writethrough");
        assert_eq!(wanted(&with("local", back)), "none none");
        assert_eq!(wanted(&with("dm-writecache", None)), "none none");
        assert_eq!(wanted(&with("bcache", Some(CacheMode::None))), "none none");
        let nameless = Attach {
            link: None,
            ..ask("/", read)
        };
        let refused = for_several(&host, &nameless, Sharing::ReadOnly).unwrap_err();
        assert_eq!(refused.kind(), Kind::Usage);
    }

    #[test]
    fn one_more_comes_to_those_who_have_it_for_the_same() {
        let read = Some(Sharing::ReadOnly);
        let before = record(Sharing::ReadOnly, &["/d/1/disk.0"]);
        let after = one_more(before.clone(), &ask("/d/2/disk.0", read)).unwrap();
        let both = record(Sharing::ReadOnly, &["/d/1/disk.0", "/d/2/disk.0"]);
        assert_eq!(after.shared, both.shared);
        for other in [None, Some(Sharing::ReadWrite)] {
            let refused = one_more(before.clone(), &ask("/d/2/disk.0", other)).unwrap_err();
            assert_eq!(refused.kind(), Kind::Exists);
        }
        // Whose detach was interrupted is in no more.
        let mut leaving = before;
        leaving.intent = Intent::Detached;
        let after = one_more(leaving, &ask("/d/2/disk.0", read)).unwrap();
        let links = record(Sharing::ReadOnly, &["/d/2/disk.0"]).shared;
        assert_eq!((after.shared, after.intent), (links, Intent::Attached));
    }
}
