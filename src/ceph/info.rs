//! What is known of an image.

use serde::Serialize;

use super::error::{CephError, On, optional, parsed};
use super::ffi::RawLinked;
use super::image::Image;
use crate::model::{Bytes, ImageId, ImageName, ImageSpec, Namespace, PoolId, PoolName, SnapName};

/// Feature bits of images, as in `rbd/features.h`.
pub mod features {
    /// Clones.
    pub const LAYERING: u64 = 1;
    /// Striping other than one object after the other.
    pub const STRIPINGV2: u64 = 1 << 1;
    /// One writer at a time.
    pub const EXCLUSIVE_LOCK: u64 = 1 << 2;
    /// Which objects exist is known without asking.
    pub const OBJECT_MAP: u64 = 1 << 3;
    /// What changed between snapshots is known without asking.
    pub const FAST_DIFF: u64 = 1 << 4;
    /// Flattening covers the snapshots as well.
    pub const DEEP_FLATTEN: u64 = 1 << 5;
    /// Every write goes to a journal first; the kernel cannot map such an image.
    pub const JOURNALING: u64 = 1 << 6;
    /// The data lie in another pool.
    pub const DATA_POOL: u64 = 1 << 7;
    /// Operations that need newer clients; set by the cluster.
    pub const OPERATIONS: u64 = 1 << 8;
    /// A live migration is under way.
    pub const MIGRATING: u64 = 1 << 9;
    /// A mirror that may not be written.
    pub const NON_PRIMARY: u64 = 1 << 10;
}

/// `RBD_FLAG_OBJECT_MAP_INVALID` and `RBD_FLAG_FAST_DIFF_INVALID`.
const MAPS_INVALID: u64 = 3;

/// An image, or the snapshot that it is opened at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ImageInfo {
    /// Its id.
    pub id: ImageId,
    /// Its size.
    pub size: Bytes,
    /// The size of its objects.
    pub object_size: Bytes,
    /// How many objects it has at most.
    pub num_objects: u64,
    /// Feature bits, see [`features`].
    pub features: u64,
    /// Flags: 1 if the object map is not valid, 2 if the fast diff is not.
    pub flags: u64,
    /// How much goes into one object before the next one's turn.
    pub stripe_unit: Bytes,
    /// How many objects take turns; 1 without striping.
    pub stripe_count: u64,
    /// What it was cloned from.
    pub parent: Option<ParentSpec>,
    /// The pool of its data, if that is not the pool of its header.
    pub data_pool: Option<PoolName>,
    /// When it was made, in seconds of Unix time.
    pub created: i64,
}

impl ImageInfo {
    /// Whether it has all these features.
    pub const fn has(&self, features: u64) -> bool {
        self.features & features == features
    }

    /// Whether its object map can be trusted: a diff of whole objects then reads no objects.
    pub const fn has_fast_diff(&self) -> bool {
        self.has(features::FAST_DIFF) && self.flags & MAPS_INVALID == 0
    }
}

/// The snapshot that an image was cloned from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ParentSpec {
    /// The parent.
    pub image: ImageSpec,
    /// The parent's pool, by id.
    pub pool_id: PoolId,
    /// The parent, by id.
    pub image_id: ImageId,
    /// The snapshot's name; of a snapshot that was removed while it has clones, the one that Ceph gave it.
    pub snap: SnapName,
    /// The snapshot's id.
    pub snap_id: u64,
    /// Whether the parent is in the trash.
    pub trash: bool,
    /// How much of the image the parent underlies, from the start.
    pub overlap: Bytes,
}

/// A clone of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Child {
    /// Its pool.
    pub pool: PoolName,
    /// Its pool, by id.
    pub pool_id: PoolId,
    /// Its namespace, `None` for the default one.
    pub namespace: Option<Namespace>,
    /// Its name.
    pub image: ImageName,
    /// Its id.
    pub id: ImageId,
    /// Whether it is in the trash.
    pub trash: bool,
}

/// A client that has an image open to write, or mapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Watcher {
    /// Its address, such as `10.0.0.7:0/1234`: what a blocklist takes.
    pub addr: String,
    /// Its number, as in `client.4711`.
    pub id: i64,
    /// Its watch.
    pub cookie: u64,
}

fn namespace_of(call: &'static str, word: &str) -> Result<Option<Namespace>, CephError> {
    (!word.is_empty()).then(|| parsed(call, word)).transpose()
}

fn child(raw: &RawLinked) -> Result<Child, CephError> {
    const CALL: &str = "rbd_list_children3";
    Ok(Child {
        pool: parsed(CALL, &raw.pool)?,
        pool_id: PoolId(raw.pool_id),
        namespace: namespace_of(CALL, &raw.namespace)?,
        image: parsed(CALL, &raw.name)?,
        id: parsed(CALL, &raw.id)?,
        trash: raw.trash,
    })
}

impl Image {
    /// All that is known. Implements `rbd_stat`, `rbd_get_features`, `rbd_get_flags`, `rbd_get_stripe_unit`,
    /// `rbd_get_stripe_count`, `rbd_get_data_pool_id`, `rbd_get_create_timestamp`, and those of [`Image::parent`].
    pub fn info(&self) -> Result<ImageInfo, CephError> {
        let raw = self.handle().info().on(self)?;
        let own = self.pool().id();
        let elsewhere = (raw.data_pool >= 0 && raw.data_pool != own.0).then_some(raw.data_pool);
        let data_pool = elsewhere.map(|id| self.pool().cluster().pool_name(PoolId(id)));
        Ok(ImageInfo {
            id: self.id().clone(),
            size: Bytes(raw.size),
            object_size: Bytes(raw.object_size),
            num_objects: raw.objects,
            features: raw.features,
            flags: raw.flags,
            stripe_unit: Bytes(raw.stripe_unit),
            stripe_count: raw.stripe_count,
            parent: self.parent()?,
            data_pool: data_pool.transpose()?,
            created: raw.created,
        })
    }

    /// What it was cloned from, `None` if it is no clone or was flattened. Implements `rbd_get_parent`,
    /// `rbd_get_overlap`.
    pub fn parent(&self) -> Result<Option<ParentSpec>, CephError> {
        const CALL: &str = "rbd_get_parent";
        let Some(raw) = optional(self.handle().parent().on(self))? else {
            return Ok(None);
        };
        Ok(Some(ParentSpec {
            image: ImageSpec {
                pool: parsed(CALL, &raw.image.pool)?,
                namespace: namespace_of(CALL, &raw.image.namespace)?,
                image: parsed(CALL, &raw.image.name)?,
            },
            pool_id: PoolId(raw.image.pool_id),
            image_id: parsed(CALL, &raw.image.id)?,
            snap: parsed(CALL, &raw.snap)?,
            snap_id: raw.snap_id,
            trash: raw.image.trash,
            overlap: Bytes(raw.overlap),
        }))
    }

    /// The clones, in all pools that this client may read: of one snapshot, or with `None` of all (of the one that it is
    /// opened at). Implements `rbd_list_children3`.
    pub fn children(&self, snap: Option<&SnapName>) -> Result<Vec<Child>, CephError> {
        // Another handle, because the snapshot of one that others use must not change under them.
        let at_snap = snap.map(|snap| self.pool().open_by_id_read_only(self.id(), Some(snap)));
        let at_snap = at_snap.transpose()?;
        let image = at_snap.as_ref().unwrap_or(self);
        let children = image.handle().children().on(image)?;
        children.iter().map(child).collect()
    }

    /// Who has it open to write, or mapped; this client included. Implements `rbd_watchers_list`.
    pub fn watchers(&self) -> Result<Vec<Watcher>, CephError> {
        let watchers = self.handle().watchers().on(self)?;
        let watchers = watchers.into_iter().map(|raw| Watcher {
            addr: raw.addr,
            id: raw.id,
            cookie: raw.cookie,
        });
        Ok(watchers.collect())
    }
}
