//! OpenNebula's XML documents, read into types: only what we use of them, everything else passed by.

mod backup;
mod datastore;
mod pool;
mod vm;
mod xml;

pub use backup::{BackupDatastore, BackupImage, datastore_of, format_of};
pub use datastore::{Datastore, DatastoreJob, ImageDocument};
pub use pool::{DatastoreRow, HostRow, may_live, parse_datastores, parse_hosts};
pub use vm::{BackupConfig, BackupMode, CacheAsk, CacheWords, Disk, DiskKind, Vm};
pub use xml::Said;
