//! `/sys/bus/rbd/devices/N/*`.

use std::path::PathBuf;

use crate::model::{Bytes, Fsid, ImageId, ImageSpec, PoolId, SnapSpec};
use crate::sys::block::{attribute, entries};
use crate::sys::{DevNum, Roots};

/// A mapped image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The `N` of `/dev/rbdN`. Handed out again after an unmap: it names nothing for longer than a moment.
    pub number: u32,
    /// The device's number.
    pub num: DevNum,
    /// Its node, `/dev/rbdN`.
    pub device: PathBuf,
    /// The image by its names at the time of mapping, or its snapshot.
    pub image: SnapSpec,
    /// The pool's id.
    pub pool_id: PoolId,
    /// The image's id.
    pub image_id: ImageId,
    /// The cluster.
    pub fsid: Fsid,
    /// The image's size.
    pub size: Bytes,
    /// The image's feature bits.
    pub features: u64,
    /// The kernel client's global id, the number in `client.4133`.
    pub client_id: u64,
    /// Its address and nonce, as `rbd status` shows watchers.
    pub client_addr: String,
    /// Whether the device refuses writes.
    pub read_only: bool,
}

impl Mapping {
    /// Whether it is of this image, by ids: names change and are used again.
    pub fn is_of(&self, fsid: &Fsid, pool: PoolId, image: &ImageId) -> bool {
        self.fsid == *fsid && self.pool_id == pool && self.image_id == *image
    }

    /// Whether both are the same mapping, not just the same number.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.number == other.number
            && self.is_of(&other.fsid, other.pool_id, &other.image_id)
            && (&self.image.snap, self.client_id) == (&other.image.snap, other.client_id)
    }
}

/// All mappings, ordered by number. One that goes away while it is read is left out.
pub(super) fn list(roots: &Roots) -> Vec<Mapping> {
    let names = entries(&roots.sys.join("bus/rbd/devices"));
    let numbers = names.iter().filter_map(|name| name.parse().ok());
    let mut found: Vec<Mapping> = numbers.filter_map(|number| read(roots, number)).collect();
    found.sort_by_key(|mapping| mapping.number);
    found
}

/// One mapping; `None` when there is none of this number, or what sysfs says of it makes no sense.
pub(super) fn read(roots: &Roots, number: u32) -> Option<Mapping> {
    let dir = roots.sys.join("bus/rbd/devices").join(number.to_string());
    let get = |name: &str| attribute(&dir, name);
    let snap = match get("current_snap")?.as_str() {
        "-" => None,
        name => Some(name.parse().ok()?),
    };
    let namespace = match get("pool_ns").unwrap_or_default().as_str() {
        "" => None,
        name => Some(name.parse().ok()?),
    };
    let image = ImageSpec {
        pool: get("pool")?.parse().ok()?,
        namespace,
        image: get("name")?.parse().ok()?,
    };
    let num = DevNum {
        major: get("major")?.parse().ok()?,
        minor: get("minor")?.parse().ok()?,
    };
    let features = get("features")?;
    Some(Mapping {
        number,
        num,
        device: roots.dev.join(format!("rbd{number}")),
        image: SnapSpec { image, snap },
        pool_id: PoolId(get("pool_id")?.parse().ok()?),
        image_id: get("image_id")?.parse().ok()?,
        fsid: get("cluster_fsid")?.parse().ok()?,
        size: Bytes(get("size")?.parse().ok()?),
        features: u64::from_str_radix(features.strip_prefix("0x")?, 16).ok()?,
        client_id: get("client_id")?.strip_prefix("client")?.parse().ok()?,
        client_addr: get("client_addr")?,
        read_only: attribute(&num.sysfs(roots), "ro").is_some_and(|ro| ro == "1"),
    })
}

/// What `rbd device map` prints: `/dev/rbdN`.
pub(super) fn number_of(text: &str) -> Result<u32, String> {
    let number = text
        .trim()
        .strip_prefix("/dev/rbd")
        .and_then(|number| number.parse().ok());
    number.ok_or_else(|| format!("{:?} is not /dev/rbdN", text.trim()))
}
