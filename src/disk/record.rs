//! The record of a disk on this host: what is wanted of it, so that an interrupted job can be finished.
//!
//! It holds intent only. What is, is read from the kernel, LVM and Ceph each time; a lost record costs nothing but the
//! settings, because everything of ours can be found by its name (`model::names`), and what is dirty stands in the lease.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::host::Host;
use crate::model::{
    Access, Bytes, CacheMode, Change, DiskKey, DriverName, Fsid, HostName, ImageSpec, NotVersioned,
    SeedSpec, Sharing, VgName, versioned,
};
use crate::sys::{Caller, Roots, atomic};
use crate::{Error, Kind, Result};

/// What is wanted of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Intent {
    /// In use, with its cache.
    Attached,
    /// In use, with the cache out of the path.
    Bypassed,
    /// Gone from this host.
    Detached,
}

/// A disk as this host wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The version of this format.
    pub version: u32,
    /// The disk's key.
    pub key: DiskKey,
    /// The image, by name; the key has its id.
    pub image: ImageSpec,
    /// The cluster.
    pub fsid: Fsid,
    /// What is wanted.
    pub intent: Intent,
    /// Whether `bypass` took the cache out to stay out, from an SSD that fails, say: only an insert, seed or attach by
    /// hand puts it in again, as long as the disk is attached here. What moves a disk takes its cache out for a while.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub kept_out: bool,
    /// The driver wanted.
    pub driver: DriverName,
    /// Whether there was no room for a slice, so that the disk is served without a cache until it is inserted.
    #[serde(default)]
    pub uncached: bool,
    /// The mode wanted.
    pub mode: CacheMode,
    /// The cached bytes wanted.
    pub size: Bytes,
    /// The cache block.
    pub block: Bytes,
    /// The volume group of the slice.
    pub vg: Option<VgName>,
    /// What to seed.
    pub seed: SeedSpec,
    /// At most so many bytes a second are seeded by whom nobody waits for; the configuration's limit where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Bytes>,
    /// The link to the front.
    pub link: Option<PathBuf>,
    /// Who asked for the links by sudo: root does with them what he might do himself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Caller>,
    /// The lease's generation under which this host has the disk.
    pub generation: u64,
    /// The kernel's boot under which the devices were made.
    pub boot_id: String,
    /// How its image is reached, where that is not as the host's configuration has it. No secret: of the key, the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// The name under which this host was let in beside the lease's holder, while a guest moves here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<HostName>,
    /// Of an image that several VMs have at once: who they are on this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Shared>,
}

/// The VMs of this host that have one image at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shared {
    /// What they may do.
    pub access: Sharing,
    /// A link to the front for each of them, by which it is known.
    pub links: BTreeSet<PathBuf>,
}

impl Record {
    /// The version that this program reads and writes.
    pub const VERSION: u32 = 1;

    /// The record that tests begin with: of `one/a`, detached and in no cache.
    #[cfg(test)]
    pub(super) fn sample() -> Self {
        Self::of_unknown(
            "801945f3-3-ab12".parse().unwrap(),
            "one/a".parse().unwrap(),
            "801945f3-0000-0000-0000-000000000000".parse().unwrap(),
            None,
            Bytes::kib(256),
        )
    }

    /// A record for a disk whose own is lost, or never was: it wants the disk gone.
    pub(super) fn of_unknown(
        key: DiskKey,
        image: ImageSpec,
        fsid: Fsid,
        access: Option<Access>,
        block: Bytes,
    ) -> Self {
        Self {
            version: Self::VERSION,
            key,
            image,
            fsid,
            intent: Intent::Detached,
            kept_out: false,
            driver: crate::config::fixed("dm-cache"),
            uncached: false,
            mode: CacheMode::Writethrough,
            size: Bytes(0),
            block,
            vg: None,
            seed: SeedSpec::None,
            rate: None,
            link: None,
            by: None,
            generation: 0,
            boot_id: String::new(),
            access,
            guest: None,
            shared: None,
        }
    }

    /// What the VMs that have it at once may do; `None` for a disk of one VM.
    pub fn sharing(&self) -> Option<Sharing> {
        self.shared.as_ref().map(|shared| shared.access)
    }

    /// Whether it refuses writes.
    pub fn is_read_only(&self) -> bool {
        self.sharing() == Some(Sharing::ReadOnly)
    }

    /// Does something with the links, as whoever asks now or asked for them.
    pub(super) fn as_asker<T>(&self, host: &Host, act: impl FnOnce() -> Result<T>) -> Result<T> {
        match host.caller.or(self.by) {
            Some(caller) => caller.act(act),
            None => act(),
        }
    }

    /// All links to the front.
    pub fn links(&self) -> impl Iterator<Item = &Path> {
        let shared = self.shared.iter().flat_map(|shared| &shared.links);
        self.link.iter().chain(shared).map(PathBuf::as_path)
    }

    /// Removes what killed jobs left of records that they were about to write, and says how many there were.
    pub fn sweep(roots: &Roots) -> Result<usize> {
        atomic::sweep(&Self::dir(roots))
    }

    /// Why it is served without the cache that it is wanted with ([`uncached`](Self::uncached)), as the end of a sentence.
    pub(super) const fn why_uncached(&self) -> &'static str {
        match self.vg {
            Some(_) => "there was no room",
            None => "no volume group was configured ([slice] vg)",
        }
    }

    /// The driver in use.
    pub fn driver_in_use(&self) -> DriverName {
        if self.uncached {
            crate::config::fixed("none")
        } else {
            self.driver.clone()
        }
    }

    fn dir(roots: &Roots) -> PathBuf {
        roots.state.join("disks")
    }

    fn file(roots: &Roots, key: &DiskKey) -> PathBuf {
        Self::dir(roots).join(format!("{key}.json"))
    }

    /// The record of a disk, if this host has one.
    pub fn load(roots: &Roots, key: &DiskKey) -> Result<Option<Self>> {
        Self::read(&Self::file(roots, key))
    }

    fn read(file: &Path) -> Result<Option<Self>> {
        let Some(text) = atomic::read(file)? else {
            return Ok(None);
        };
        let file = file.display();
        versioned(&text, Self::VERSION).map(Some).map_err(|why| {
            let error = |kind| Error::new(kind, format!("cannot use {file}: {why}"));
            match &why {
                NotVersioned::Other(_) => error(Kind::Config).remedy(
                    "it was written by another release of warmblock; use that release for this disk",
                ),
                NotVersioned::Damaged(_) => error(Kind::Mismatch).remedy(format!(
                    "put it away (`mv {file} {file}.damaged`); `warmblock recover` then finds its disk without it, and takes that \
                     down, flushed, once nobody has it open"
                )),
            }
        })
    }

    /// Every record of this host, by key, and why others cannot be read: one bad file must not stand in the way of all
    /// other disks.
    pub fn all(roots: &Roots) -> Result<(Vec<Self>, Vec<Error>)> {
        let dir = Self::dir(roots);
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok((Vec::new(), Vec::new()));
            }
            Err(error) => {
                return Err(
                    Error::new(Kind::Failed, format!("cannot list {}", dir.display()))
                        .because(error),
                );
            }
        };
        let (mut records, mut unreadable) = (Vec::new(), Vec::new());
        for entry in entries {
            let failed = |error| {
                Error::new(Kind::Failed, format!("cannot list {}", dir.display())).because(error)
            };
            let path = entry.map_err(failed)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                match Self::read(&path) {
                    Ok(record) => records.extend(record),
                    Err(error) => unreadable.push(error),
                }
            }
        }
        records.sort_by(|a, b| a.key.cmp(&b.key));
        Ok((records, unreadable))
    }

    /// The records of images of a name: how a disk is found when Ceph cannot be asked. Each cluster may have an image of
    /// that name.
    ///
    /// Errors: there is none, and one that cannot be read may be it.
    pub fn named(roots: &Roots, image: &ImageSpec) -> Result<Vec<Self>> {
        let (mut records, mut unreadable) = Self::all(roots)?;
        records.retain(|record| record.image == *image);
        match (records.is_empty(), unreadable.pop()) {
            (true, Some(error)) => Err(error),
            _ => Ok(records),
        }
    }

    /// Writes it, durably and as a whole.
    pub fn save(&self, roots: &Roots) -> Result<()> {
        atomic::write_json(&Self::file(roots, &self.key), self)
    }

    /// Removes it.
    pub fn remove(&self, roots: &Roots) -> Result<Change> {
        atomic::remove(&Self::file(roots, &self.key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_about_a_record_that_cannot_be_used() {
        let root = tempfile::tempdir().unwrap();
        let roots = Roots::at(root.path());
        let sample = Record::sample();
        sample.save(&roots).unwrap();
        let all = |text: &str| {
            atomic::write(&Record::file(&roots, &sample.key), text.as_bytes()).unwrap();
            let (records, unreadable) = Record::all(&roots).unwrap();
            assert_eq!((records.len(), unreadable.len()), (0, 1), "{text}");
            let error = unreadable.into_iter().next().unwrap();
            let remedy = error.remedy_text().unwrap().to_owned();
            (error.kind(), remedy)
        };
        for damaged in ["", "{", "null", r#"{"version":1}"#] {
            let (kind, remedy) = all(damaged);
            assert_eq!(kind, Kind::Mismatch);
            assert!(remedy.contains(".json.damaged`"), "{remedy}");
        }
        let (kind, remedy) = all(r#"{"version":99}"#);
        assert_eq!(kind, Kind::Config);
        assert!(remedy.contains("use that release"), "{remedy}");
    }
}
