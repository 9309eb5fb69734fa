//! iSCSI targets on RBD through stgt: the inventory, the registry of identities, tgt-admin's files, the running daemon.

pub mod daemon;
pub mod inventory;
pub mod registry;
pub mod render;
pub mod report;
