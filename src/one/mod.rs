//! OpenNebula's contract: how its drivers are called, what they must answer, and what oned makes of an error.
//!
//! From the outside in: [`Call`] is the argument vector of an action, parsed; [`document`] the XML that comes with it or is
//! asked of oned ([`oned`]); [`names`] what images are called; [`voice`] how to speak so that every release of oned shows
//! it well. Nothing here knows a tool or a device.

mod act;
mod backup_base;
mod backups;
pub mod call;
mod context;
pub mod doctor;
pub mod document;
mod ids;
pub mod install;
mod mad;
mod monitord;
pub mod names;
pub mod oned;
mod others;
pub mod plan;
mod remote;
mod restore;
mod shell;
pub mod shims;
mod store;
mod transfer;
mod tree;
pub mod voice;
mod web;

pub use act::{Site, Stdio, act};
pub use call::Call;
pub use ids::{DatastoreId, DiskId, HostId, ImageNumber, Megabytes, SnapshotId, VmId};
pub use mad::Mad;
pub use remote::Remote;
pub use tree::Tree;
