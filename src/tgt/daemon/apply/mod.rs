//! `warmblock tgt apply`: the difference between the inventory and the running daemon, put in force.
//!
//! tgt-admin never changes a live target, and deletes what it does not find in the one file that it was given (facts 4.1).
//! Here each thing that differs is changed by itself:
//!
//! - Only targets that the inventory or the registry names are touched.
//! - What would disturb a session is held back, with the names of those who are connected, unless forced.
//! - Nothing is ever open to more than it should be: what is let in too much goes first, what is let in anew comes last; a
//!   new target lets nobody in until its LUNs, identities and accounts are there; an account whose secret changes is
//!   guarded by another one meanwhile, because a target without accounts asks for none.
//! - Ceph is asked before tgtd is, with a deadline: tgtd's event loop, and with it the I/O of everybody, stands while a LUN
//!   waits for a monitor (facts 2.2).
//! - What a failed run made is taken back; what a killed run left is completed by the next one, since each run starts
//!   from what the daemon has.

mod accounts;
mod applied;
mod lock;
mod luns;
mod one;
mod plan;
mod preflight;
mod report;
mod run;
mod step;
mod target;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_guard;

pub use applied::Applied;
pub(in crate::tgt) use lock::{lock, try_lock};
pub use plan::{Daemon, Plan, TargetPlan, plan};
pub(in crate::tgt) use preflight::{connect, going, reach, refused};
pub use report::{ApplyReport, Held, TargetReport};
pub(in crate::tgt) use run::look;
pub use run::{Options, apply};
pub use step::Step;
pub(in crate::tgt) use target::take;
