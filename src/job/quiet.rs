//! Snapshots that hold together: the image is complete while they are taken, and the guest's file systems may be frozen.

use std::time::Duration;

use super::Answer;
use super::request::Quiet;
use super::run::{StepAnswer, several};
use crate::exec::{Cmd, Exec};
use crate::host::Host;
use crate::{Result, disk};

/// How long a guest may take to come to rest, or to go on.
const DEADLINE: Duration = Duration::from_secs(60);

/// Does the requests, on a host that has the disk while its image is complete.
///
/// Errors: those of the requests; [`crate::Kind::Dirty`] if the image cannot be completed.
pub(super) fn run(host: &Host, ask: &Quiet, dry_run: bool) -> Result<Vec<StepAnswer>> {
    if !disk::is_mapped(host, &ask.image)? {
        return several(host, &ask.steps, dry_run);
    }
    let mut warning = None;
    let (mut report, mut answers) = disk::while_complete(host, &ask.image, dry_run, || {
        let domain = ask.domain.as_deref().filter(|_| !dry_run);
        let frozen = domain.map(|domain| Frozen::freeze(&host.exec, domain, &mut warning));
        let done = several(host, &ask.steps, dry_run);
        drop(frozen);
        done
    })?;
    report.warnings.extend(warning);
    answers.insert(0, StepAnswer::Done(Box::new(Answer::Disk(report))));
    Ok(answers)
}

/// A guest whose file systems are frozen until this is dropped. It is thawed also if the freezing failed: that may have
/// got half way.
struct Frozen<'a> {
    exec: &'a Exec,
    domain: &'a str,
}

impl<'a> Frozen<'a> {
    fn freeze(exec: &'a Exec, domain: &'a str, warning: &mut Option<String>) -> Self {
        if let Err(error) = exec.run(&virsh("domfsfreeze", domain)) {
            *warning = Some(format!(
                "the guest's file systems could not be frozen, so the snapshot is as after a power cut: {error}"
            ));
        }
        Self { exec, domain }
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.exec.run(&virsh("domfsthaw", self.domain)) {
            tracing::debug!("{} was not thawed: {error}", self.domain);
        }
    }
}

fn virsh(verb: &str, domain: &str) -> Cmd {
    Cmd::query("virsh")
        .args(["--connect", "qemu:///system", verb, "--domain", domain])
        .deadline(DEADLINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_thawed_whatever_came_of_the_freezing() {
        for (code, warned) in [(0, false), (1, true)] {
            let dir = tempfile::tempdir().unwrap();
            let (log, tool) = (dir.path().join("log"), dir.path().join("virsh"));
            let script = format!(
                "#!/bin/sh\necho \"$3 $5\" >>{}\n[ $3 = domfsthaw ] || exit {code}\n",
                log.display()
            );
            crate::sys::atomic::write_mode(&tool, script.as_bytes(), 0o755).unwrap();
            let exec = Exec::new([dir.path().to_owned(), "/bin".into()]);
            let mut warning = None;
            drop(Frozen::freeze(&exec, "one-12", &mut warning));
            let said = std::fs::read_to_string(&log).unwrap();
            assert_eq!(said, "domfsfreeze one-12\ndomfsthaw one-12\n");
            assert_eq!(warning.is_some(), warned);
        }
    }
}
