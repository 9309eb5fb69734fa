//! The volume group on the SSD.

use super::finding::{Finding, State};
use crate::cache;
use crate::host::Host;
use crate::model::{Bytes, OnFull, SharedName, SliceSize, VgName};
use crate::tools::lvm::Vg;
use crate::{Error, Result};

const NAME: &str = "volume group";

/// Whether the group is there, has room and lies on SSDs.
pub fn volume_group(host: &Host) -> Vec<Finding> {
    let Some(vg) = &host.config.slice.vg else {
        return vec![unset(host.config.slice.on_full)];
    };
    match look(host, vg) {
        Ok(findings) => findings,
        Err(error) => {
            let remedy = format!(
                "make it: `vgcreate {vg} /dev/SSD`, or set slice.vg to the group on the SSD"
            );
            vec![Finding::of_error(NAME, &error, &remedy)]
        }
    }
}

fn look(host: &Host, vg: &VgName) -> Result<Vec<Finding>> {
    let lvm = host.lvm();
    let mut findings = vec![room(&lvm.vg(vg)?, &next_disk(host)?)];
    findings.extend(lvm.disks(vg)?.iter().map(|device| disk(host, device)));
    Ok(findings)
}

fn unset(on_full: OnFull) -> Finding {
    const REMEDY: &str = "set slice.vg in the configuration to the volume group on the SSD";
    match on_full {
        OnFull::Bypass => Finding::warn(
            NAME,
            "none is configured: every disk is served uncached",
            REMEDY,
        ),
        OnFull::Fail => Finding::fail(
            NAME,
            "none is configured, and slice.on_full is fail",
            REMEDY,
        ),
    }
}

/// What one more disk takes at the least, as far as it can be said without its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Next {
    /// Its slice.
    slice: Bytes,
    /// The volume that it shares with others, if its driver shares one.
    shared: Option<Shared>,
}

/// A volume for all disks of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shared {
    /// It is there, so large.
    There(Bytes),
    /// It is carved with the first disk's slice.
    ToMake(Bytes),
}

/// The next disk, of the configured driver. One that cannot be used is told of elsewhere; its slice is taken for the data alone.
fn next_disk(host: &Host) -> Result<Next> {
    let (slice, block) = (&host.config.slice, host.config.cache.block);
    let smallest = match slice.size {
        SliceSize::Fixed(size) => size,
        SliceSize::Percent(_) => slice.min,
    };
    let Ok(driver) = cache::driver(host, &host.config.cache.driver) else {
        return Ok(Next {
            slice: smallest,
            shared: None,
        });
    };
    let shared = match driver.shares() {
        false => None,
        true => {
            let there = host.lvm().list().map_err(Error::from)?.shared;
            let there = there.first().map(|lv| Shared::There(lv.size));
            Some(there.unwrap_or(Shared::ToMake(slice.shared)))
        }
    };
    let parts = driver.layout(smallest, block);
    Ok(Next {
        slice: Bytes(parts.iter().map(|part| part.size.0).sum()),
        shared,
    })
}

fn room(vg: &Vg, next: &Next) -> Finding {
    let Vg {
        name, size, free, ..
    } = vg;
    let (slice, mut wanted) = (next.slice, next.slice);
    let mut found = format!("{name}: {free} of {size} free");
    let mut lacks = format!("one more slice of {slice}");
    let mut setting = "slice.size";
    match next.shared {
        Some(Shared::There(size)) => {
            found = format!("{found}; the disks share {SharedName} of {size}");
        }
        Some(Shared::ToMake(size)) => {
            wanted = Bytes(slice.0.saturating_add(size.0));
            lacks = format!("{SharedName} of {size}, which disks share, and a slice of {slice}");
            setting = "slice.shared";
        }
        None => {}
    }
    if *free >= wanted {
        return Finding::ok(NAME, found);
    }
    Finding::warn(
        NAME,
        format!("{found}: no room for {lacks}"),
        format!("detach disks, make {setting} smaller, or add an SSD with `vgextend`"),
    )
}

fn disk(host: &Host, device: &str) -> Finding {
    let name = format!("SSD {device}");
    match rotational(host, device) {
        Some(false) => Finding::ok(name, "does not rotate"),
        Some(true) => Finding::warn(
            name,
            "the kernel takes it for a rotating disk",
            "use an SSD; if it is one behind a controller or a hypervisor that hides it, this can be ignored",
        ),
        None => Finding::warn(
            name,
            "the kernel does not say what it is",
            "see whether the device is still there",
        )
        .at_most(State::Warn),
    }
}

/// What the kernel says of a disk, or of the disk that a partition is on.
fn rotational(host: &Host, device: &str) -> Option<bool> {
    // /dev/mapper/… and /dev/disk/by-id/… are links to the name that sysfs knows.
    let relative = device.strip_prefix("/dev/").unwrap_or(device);
    let node = host.roots.dev.join(relative);
    let node = node.canonicalize().unwrap_or(node);
    let block = host
        .roots
        .sys
        .join("class/block")
        .join(node.file_name()?)
        .canonicalize()
        .ok()?;
    let flag = |dir: &std::path::Path| std::fs::read_to_string(dir.join("queue/rotational")).ok();
    let text = flag(&block).or_else(|| flag(block.parent()?))?;
    Some(text.trim() == "1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::Cancel;
    use crate::config::{self, Config};
    use crate::progress::ProgressMode;

    /// 10 GiB less an extent, of which 1 GiB is left.
    fn vg() -> Vg {
        Vg {
            name: "ssd".parse().unwrap(),
            size: Bytes(10_733_223_936),
            free: Bytes::gib(1),
            extent: Bytes::mib(4),
        }
    }

    #[test]
    fn a_full_group_is_told() {
        let state = |slice| {
            let next = Next {
                slice,
                shared: None,
            };
            room(&vg(), &next).state
        };
        assert_eq!(state(Bytes::gib(1)), State::Ok);
        assert_eq!(state(Bytes::gib(8)), State::Warn);
    }

    #[test]
    fn the_volume_that_disks_share_counts_until_it_is_there() {
        let told = |shared| {
            let next = Next {
                slice: Bytes::mib(1),
                shared: Some(shared),
            };
            let finding = room(&vg(), &next);
            (finding.state, finding.found)
        };
        let (state, found) = told(Shared::ToMake(Bytes::gib(32)));
        assert_eq!(state, State::Warn);
        assert!(found.contains("no room for wb-shared of 32 GiB"), "{found}");
        // All of the group but a gigabyte, which is enough for many a prefix.
        let (state, found) = told(Shared::There(Bytes::gib(9)));
        assert_eq!(state, State::Ok);
        assert!(
            found.ends_with("the disks share wb-shared of 9 GiB"),
            "{found}"
        );
        // With a slice of 1 MiB it just does not fit.
        assert_eq!(told(Shared::ToMake(Bytes::gib(1))).0, State::Warn);
    }

    #[test]
    fn the_next_disk_is_one_of_the_configured_driver() {
        let mut config = Config::default();
        config.slice.size = SliceSize::Fixed(Bytes::gib(8));
        config.cache.driver = config::fixed("dm-cache");
        let host = |config: &Config| {
            let roots = crate::sys::Roots::at(std::path::Path::new("/nowhere"));
            Host::new(config.clone(), roots, ProgressMode::Quiet, Cancel::new())
        };
        let next = next_disk(&host(&config)).unwrap();
        assert!(
            next.slice > Bytes::gib(8) && next.shared.is_none(),
            "{next:?}"
        );
        config.cache.driver = config::fixed("none");
        assert_eq!(next_disk(&host(&config)).unwrap().slice, Bytes(0));
    }
}
