//! `doctor`: does this host have what is needed, and if not, what is to be done. It only looks.
//!
//! Each check is a function that answers with findings and never fails itself. A check reads what it needs in its own way,
//! and leaves the judgement to a pure function beside it.

pub mod boot;
mod ceph;
mod drivers;
mod finding;
mod host;
mod kernel;
mod lvm;
mod records;
mod ssd;
pub mod sudoers;
mod systemd;
mod tgt;
mod tools;
mod udev;

pub use finding::{Finding, Findings, State};

use crate::Result;
use crate::cancel::Cancel;
use crate::config::Config;
use crate::host::Host;
use crate::progress::ProgressMode;
use crate::sys::Roots;

/// Looks at everything. A configuration that cannot be used is a finding, and the defaults stand in for it.
pub fn examine(config: Result<Config>, roots: Roots) -> Findings {
    let mut findings = vec![host::configuration(&config)];
    let host = Host::new(
        config.unwrap_or_default(),
        roots,
        ProgressMode::Quiet,
        Cancel::new(),
    );
    let Host { roots, exec, .. } = &host;
    findings.extend([
        host::root(roots),
        host::name(&host),
        host::directory("state", &roots.state),
        host::directory("run", &roots.run),
    ]);
    findings.extend(tools::tools(exec));
    findings.extend(kernel::modules(&host));
    findings.push(kernel::dm_cache(&host));
    findings.extend(drivers::drivers(&host));
    findings.extend(ssd::volume_group(&host));
    findings.extend([
        lvm::filter(exec, roots),
        udev::rules(roots),
        boot::recovery(roots),
    ]);
    findings.extend(ceph::cluster(&host));
    findings.push(records::records(&host));
    findings.extend(tgt::gateway(&host));
    Findings {
        version: Findings::VERSION,
        findings,
    }
}
