//! warmblock: a warm SSD cache in front of Ceph RBD disks. ARCHITECTURE.md has the map.

pub mod error;
pub mod exec;
pub mod fault;
pub mod model;
pub mod sys;
pub mod tools;

pub use error::{Context, Error, Kind, Result};
