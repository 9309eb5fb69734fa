//! `warmblock tgt status`: what each gateway's daemon has, beside what it should have.

mod across;
mod drift;
mod local;
mod remote;
mod report;

pub use across::across;
pub use local::local;
pub use remote::{all, elsewhere};
pub use report::{GatewayStatus, LunStatus, TargetStatus, TgtStatus};
