//! The vocabulary: names, sizes and states as types. No I/O here.

pub mod access;
pub mod change;
pub mod ids;
pub mod key;
pub mod lease;
pub mod names;
pub mod parse;
pub mod plain_path;
pub mod policy;
pub mod replacement;
pub mod size;
pub mod spec;
pub mod versioned;

pub use access::Access;
pub use change::Change;
pub use ids::{
    CephFile, ClientId, ClusterName, Fsid, HostName, ImageId, ImageName, Namespace, PoolId,
    PoolName, ReplacementId, SnapName, VgName,
};
pub use key::DiskKey;
pub use lease::{Lease, LeaseHolder, Moving, Sharer, Sharing};
pub use names::{
    BackupSnap, BaseName, BeforeRevert, Beside, CopySnap, DmName, LvName, Role, SharedName,
    WayBackName,
};
pub use parse::ParseError;
pub use plain_path::{PlainPath, is_number};
pub use policy::{CacheMode, DriverName, OnFull, SeedSpec, SlicePolicy, SliceSize};
pub use replacement::{ReplacedImage, Replacement};
pub use size::{Bytes, Sectors};
pub use spec::{ImageSpec, SnapSpec};
pub use versioned::{NotVersioned, versioned};

/// Whether a value is the one that it has where nothing is said. What goes to another host leaves such fields out: an older release
/// knows no newer one, and need not where that asks for nothing.
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
