//! What the kernel has of ours, read once for all disks, and sorted so that finding a disk's part does not cost a look at all
//! of it.

use std::cmp::Ordering;

use crate::disk::record::Record;
use crate::host::Host;
use crate::model::{DiskKey, ImageId, PoolId};
use crate::tools::dmsetup;
use crate::tools::krbd::Mapping;
use crate::{Context, Result};

/// See the module.
pub(super) struct Seen {
    devices: Vec<dmsetup::Device>,
    mappings: Vec<Mapping>,
}

impl Seen {
    pub(super) fn now(host: &Host) -> Result<Self> {
        let mut devices = host
            .dm()
            .list()
            .context(|| "cannot list the devices of this host".into())?;
        devices.sort_by(|a, b| a.info.name.key.cmp(&b.info.name.key));
        let mut mappings = host.krbd().list();
        mappings.retain(|mapping| mapping.image.snap.is_none());
        mappings.sort_by(|a, b| image_of(a).cmp(&image_of(b)));
        Ok(Self { devices, mappings })
    }

    pub(super) fn devices(&self, key: &DiskKey) -> &[dmsetup::Device] {
        same(&self.devices, |device| device.info.name.key.cmp(key))
    }

    pub(super) fn mapping(&self, record: &Record) -> Option<&Mapping> {
        let (pool, image) = (record.key.pool(), record.key.image());
        same(&self.mappings, |mapping| {
            image_of(mapping).cmp(&(pool, image))
        })
        .iter()
        .find(|mapping| mapping.is_of(&record.fsid, pool, image))
    }
}

fn image_of(mapping: &Mapping) -> (PoolId, &ImageId) {
    (mapping.pool_id, &mapping.image_id)
}

/// The items that compare equal, of a list that is sorted that way.
fn same<T>(sorted: &[T], order: impl Fn(&T) -> Ordering) -> &[T] {
    let begin = sorted.partition_point(|item| order(item).is_lt());
    let end = sorted.partition_point(|item| order(item).is_le());
    &sorted[begin..end]
}
