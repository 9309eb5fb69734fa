//! What only Ceph knows: the images' ids, and whether they may be exported.

use std::collections::HashMap;

use super::{Inventory, Lun, Problems};
use crate::ceph::{Cluster, Pool, features};
use crate::model::{Bytes, Fsid, ImageId, PoolId, PoolName, SnapSpec};
use crate::{Context, Result};

/// An image as the cluster has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The cluster.
    pub fsid: Fsid,
    /// Its pool.
    pub pool: PoolId,
    /// Its id, which stays when it is renamed.
    pub image: ImageId,
    /// Its size.
    pub size: Bytes,
    /// The addresses of clients that have it open to write.
    pub watchers: Vec<String>,
}

/// Looks every image up. Opens each one to read, without a watch, so that nothing of it changes.
pub fn check_online(
    inventory: &Inventory,
    cluster: &Cluster,
    problems: &mut Problems,
) -> Result<HashMap<SnapSpec, Found>> {
    let fsid = cluster
        .fsid()
        .context(|| "cannot ask for the cluster's fsid".into())?;
    let mut pools: HashMap<PoolName, Option<Pool>> = HashMap::new();
    let mut found = HashMap::new();
    for (_, target) in inventory.targets() {
        for lun in &target.luns {
            let name = &lun.image.image.pool;
            if !pools.contains_key(name) {
                let pool = open_pool(cluster, name, lun, problems)?;
                pools.insert(name.clone(), pool);
            }
            let Some(Some(pool)) = pools.get(name) else {
                continue;
            };
            if let Some(image) = look_up(pool, &fsid, lun, problems)? {
                found.insert(lun.image.clone(), image);
            }
        }
    }
    Ok(found)
}

fn open_pool(
    cluster: &Cluster,
    name: &PoolName,
    lun: &Lun,
    problems: &mut Problems,
) -> Result<Option<Pool>> {
    match cluster.pool(name, None) {
        Ok(pool) => Ok(Some(pool)),
        Err(error) if error.is_not_found() => {
            problems.error(
                &lun.place,
                format!("there is no pool {name}"),
                "correct the name; `ceph osd pool ls` lists them",
            );
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// That an image is not there, or, where the image itself is, the snapshot of it that is wanted.
pub(in crate::tgt) fn absent(lun: &Lun, image_is_there: bool, problems: &mut Problems) {
    let name = &lun.image;
    let (what, list) = if image_is_there {
        (
            format!("snapshot {name}"),
            format!("snap ls {}", name.image),
        )
    } else {
        (
            format!("image {}", name.image),
            format!("ls {}", name.image.pool),
        )
    };
    problems.error(
        &lun.place,
        format!("there is no {what}"),
        format!("make it, or correct the name; `warmblock image {list}` lists them"),
    );
}

/// One image, if it can be exported.
pub(in crate::tgt) fn look_up(
    pool: &Pool,
    fsid: &Fsid,
    lun: &Lun,
    problems: &mut Problems,
) -> Result<Option<Found>> {
    let name = &lun.image;
    let opened = pool.open_read_only(&name.image.image, name.snap.as_ref());
    let image = match opened {
        Ok(image) => image,
        Err(error) if error.is_not_found() => {
            let there = name.snap.is_some()
                && pool
                    .image_id(&name.image.image)
                    .context(|| format!("cannot look up {}", name.image))?
                    .is_some();
            absent(lun, there, problems);
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let info = image.info().context(|| format!("cannot look at {name}"))?;
    if name.snap.is_none() && !info.has(features::EXCLUSIVE_LOCK) {
        problems.error(
            &lun.place,
            format!("{name} lacks the feature exclusive-lock"),
            format!(
                "it is what keeps a second gateway out: rbd feature enable {name} exclusive-lock"
            ),
        );
    }
    let watchers = if name.snap.is_none() {
        let all = image
            .watchers()
            .context(|| format!("cannot ask who has {name} open"))?;
        all.into_iter().map(|watcher| watcher.addr).collect()
    } else {
        Vec::new()
    };
    Ok(Some(Found {
        fsid: fsid.clone(),
        pool: pool.id(),
        image: info.id,
        size: info.size,
        watchers,
    }))
}
