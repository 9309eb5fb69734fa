//! Ceph: librados and librbd on one connection, behind types that own what they use.
//!
//! [`Cluster`] → [`Pool`] → [`Image`] → [`AioQueue`]: each keeps the one before it alive, and gives back to C what it got
//! from C when it is dropped. All are `Send` and `Sync`. [`meta`] changes an image's metadata by compare-and-set. The
//! librados functions come from the `ceph` crate, librbd's from externs of ours; both, and all that is unsafe, stand in
//! `ffi`. Each public function names the C function that it implements. Nothing here logs.

pub mod aio;
mod bulk;
mod cluster;
mod connect;
mod create;
mod diff;
mod error;
pub mod fence;
mod ffi;
mod image;
mod info;
mod lock;
pub mod meta;
pub mod omap;
mod pool;
mod progress;
mod snap;
mod target;
mod trash;
mod words;

pub use aio::AioQueue;
pub use bulk::{BulkOptions, Range};
pub use cluster::Cluster;
pub use create::{CloneFormat, CloneOptions, CreateOptions, ParentSnap};
pub use diff::{DiffOptions, Extent};
pub use error::{CephError, Stage};
pub use image::Image;
pub use info::{Child, ImageInfo, ParentSpec, Watcher, features};
pub use lock::{Locker, Lockers};
pub use pool::Pool;
pub use progress::{OnProgress, Progress, ignore};
pub use snap::{Snap, SnapNamespace};
pub use target::ClusterTarget;
pub use trash::{TrashEntry, TrashSource};
