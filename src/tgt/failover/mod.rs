//! `warmblock tgt failover CLIENT --to NODE`: another gateway serves a client.
//!
//! tgt shares neither reservations nor caches between gateways (facts 3.4), so there must be no moment at which two of them
//! write. The order is what keeps that:
//!
//! 1. The registry says who serves. From then on every `apply`, on whichever gateway, holds the old one back.
//! 2. The old gateway is asked to let go ([`release`]): no more logins, LUNs closed, cached disks flushed and detached. It has a
//!    deadline, since it may be dead or frozen.
//! 3. It is fenced: every client that still has one of the images open, or its lock, goes on Ceph's blocklist. Whatever it
//!    still has in flight is refused by the OSDs, also when it thaws hours later.
//!    Their notes are closed then; no `apply` and no start of tgtd opens an image before.
//! 4. Only then are the images opened here, and logins let in.
//!
//! Stopped anywhere, it is finished by running it again.

mod fence;
mod lease;
mod release;
mod report;
mod run;
mod work;

pub use release::{ReleaseReport, release};
pub use report::{FailoverReport, FailoverStep, Fenced};
pub use run::{Options, failover};
