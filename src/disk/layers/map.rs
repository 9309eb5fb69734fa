//! The map: the image as a block device of this host's kernel.

use super::{Found, Layer};
use crate::disk::walk::Walk;
use crate::job::LayerName;
use crate::model::SnapSpec;
use crate::tools::krbd::Mapping;
use crate::{Context, Error, Kind, Result};

/// See the module.
#[derive(Debug)]
pub(in crate::disk) struct Map;

impl Layer for Map {
    const NAME: LayerName = LayerName::Map;

    fn probe(walk: &mut Walk<'_>) -> Result<Found> {
        let record = &walk.disk.record;
        walk.mapping = find(walk)?;
        Ok(match &walk.mapping {
            None => Found::Absent {
                wanted: format!("{} by krbd", record.image),
            },
            Some(mapping) => Found::Right(format!(
                "{} is {}, {}",
                record.image,
                mapping.device.display(),
                mapping.size
            )),
        })
    }

    fn up(walk: &mut Walk<'_>, _found: &Found) -> Result<()> {
        let (host, record) = (walk.host, &walk.disk.record);
        let spec = SnapSpec {
            image: record.image.clone(),
            snap: None,
        };
        let deadline = host.config.deadline.map;
        let client = host.krbd_client(record.access.as_ref())?;
        let mapping = host
            .krbd()
            .map(&client, &spec, &host.krbd_options(), deadline)
            .context(|| format!("cannot map image {}", record.image))?;
        if mapping.image_id != *record.key.image() {
            let undone = host
                .krbd()
                .unmap(&mapping, host.config.deadline.tool)
                .map(drop);
            let message = format!(
                "image {} was replaced by another one of its name while it was mapped",
                record.image
            );
            return Err(Error::new(Kind::Exists, message)
                .remedy("run it again")
                .and_then_cleanup(undone.map_err(Error::from)));
        }
        walk.mapping = Some(mapping);
        Ok(())
    }

    fn down(walk: &mut Walk<'_>, _found: &Found) -> Result<()> {
        let Some(mapping) = walk.mapping.take() else {
            return Ok(());
        };
        walk.host
            .krbd()
            .unmap(&mapping, walk.host.config.deadline.tool)
            .context(|| format!("cannot unmap image {}", walk.disk.record.image))?;
        Ok(())
    }
}

/// The mapping of the image itself. Two of them are nobody's intention, and which is ours cannot be told.
fn find(walk: &Walk<'_>) -> Result<Option<Mapping>> {
    let record = &walk.disk.record;
    let mut found = walk
        .host
        .krbd()
        .find(&record.fsid, record.key.pool(), record.key.image());
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => {
            let list: Vec<String> = found
                .iter()
                .map(|mapping| mapping.device.display().to_string())
                .collect();
            Err(Error::new(Kind::Busy, format!("image {} is mapped more than once: {}", record.image, list.join(", ")))
                .remedy("unmap those that warmblock did not make with `rbd device unmap`, then run it again"))
        }
    }
}
