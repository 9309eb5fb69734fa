//! One module per external tool, each with three roles: build its argv, read its output, and the verbs that join both.
//!
//! Only the module of a tool looks at what that tool says on stderr, once, and makes a variant of its error of it.

pub mod bcache;
pub mod blk;
pub mod dmsetup;
pub mod flashcache;
pub mod kmod;
pub mod krbd;
pub mod losetup;
pub mod lvm;
pub mod mkfs;
pub mod ssh;
pub mod thin;
pub mod udev;

#[cfg(test)]
mod lab;
