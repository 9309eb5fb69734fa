//! The running tgtd, by way of `tgtadm`: what it has, and what can be changed of it.
//!
//! [`Tgtadm`] has a verb for each request, argv only, so that no shell reads anything (facts 0.9). [`apply`] brings the daemon
//! to what the inventory says.

pub mod apply;
#[cfg(test)]
pub(in crate::tgt) mod fake;
mod show;
mod tgtadm;

pub use show::{LunState, Nexus, TargetState, parse_parameters, parse_targets};
pub use tgtadm::{Tgtadm, redirected};
