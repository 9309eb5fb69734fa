//! warmblock: a warm SSD cache in front of Ceph RBD disks. ARCHITECTURE.md has the map.

pub mod config;
pub mod error;
pub mod fault;
pub mod job;
pub mod model;

pub use error::{Context, Error, Kind, Result};
