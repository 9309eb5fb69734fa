//! The map: the image as a block device of this host's kernel.

use super::{Found, Layer};
use crate::disk::walk::Walk;
use crate::job::LayerName;
use crate::tools::krbd;
use crate::{Context, Error, Kind, Result};

/// See the module.
#[derive(Debug)]
pub(in crate::disk) struct Map;

impl Layer for Map {
    const NAME: LayerName = LayerName::Map;

    fn probe(walk: &mut Walk<'_>) -> Result<Found> {
        let record = &walk.disk.record;
        walk.mapping = krbd::find(&walk.host.roots, &record.fsid, record.key.pool(), record.key.image())?;
        Ok(match &walk.mapping {
            None => Found::Absent { wanted: format!("map {} with krbd", record.image) },
            Some(mapping) => {
                let device = mapping.path(&walk.host.roots);
                Found::Right(format!("{} is {}, {}", record.image, device.display(), mapping.size.bytes()))
            }
        })
    }

    fn up(walk: &mut Walk<'_>, _found: &Found) -> Result<()> {
        let (host, record) = (walk.host, &walk.disk.record);
        let mapping = krbd::map(&host.exec, &host.roots, &krbd::MapRequest {
            target: &host.ceph_target(),
            image: &record.image,
            options: &host.config.krbd.options,
            deadline: host.config.deadline.map,
        })
        .context(|| format!("cannot map image {}", record.image))?;
        if mapping.image_id != *record.key.image() {
            let message = format!("image {} was replaced by another one of its name while it was mapped", record.image);
            return Err(Error::new(Kind::Exists, message).remedy("run it again"));
        }
        walk.mapping = Some(mapping);
        Ok(())
    }

    fn down(walk: &mut Walk<'_>, _found: &Found) -> Result<()> {
        let Some(mapping) = walk.mapping.take() else { return Ok(()) };
        krbd::unmap(&walk.host.exec, &walk.host.roots, &mapping, walk.host.config.deadline.tool)
            .context(|| format!("cannot unmap image {}", walk.disk.record.image))?;
        Ok(())
    }
}
