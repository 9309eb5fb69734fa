//! OpenNebula's XML documents, read into types: only what we use of them, everything else passed by.

mod backup;
mod datastore;
mod disk;
mod hosts;
mod images;
mod pool;
mod vm;
mod words;
mod xml;

pub use backup::{BackupDatastore, BackupImage, datastore_of, format_of};
pub use datastore::{Datastore, DatastoreJob, ImageDocument};
pub use disk::{Disk, DiskKind};
pub use hosts::{HostRow, may_live, parse_hosts};
pub use images::{ImageRow, parse_images};
pub use pool::{DatastoreRow, parse_datastores};
pub use vm::{BackupConfig, BackupMode, Vm};
pub use words::{CacheAsk, CacheWords};
pub use xml::Said;
