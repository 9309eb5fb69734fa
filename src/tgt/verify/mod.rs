//! `warmblock tgt verify`: logs in over the portal as an initiator does, and compares what is found with what should be there.

mod heal;
mod lun;
mod report;
mod run;
mod target;
mod truth;

pub use report::{Check, CheckState, Healed, TargetVerified, VerifyReport};
pub use run::{Options, verify};
