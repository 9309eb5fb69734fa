//! Whose cache set it is: a disk's own, or one that all disks of a host share.
//!
//! What the kernel does that shapes sharing (cache-drivers facts, 3.2.6, and drivers/md/bcache/super.c): a set knows its backing
//! devices by the UUIDs of their superblocks, and what it holds by the number that such a UUID was given. A UUID that is new to
//! it gets a new number, so a superblock that was just written begins cold, whatever the set held of that disk before. Hence a
//! disk is formatted anew for each use as with a set of its own, and the set itself only when no other disk may need it:
//! it may hold what their images lack. Numbers are never used again: a bucket of 512 KiB has room for 4096 uses of a disk, and a
//! set that is used up takes no disk until it was made anew, which happens when the last one leaves it.
//!
//! The set is not given up for its SSD's errors, whatever the mode of a disk: a kernel that does that takes dirty data with it.
//! A read that fails on the SSD comes from Ceph, as long as it is clean. And nothing passes it by for congestion, since one disk's
//! seed would be the other's congestion.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::assemble::{HEAD, make_cache, refuse_elsewhere, stop, zero};
use super::{tool, tune as knobs};
use crate::cache::{Device, Neighbour};
use crate::host::Host;
use crate::model::{CacheMode, DiskKey, SharedName};
use crate::tools::bcache::{Backing, SUPERBLOCK_END, State, Superblock};
use crate::tools::blk;
use crate::{Error, Kind, Result};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache) enum Set {
    /// Each disk has its own.
    Disk,
    /// One for all disks of the host.
    Host,
}

impl Set {
    /// The driver's name.
    pub(super) const fn driver(self) -> &'static str {
        match self {
            Self::Disk => "bcache",
            Self::Host => "bcache-shared",
        }
    }

    /// The UUID of the set that a disk is cached in: found without a record.
    pub(super) fn uuid(self, key: &DiskKey) -> String {
        match self {
            Self::Disk => uuid(&format!("warmblock-1-bcache-{key}")),
            Self::Host => shared(),
        }
    }

    /// What is lost in a mode with SSD and host.
    pub(super) const fn guarantee(self, mode: CacheMode) -> &'static str {
        match (self, mode.can_be_dirty()) {
            (Self::Disk, true) => {
                "writes are acknowledged when this host's SSD has them: what was not flushed is lost with the SSD, and out of \
                 reach while the host is down"
            }
            (Self::Disk, false) => {
                "Ceph has every acknowledged write: SSD and host can be lost at any time; a failing SSD is given up by the \
                 kernel, and the disk goes on from Ceph"
            }
            (Self::Host, true) => {
                "writes are acknowledged when the SSD has them that all disks of this host share: what was not flushed is lost \
                 with the SSD, of all of them, and out of reach while the host is down"
            }
            (Self::Host, false) => {
                "Ceph has every acknowledged write: SSD and host can be lost at any time; what a failing SSD cannot give is \
                 read from Ceph; the disks of this host share the cache, and drive each other's blocks out"
            }
        }
    }
}

/// The UUID of the set that the disks of a host share. The same on every host: an SSD is in one host at a time.
fn shared() -> String {
    uuid(SHARED)
}

const SHARED: &str = "warmblock-1-bcache-shared";

/// A UUID of our own making (RFC 9562, version 8).
fn uuid(of: &str) -> String {
    let hex: String = bytes(of).iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

fn bytes(of: &str) -> [u8; 16] {
    let digest = Sha256::digest(of);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

/// Makes a volume the shared set, empty; keeps what is one already, unless nobody else is in it.
pub(super) fn format(host: &Host, volume: &Device, others: &[Neighbour]) -> Result<()> {
    let alone = others.is_empty();
    let there = tool(host).set_dir(&shared()).exists();
    if !alone && there {
        return refuse_elsewhere(host, &shared(), volume);
    }
    if !alone && is_formatted(host, volume)? {
        return Ok(());
    }
    refuse_needed(host, volume, others)?;
    close(host)?;
    zero(host, &volume.path, HEAD)?;
    make_cache(host, volume, &shared())
}

/// Whether a volume has the superblock of the shared set. The set's UUID alone will not do: lvcreate(8) wipes only the magic of an
/// earlier set.
fn is_formatted(host: &Host, volume: &Device) -> Result<bool> {
    let head = blk::read_head(&host.exec, &volume.path, SUPERBLOCK_END)?;
    let found = Superblock::parse(&head);
    Ok(found.is_some_and(|found| found.set == bytes(SHARED)))
}

/// Refuses to write over a volume that is no set any more, as long as a disk may have dirty data in it. One that never was any, since
/// its making was killed, has no such disks.
fn refuse_needed(host: &Host, volume: &Device, others: &[Neighbour]) -> Result<()> {
    let needed = others.iter().filter(|other| may_be_dirty(host, other));
    let names: Vec<&str> = needed.map(|other| other.name.as_str()).collect();
    if names.is_empty() {
        return Ok(());
    }
    let (path, names) = (volume.path.display(), names.join(", "));
    let message = format!("{path} is no cache set any more, and may hold dirty data of {names}");
    Err(Error::new(Kind::Dirty, message).remedy(format!(
        "nothing was written to it: see in `dmesg` whether the SSD fails, keep a copy of {path}, and have its superblock repaired; \
         only if it is lost for good, give the data up, of each of these disks: `warmblock detach --discard-dirty IMAGE`"
    )))
}

/// Whether a disk may have dirty data in the shared set. Its prefix says so (`BDEV_STATE`), but the kernel writes that a moment after
/// the first dirty write; so one that can be dirty counts as dirty, unless its prefix was wiped, as it is after the proof that it is clean.
fn may_be_dirty(host: &Host, other: &Neighbour) -> bool {
    let read = |path: &PathBuf| blk::read_head(&host.exec, path, SUPERBLOCK_END).ok();
    match other.own.as_ref().and_then(read) {
        None => other.writes_back,
        Some(head) => Superblock::parse(&head)
            .is_some_and(|prefix| other.writes_back || prefix.has_dirty_state()),
    }
}

/// Stops the shared set, which drops what is dirty in it of disks that are not in the kernel.
pub(super) fn close(host: &Host) -> Result<()> {
    let dir = tool(host).set_dir(&shared());
    if !dir.exists() {
        return Ok(());
    }
    let disks = tool(host).members(&shared());
    if disks > 0 {
        let message = format!("{disks} disks are cached in {SharedName}");
        return Err(Error::new(Kind::Busy, message).remedy("detach them first"));
    }
    stop(host, &dir)
}

/// The error for a disk that the shared set does not take. One that stands takes every disk whose superblock says that it never
/// had a cache, as long as it has a number left (`bch_cached_dev_attach`: "no room for UUID").
pub(super) fn took_none(host: &Host, backing: &Backing, why: &str) -> Error {
    let stands = tool(host).set_dir(&shared()).exists();
    if stands && !backing.failed && backing.state == State::NoCache && backing.set.is_none() {
        let message = "the cache that the disks of this host share has no number left for one more use of a disk";
        return Error::new(Kind::NoSpace, message).remedy(
            "give the other disks another driver (`warmblock attach --driver`, under load) or detach them: it is made anew \
             for a disk that is alone",
        );
    }
    let message = format!("the cache that the disks of this host share takes no disk: {why}");
    Error::new(Kind::Failed, message).remedy("see what the kernel says of bcache in `dmesg`")
}

/// Sets the shared set's own knobs.
pub(super) fn tune(host: &Host) -> Result<()> {
    let dir = tool(host).set_dir(&shared());
    let wanted = [
        (knobs::ERROR_LIMIT, knobs::ANY_ERRORS),
        ("congested_read_threshold_us", "0"),
        ("congested_write_threshold_us", "0"),
    ];
    knobs::turn(
        host,
        &wanted.map(|(name, value)| knobs::knob(&dir, name, value)),
    )
}

#[cfg(test)]
mod tests {
    use super::super::volumes::bucket;
    use super::*;
    use crate::cancel::Cancel;
    use crate::config::Config;
    use crate::model::{Bytes, Fsid, PoolId};
    use crate::progress::ProgressMode;
    use crate::sys::{Roots, atomic};
    use crate::tools::bcache::head;

    fn key(image: &str) -> DiskKey {
        let fsid: Fsid = "801945f3-c685-4fbf-a968-66d179c4e25c".parse().unwrap();
        DiskKey::new(&fsid, PoolId(3), &image.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_set_is_named_by_its_disk() {
        let uuid = |image| Set::Disk.uuid(&key(image));
        assert_eq!(uuid("ab12"), uuid("ab12"));
        assert_ne!(uuid("ab12"), uuid("ab13"));
        let lens: Vec<usize> = uuid("ab12").split('-').map(str::len).collect();
        assert_eq!(lens, [8, 4, 4, 4, 12]);
        assert_eq!(&uuid("ab12")[14..15], "8");
    }

    #[test]
    fn all_disks_share_one_set_which_has_places_enough() {
        assert_eq!(Set::Host.uuid(&key("ab12")), Set::Host.uuid(&key("ab13")));
        assert_ne!(Set::Host.uuid(&key("ab12")), Set::Disk.uuid(&key("ab12")));
        // `struct uuid_entry` has 128 bytes, and a bucket is full of them.
        assert_eq!(bucket(Bytes::gib(32)).0 / 128, 4096);
    }

    /// A volume whose head was damaged is not made anew over what others have in it.
    #[test]
    fn what_cannot_be_recognised_is_kept_for_those_who_may_need_it() {
        let root = tempfile::tempdir_in("/var/tmp").unwrap();
        let host = Host::new(
            Config::default(),
            Roots::at(root.path()),
            ProgressMode::Quiet,
            Cancel::new(),
        );
        let file = |name: &str, head: &[u8]| {
            let path = root.path().join(name);
            atomic::write(&path, head).unwrap();
            path
        };
        let set = bytes(SHARED);
        let (clean, dirty) = (file("clean", &head(set, 1)), file("dirty", &head(set, 2)));
        let wiped = file("wiped", &[0; 8192]);
        let other = |own: Option<&PathBuf>, writes_back| Neighbour {
            name: "rbd/other".into(),
            own: own.cloned(),
            writes_back,
        };
        for (other, needed) in [
            (other(Some(&clean), false), false),
            (other(Some(&clean), true), true),
            (other(Some(&dirty), false), true),
            (other(Some(&wiped), true), false),
            (other(None, false), false),
            (other(None, true), true),
        ] {
            assert_eq!(may_be_dirty(&host, &other), needed, "{other:?}");
        }
        let volume = Device {
            path: file("wb-shared", &[0; 8192]),
            number: "1:1".parse().unwrap(),
            size: Bytes::mib(96).sectors(),
        };
        let others = [other(Some(&wiped), true), other(Some(&dirty), true)];
        let refused = format(&host, &volume, &others).unwrap_err();
        assert_eq!(refused.kind(), Kind::Dirty);
        assert!(refused.chain().contains("dirty data of rbd/other"));
        file("wb-shared", &head(set, 0));
        format(&host, &volume, &others).unwrap();
    }
}
