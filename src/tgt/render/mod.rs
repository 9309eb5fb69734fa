//! tgt-admin's files: one per client, so that a plain restart of tgt restores what `apply` put in force.
//!
//! They are rendered with the rules of facts 1.4, which tgt-admin up to 1.0.95 and from 1.0.96 on read alike. A standby's
//! file has the targets offline and without LUNs: two gateways that have one image open are two writers (facts 3.4).

mod diff;
mod template;
#[cfg(test)]
mod tests;
mod view;
mod write;

pub use template::Templates;
pub use view::{ChapView, ClientView, LunView, Parameter, TargetView, view};
pub use write::{FileReport, RenderReport, render, rendered};
