//! OpenNebula's XML documents, read into types: only what we use of them, everything else passed by.

mod backup;
mod datastore;
mod disk;
mod pool;
mod vm;
mod words;
mod xml;

pub use backup::{BackupDatastore, BackupImage, datastore_of, format_of};
pub use datastore::{Datastore, DatastoreJob, ImageDocument};
pub use disk::{Disk, DiskKind};
pub use pool::{DatastoreRow, HostRow, may_live, parse_datastores, parse_hosts};
pub use vm::{BackupConfig, BackupMode, Vm};
pub use words::{CacheAsk, CacheWords};
pub use xml::Said;
