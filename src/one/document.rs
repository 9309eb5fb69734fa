//! OpenNebula's XML documents, read into types: only what we use of them, everything else passed by.

mod datastore;
mod vm;
mod xml;

pub use datastore::{Datastore, DatastoreJob, ImageDocument};
pub use vm::{Disk, DiskKind, Vm};
