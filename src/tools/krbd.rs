//! The kernel's RBD client: mapped with rbd(8), listed from sysfs (kernel: Documentation/ABI/testing/sysfs-bus-rbd).
//!
//! Always with `noudev`: without udevd, rbd otherwise waits for ever after it has done its work. Unmapped with rbd(8) too and
//! not by a write to `remove_single_major`, although that is ten times faster: the write waits for I/O that is under way, and
//! when the cluster is gone it would hang this process where no signal reaches it. A child can be left behind.

mod argv;
mod mapping;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind};
use crate::exec::{Exec, ExecError, Status};
use crate::model::{Change, Fsid, ImageId, PoolId, SnapSpec};
use crate::sys::holders::{describe, holders};
use crate::sys::{Roots, wait};

use argv::{map, unmap};

pub use argv::{Client, MapOptions, MsMode};
pub use mapping::Mapping;

/// How long a single rbd(8) may take to let go of a device: it waits for I/O that is under way.
const UNMAP_ONCE: Duration = Duration::from_secs(20);
/// How long it may at least take, whatever is left of the caller's deadline: killed while it works, it would tell nothing.
const UNMAP_LEAST: Duration = Duration::from_secs(5);

/// A mapping that could not be made or removed.
#[derive(Debug, thiserror::Error)]
pub enum KrbdError {
    /// The image, its pool or its snapshot is not there.
    #[error("there is no image {0}")]
    NotFound(SnapSpec),
    /// The kernel cannot map an image of this name or with these features.
    #[error("the kernel cannot map {image}: {why}")]
    Unmappable {
        /// The image.
        image: SnapSpec,
        /// Why.
        why: String,
    },
    /// Another client holds the image's exclusive lock.
    #[error("another client holds the lock of {0}")]
    Locked(SnapSpec),
    /// The cluster has barred this host's kernel: another host took a disk from it.
    #[error("the cluster of {0} has this host's kernel on its blocklist")]
    Barred(SnapSpec),
    /// The cluster refuses the key or cannot be reached.
    #[error("cannot reach the cluster of {image}: {why}")]
    Cluster {
        /// The image.
        image: SnapSpec,
        /// What rbd says.
        why: String,
    },
    /// Somebody has the device open.
    #[error("{} ({image}) is {holders}", device.display())]
    Busy {
        /// The image.
        image: Box<SnapSpec>,
        /// The device.
        device: PathBuf,
        /// Who, as the end of a sentence.
        holders: String,
    },
    /// rbd failed otherwise.
    #[error(transparent)]
    Exec(#[from] ExecError),
}

impl From<KrbdError> for Error {
    fn from(error: KrbdError) -> Self {
        let message = error.to_string();
        match error {
            KrbdError::NotFound(_) => Self::new(Kind::NotFound, message),
            KrbdError::Unmappable { .. } => Self::new(Kind::Failed, message),
            KrbdError::Locked(_) => Self::new(Kind::Busy, message)
                .remedy("see who it is with `rbd lock ls` and `rbd status`, and stop it there"),
            // All mappings of a cluster have one client in the kernel (libceph shares it), which goes with the last of them.
            KrbdError::Barred(_) => Self::new(Kind::Ceph, message).remedy(
                "another host took a disk from this one: `warmblock recover` lets go here what it lost; once nothing of that cluster \
                 is mapped here (`rbd device list`), the kernel comes to it as a new client",
            ),
            KrbdError::Cluster { .. } => Self::new(Kind::Ceph, message)
                .remedy("check the monitors' addresses, the client's name and its keyring"),
            KrbdError::Busy { .. } => Self::new(Kind::Busy, message)
                .remedy("stop what has it open, then run the same command again"),
            KrbdError::Exec(error) => error.into(),
        }
    }
}

/// krbd on this host.
#[derive(Debug, Clone, Copy)]
pub struct Krbd<'a> {
    exec: &'a Exec,
    roots: &'a Roots,
}

impl<'a> Krbd<'a> {
    /// krbd, with rbd(8) run by `exec`.
    pub const fn new(exec: &'a Exec, roots: &'a Roots) -> Self {
        Self { exec, roots }
    }

    /// Everything that is mapped on this host, by anybody, ordered by number. From sysfs only: never hangs.
    pub fn list(&self) -> Vec<Mapping> {
        mapping::list(self.roots)
    }

    /// The mappings of an image itself, not of its snapshots: there may be several.
    pub fn find(&self, fsid: &Fsid, pool: PoolId, image: &ImageId) -> Vec<Mapping> {
        let mut all = self.list();
        all.retain(|mapping| mapping.is_of(fsid, pool, image) && mapping.image.snap.is_none());
        all
    }

    /// Maps an image, or a snapshot (read-only then), whether or not it is mapped already. If it takes too long, what may have
    /// appeared meanwhile is unmapped.
    pub fn map(
        &self,
        client: &Client,
        image: &SnapSpec,
        options: &MapOptions,
        deadline: Duration,
    ) -> Result<Mapping, KrbdError> {
        refuse_unmappable(image)?;
        let before: Vec<u32> = self.list().iter().map(|mapping| mapping.number).collect();
        let output = match self
            .exec
            .run(&map(client, image, options).deadline(deadline))
        {
            Ok(output) => output,
            Err(error) => {
                if matches!(error, ExecError::Timeout { .. }) {
                    self.unmap_late(image, &before);
                }
                return Err(explain(error, image));
            }
        };
        let number = mapping::number_of(output.text()?).map_err(|why| output.bad(why))?;
        let found = mapping::read(self.roots, number);
        Ok(found.ok_or_else(|| output.bad(format!("sysfs knows no mapping {number}")))?)
    }

    /// Unmaps, trying again while the device is open until the deadline: udev's probes pass. Only this very mapping goes: a
    /// number that has meanwhile been given to another one is left alone.
    pub fn unmap(&self, mapping: &Mapping, deadline: Duration) -> Result<Change, KrbdError> {
        let end = Instant::now() + deadline;
        let unmapped = wait::poll(deadline, || {
            if mapping::read(self.roots, mapping.number)
                .as_ref()
                .is_none_or(|now| !now.is_same(mapping))
            {
                return Some(Ok(Change::Absent));
            }
            let left = end.saturating_duration_since(Instant::now());
            match self
                .exec
                .run(&unmap(&mapping.device).deadline(left.clamp(UNMAP_LEAST, UNMAP_ONCE)))
            {
                Ok(_) => Some(Ok(Change::Removed)),
                Err(error) if error.says("unmap failed: (16)") => None,
                Err(error) => Some(Err(error.into())),
            }
        });
        unmapped.unwrap_or_else(|| {
            Err(KrbdError::Busy {
                image: Box::new(mapping.image.clone()),
                device: mapping.device.clone(),
                holders: describe(&holders(self.roots, mapping.num)),
            })
        })
    }

    fn unmap_late(&self, image: &SnapSpec, before: &[u32]) {
        let mut late = self.list();
        late.retain(|mapping| mapping.image == *image && !before.contains(&mapping.number));
        for mapping in late {
            match self.unmap(&mapping, UNMAP_ONCE) {
                Ok(_) => {
                    tracing::info!("unmapped {}, which came too late", mapping.device.display())
                }
                Err(error) => tracing::warn!(
                    "{} came too late and stays: {error}",
                    mapping.device.display()
                ),
            }
        }
    }
}

/// rbd hands names to the kernel as words between blanks, and the namespace as one of its options: a blank in a name maps
/// another image or snapshot than the one that was named (`one sp ace` is snapshot `ace` of `sp`), a comma in a namespace
/// adds options.
fn refuse_unmappable(image: &SnapSpec) -> Result<(), KrbdError> {
    let spec = &image.image;
    let snap = image.snap.as_ref().map(|snap| snap.as_str());
    let namespace = spec.namespace.as_ref().map(|namespace| namespace.as_str());
    let words = [
        Some(spec.pool.as_str()),
        namespace,
        Some(spec.image.as_str()),
        snap,
    ];
    let blank = words
        .iter()
        .flatten()
        .any(|word| word.contains(char::is_whitespace));
    let why = match namespace.is_some_and(|word| word.contains([',', '='])) {
        _ if blank => "its name has a blank in it",
        true => "its namespace has a comma or an equals sign in it",
        false => return Ok(()),
    };
    Err(KrbdError::Unmappable {
        image: image.clone(),
        why: format!("{why}, which the kernel's interface has no way to say"),
    })
}

/// rbd exits with the error number that it met; recorded from rbd 16.2.15.
fn explain(error: ExecError, image: &SnapSpec) -> KrbdError {
    let ExecError::Failed {
        status: Status::Code(code),
        stderr,
        ..
    } = &error
    else {
        return error.into();
    };
    let image = image.clone();
    match *code {
        libc::ENOENT => KrbdError::NotFound(image),
        libc::EROFS | libc::EBUSY => KrbdError::Locked(image),
        libc::ESHUTDOWN => KrbdError::Barred(image),
        libc::ENXIO => KrbdError::Unmappable {
            image,
            why: "it has features that this kernel does not know; dmesg names them".into(),
        },
        libc::EACCES | libc::EPERM | libc::ETIMEDOUT | libc::ENOTCONN | libc::ECONNREFUSED => {
            KrbdError::Cluster {
                image,
                why: stderr.lines().next().unwrap_or_default().to_owned(),
            }
        }
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests;
