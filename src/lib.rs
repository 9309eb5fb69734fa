//! warmblock: a warm SSD cache in front of Ceph RBD disks. ARCHITECTURE.md has the map.

pub mod cache;
pub mod cancel;
pub mod ceph;
pub mod cli;
pub mod config;
pub mod conform;
pub mod disk;
pub mod doctor;
pub mod error;
pub mod exec;
pub mod fault;
pub mod host;
pub mod image;
pub mod iscsi;
pub mod job;
pub mod model;
pub mod one;
pub mod progress;
pub mod pulse;
pub mod seed;
pub mod sys;
pub mod tgt;
pub mod tools;

pub use error::{Context, Error, Kind, Result};
