//! What the kernel has of ours, looked at once for all disks.

use std::cell::OnceCell;
use std::cmp::Ordering;

use crate::host::Host;
use crate::model::{DiskKey, DmName, Role};
use crate::sys::DevNum;
use crate::tools::bcache::{Bcache, Look};
use crate::tools::dmsetup;

/// Our device-mapper devices, and what drivers need beside them, which is asked for at the first need and for all disks at once.
#[derive(Debug)]
pub struct Seen {
    /// By key, so that finding a disk's part does not cost a look at all of it.
    devices: Vec<dmsetup::Device>,
    bcache: OnceCell<Result<Look, String>>,
}

impl Seen {
    /// Of a list of devices.
    pub fn new(devices: impl IntoIterator<Item = dmsetup::Device>) -> Self {
        let mut devices: Vec<_> = devices.into_iter().collect();
        devices.sort_by(|a, b| a.info.name.key.cmp(&b.info.name.key));
        Self {
            devices,
            bcache: OnceCell::new(),
        }
    }

    /// A disk's devices.
    pub fn of(&self, key: &DiskKey) -> &[dmsetup::Device] {
        same(&self.devices, |device| device.info.name.key.cmp(key))
    }

    /// A device by its name.
    pub(super) fn named(&self, name: &DmName) -> Option<&dmsetup::Device> {
        let mut of_disk = self.of(&name.key).iter();
        of_disk.find(|device| device.info.name == *name)
    }

    /// What bcache has of all disks that were seen; or why it does not say, in words.
    pub(super) fn bcache(&self, host: &Host) -> Result<&Look, &str> {
        let look = self.bcache.get_or_init(|| {
            let bearers = self.devices.iter();
            let bearers = bearers.filter(|device| device.info.name.role == Role::Origin);
            let bearers: Vec<DevNum> = bearers.map(|device| device.info.num).collect();
            let bcache = Bcache::new(&host.exec, &host.roots);
            bcache
                .look(&bearers, host.config.deadline.tool)
                .map_err(|error| error.chain())
        });
        look.as_ref().map_err(String::as_str)
    }
}

/// The items that compare equal, of a list that is sorted that way.
pub fn same<T>(sorted: &[T], order: impl Fn(&T) -> Ordering) -> &[T] {
    let begin = sorted.partition_point(|item| order(item).is_lt());
    let end = sorted.partition_point(|item| order(item).is_le());
    &sorted[begin..end]
}
