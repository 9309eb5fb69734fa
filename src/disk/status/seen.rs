//! What the kernel has of ours, looked at once for all disks, and sorted so that finding a disk's part does not cost a look at
//! all of it.

use crate::cache::{self, same};
use crate::disk::record::Record;
use crate::host::Host;
use crate::model::{ImageId, PoolId};
use crate::tools::krbd::Mapping;
use crate::{Context, Result};

/// See the module.
pub(super) struct Seen {
    pub(super) kernel: cache::Seen,
    mappings: Vec<Mapping>,
}

impl Seen {
    pub(super) fn now(host: &Host) -> Result<Self> {
        let devices = host
            .dm()
            .list()
            .context(|| "cannot list the devices of this host".into())?;
        let mut mappings = host.krbd().list();
        mappings.retain(|mapping| mapping.image.snap.is_none());
        mappings.sort_by(|a, b| image_of(a).cmp(&image_of(b)));
        let kernel = cache::Seen::new(devices);
        Ok(Self { kernel, mappings })
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
