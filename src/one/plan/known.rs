//! What is known when an action is planned: the VM, where its disks are, and what their images are called.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fmt;

use super::{At, host_name};
use crate::model::{Access, HostName, ImageSpec, ParseError};
use crate::one::call::{DiskPlace, Node, VmDir};
use crate::one::context::Cd;
use crate::one::document::{Datastore, Disk, DiskKind, Vm};
use crate::one::names;
use crate::{Error, Kind, Result};

/// A datastore that oned is asked for when a plan needs it, and then once: most do not.
pub struct Asked<'a> {
    ask: &'a dyn Fn() -> Result<Datastore>,
    said: OnceCell<Datastore>,
}

impl fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asked({:?})", self.said.get())
    }
}

impl<'a> Asked<'a> {
    /// One that is asked for like this.
    pub const fn by(ask: &'a dyn Fn() -> Result<Datastore>) -> Self {
        Self {
            ask,
            said: OnceCell::new(),
        }
    }

    /// The datastore.
    ///
    /// # Errors
    /// Those of the question.
    pub(in crate::one) fn get(&self) -> Result<&Datastore> {
        if let Some(said) = self.said.get() {
            return Ok(said);
        }
        let said = (self.ask)()?;
        Ok(self.said.get_or_init(|| said))
    }
}

/// What is known when an action is planned.
#[derive(Debug)]
pub struct Known<'a> {
    /// The VM.
    pub vm: &'a Vm,
    /// The datastore of the call.
    pub datastore: &'a Asked<'a>,
    /// The front-end by the name that it has for itself: oned may call it otherwise.
    pub front_end: &'a Node,
    /// The context CD, for the action that brings it.
    pub context: Option<&'a Cd>,
}

impl<'k> Known<'k> {
    /// Whether a host means "nowhere", as the front-end does, unless the VM is there, or was before it came where it is: what
    /// is deleted of a migration that ended half way is deleted at either (contract, 5.4).
    ///
    /// oned names the front-end as `HOSTNAME` in its configuration has it, or as the resolver does, and both may be another
    /// name than the machine has for itself. So what is none of the VM's last two hosts is the front-end; of a VM that was
    /// nowhere yet, only what goes by the machine's own name.
    pub(super) fn is_nowhere(&self, node: &Node) -> bool {
        let mut lately = self.vm.history.iter().rev().take(2).peekable();
        let known = lately.peek().is_some() || node == self.front_end;
        known && lately.all(|stay| stay.host != *node)
    }

    /// The other host of the VM's last two: where its disks still are if a move ended half way.
    pub(super) fn other_host(&self, node: &Node) -> Option<&'k Node> {
        let lately = self.vm.history.iter().rev().take(2);
        let mut hosts = lately.map(|stay| &stay.host);
        hosts.find(|host| *host != node)
    }

    /// The other hosts where the VM has been or was to go, the latest first: what a move left that ended half way is at one of
    /// them. Those of its last moves are enough, for one that is dead takes its time.
    pub(super) fn lately_at(&self, but: &[&Node]) -> Vec<&'k Node> {
        const ENOUGH: usize = 4;
        let mut hosts: Vec<&Node> = Vec::new();
        for stay in self.vm.history.iter().rev() {
            if !but.contains(&&stay.host) && !hosts.contains(&&stay.host) {
                hosts.push(&stay.host);
            }
        }
        hosts.truncate(ENOUGH);
        hosts
    }

    /// The hosts of earlier stays, which have no use for the VM's disks any more, but for this one.
    pub(super) fn earlier_hosts(&self, but: &Node) -> Result<Vec<HostName>> {
        let earlier = self.vm.history.iter().rev().skip(1);
        let hosts: BTreeSet<&Node> = earlier.map(|stay| &stay.host).collect();
        let others = hosts.into_iter().filter(|host| *host != but);
        others.map(|host| Ok(host_name(host)?)).collect()
    }

    /// Where the VM's directory is, at a host or "nowhere".
    pub(super) fn at(&self, node: &Node) -> At {
        match self.is_nowhere(node) {
            true => At::Here,
            false => At::Host(node.clone()),
        }
    }

    /// The hosts that can act on a disk's image, the next one if one is not reached: where the disk is, and that alone; or
    /// those that reach Ceph if it is nowhere, by turns, so that the work is spread.
    pub(super) fn acting<'n>(&'n self, node: &'n Node) -> Result<Vec<&'n Node>> {
        if !self.is_nowhere(node) {
            return Ok(vec![node]);
        }
        let bridges = self.datastore.get()?.bridges_from(self.vm.id.0);
        let last = self.vm.history.last().map(|stay| vec![&stay.host]);
        let some = Some(bridges).filter(|bridges| !bridges.is_empty());
        some.or(last).ok_or_else(|| {
            Error::new(Kind::Config, "no host is known that reaches Ceph")
                .remedy("give the datastore a BRIDGE_LIST")
        })
    }

    /// The disk at a place, and its image.
    ///
    /// Errors: also that nobody can tell how its image is reached.
    pub(super) fn disk(&self, place: &DiskPlace) -> Result<(&'k Disk, ImageSpec)> {
        let (disk, image) = self.disk_that_goes(place)?;
        disk.reached().map(|_| (disk, image))
    }

    /// The same, for who takes it down and does nothing with its image: the host's record says how that was reached.
    pub(super) fn disk_that_goes(&self, place: &DiskPlace) -> Result<(&'k Disk, ImageSpec)> {
        let disk = self.vm.disk(place.disk)?;
        Ok((disk, image_of(self, disk)?))
    }

    /// How Ceph is reached for the disk at a place: as the VM inherited it; for one that is made for the VM as the system
    /// datastore has it, of which the call is then. One whose words cannot be used is taken down as the host knows it, and
    /// nothing else is done with it: see [`Known::disk`] and [`attach_ask`](super::attach_ask).
    pub(super) fn access(&self, place: &DiskPlace) -> Result<Option<&'k Access>> {
        Ok(match self.vm.disk(place.disk) {
            Ok(disk) if !matches!(disk.kind, DiskKind::Volatile) => disk.reached().ok().flatten(),
            _ => self.datastore.get()?.access.as_ref(),
        })
    }

    /// The disks that are ours, with their places in a directory.
    pub(super) fn ours(&self, dir: &VmDir) -> Result<Vec<(&'k Disk, ImageSpec, DiskPlace)>> {
        let with_place = |disk: &'k Disk| {
            let place = DiskPlace {
                dir: dir.clone(),
                disk: disk.id,
            };
            Ok((disk, image_of(self, disk)?, place))
        };
        self.vm.ours().map(with_place).collect()
    }
}

/// The image of a disk: its own one, the clone, or the volatile one.
pub(super) fn image_of(known: &Known<'_>, disk: &Disk) -> Result<ImageSpec> {
    match &disk.kind {
        DiskKind::Linked { source, .. } => image(source.as_str()),
        DiskKind::Cloned { source, .. } => clone_of(source.as_str(), known.vm, disk),
        DiskKind::Others => {
            let message = format!("disk {} is another driver's", disk.id);
            Err(Error::new(Kind::Usage, message)
                .remedy("that driver is to be asked: has TM_MAD of its datastore changed?"))
        }
        DiskKind::Volatile => {
            let name = names::Name::Volatile(known.vm.id, disk.id).image()?;
            let datastore = known.datastore.get()?;
            Ok(ImageSpec {
                // A user may write any pool into a disk.
                pool: names::pool_of(datastore.pool.as_ref())?,
                namespace: datastore.namespace.get()?,
                image: name,
            })
        }
    }
}

/// `pool/one-42` becomes `pool/one-42-12-0`, as the stock driver and libvirt have it.
pub(super) fn clone_of(source: &str, vm: &Vm, disk: &Disk) -> Result<ImageSpec> {
    let parent = image(source)?;
    let name = format!("{}-{}-{}", parent.image, vm.id, disk.id).parse()?;
    Ok(ImageSpec {
        image: name,
        ..parent
    })
}

pub(super) fn image(source: &str) -> Result<ImageSpec> {
    source.parse().map_err(|error: ParseError| {
        Error::new(
            Kind::Usage,
            format!("SOURCE {source:?} is no image of Ceph's: {error}"),
        )
        .remedy("images of this driver are POOL/IMAGE; is this one of another datastore's driver?")
    })
}
