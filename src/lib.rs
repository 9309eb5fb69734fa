//! warmblock: a warm SSD cache in front of Ceph RBD disks. ARCHITECTURE.md has the map.

<<<<<<< HEAD
pub mod config;
=======
pub mod cancel;
>>>>>>> seed
pub mod error;
pub mod fault;
pub mod job;
pub mod model;
pub mod progress;
pub mod seed;

pub use error::{Context, Error, Kind, Result};
