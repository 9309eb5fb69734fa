//! A small iSCSI initiator (RFC 7143) for looking at targets as an initiator sees them: real logins, with CHAP, and the few SCSI
//! commands that tell who a LUN is and whether it works.
//!
//! Made for answers, not for speed: one connection, one command at a time, no digests, a deadline on every wait. Secrets stay in
//! this process, where tools such as `iscsi-inq` would take them in their arguments.

mod chap;
mod error;
mod login;
mod pdu;
mod scsi;
mod session;

pub use chap::Account;
pub use error::IscsiError;
pub use login::{Login, login};
pub use scsi::{Capacity, Designator, Sense};
pub use session::Session;
