//! iSCSI targets on RBD through stgt: the inventory, the registry of identities, tgt-admin's files and what is read out of
//! them, the running daemon.

pub mod check;
pub mod conf;
pub mod daemon;
pub mod failover;
mod guest;
mod holders;
pub mod inventory;
pub mod registry;
pub mod render;
pub mod report;
pub mod resize;
mod site;
pub mod status;
pub mod verify;
mod watchers;

pub use holders::starting;
pub use site::Site;
