//! From an inventory to its identities: the store that it names, and the images' ids of Ceph.

use std::collections::HashMap;

use super::{FileStore, Identities, ImageKey, ObjectStore, Store, identify, set_active};
use crate::ceph::{Cluster, Pool};
use crate::host::Host;
use crate::model::{HostName, PoolName, SnapSpec};
use crate::tgt::inventory::{Inventory, Problems, RegistryPlace, absent};
use crate::{Context, Error, Kind, Result};

/// How identities are looked up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lookup {
    /// Do without Ceph: images are known by the name that they had last.
    pub offline: bool,
    /// Keep nothing that is new.
    pub dry_run: bool,
}

/// The identities of an inventory's targets and images; connects to Ceph unless told otherwise.
pub fn resolve(host: &Host, inventory: &Inventory, how: Lookup) -> Result<Identities> {
    if how.offline {
        return match &inventory.registry {
            RegistryPlace::File(file) => {
                identify(inventory, &FileStore::new(file.clone()), None, !how.dry_run)
            }
            RegistryPlace::Object { pool, .. } => Err(Error::new(
                Kind::Usage,
                format!("the registry is in pool {pool}, so this cannot be done without Ceph"),
            )
            .remedy("leave out --offline, or set registry.file where there is one gateway only")),
        };
    }
    let cluster = host.connect()?;
    let keys = keys(inventory, &cluster)?;
    let store = store(inventory, || Ok(cluster.clone()))?;
    identify(inventory, store.as_ref(), Some(&keys), !how.dry_run)
}

/// The store that an inventory names; a file needs no cluster.
pub fn store(
    inventory: &Inventory,
    cluster: impl FnOnce() -> Result<Cluster>,
) -> Result<Box<dyn Store>> {
    Ok(match &inventory.registry {
        RegistryPlace::File(file) => Box::new(FileStore::new(file.clone())),
        RegistryPlace::Object { pool, object } => {
            let pool = cluster()?.pool(pool, None).context(|| {
                format!("cannot open pool {pool}, where the registry of identities is")
            })?;
            Box::new(ObjectStore::new(pool, object.clone()))
        }
    })
}

/// Lets a gateway serve a client from now on, for all gateways to see; whether that is new.
pub fn serve_from(
    host: &Host,
    inventory: &Inventory,
    client: &str,
    gateway: &HostName,
) -> Result<bool> {
    let store = store(inventory, || host.connect())?;
    let new = set_active(store.as_ref(), client, gateway)?;
    if new {
        crate::fault::step("registry: another gateway serves");
    }
    Ok(new)
}

/// The id of every image; one small read for each.
fn keys(inventory: &Inventory, cluster: &Cluster) -> Result<HashMap<SnapSpec, ImageKey>> {
    let fsid = cluster
        .fsid()
        .context(|| "cannot ask for the cluster's fsid".into())?;
    let mut problems = Problems::default();
    let mut pools: HashMap<PoolName, Pool> = HashMap::new();
    let mut keys = HashMap::new();
    for (_, target) in inventory.targets() {
        for lun in &target.luns {
            let name = &lun.image.image;
            if !pools.contains_key(&name.pool) {
                let pool = cluster
                    .pool(&name.pool, None)
                    .context(|| format!("cannot open pool {} of {}", name.pool, lun.place))?;
                pools.insert(name.pool.clone(), pool);
            }
            let Some(pool) = pools.get(&name.pool) else {
                continue;
            };
            let id = pool
                .image_id(&name.image)
                .context(|| format!("cannot look up {name}"))?;
            match id {
                Some(image) => drop(keys.insert(
                    lun.image.clone(),
                    ImageKey {
                        fsid: fsid.clone(),
                        pool: pool.id(),
                        image,
                        snap: lun.image.snap.clone(),
                    },
                )),
                None => absent(lun, false, &mut problems),
            }
        }
    }
    problems.check()?;
    Ok(keys)
}
