//! Snapshots that hold together: the image is complete while they are taken, and the guest's file systems may be frozen.

use std::time::Duration;

use super::Answer;
use super::request::Quiet;
use super::run::{StepAnswer, several};
use crate::exec::{Cmd, Exec, ExecError};
use crate::host::Host;
use crate::sys::wait;
use crate::{Error, Kind, Result, disk};

/// How long a guest may take to come to rest, or to go on.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long we try to let it go on.
const PATIENCE: Duration = Duration::from_secs(150);

/// Does the requests, on a host that has the disk while its image is complete.
///
/// Errors: those of the requests; [`crate::Kind::Dirty`] if the image cannot be completed.
pub(super) fn run(host: &Host, ask: &Quiet, dry_run: bool) -> Result<Vec<StepAnswer>> {
    if !disk::is_mapped(host, &ask.image)? {
        return several(host, &ask.steps, dry_run);
    }
    let mut warnings = Vec::new();
    let (mut report, mut answers) = disk::while_complete(host, &ask.image, dry_run, || {
        let steps = || several(host, &ask.steps, dry_run);
        match ask.domain.as_deref().filter(|_| !dry_run) {
            Some(domain) => frozen(&host.exec, domain, &mut warnings, steps),
            None => steps(),
        }
    })?;
    report.warnings.extend(warnings);
    answers.insert(0, StepAnswer::Done(Box::new(Answer::Disk(report))));
    Ok(answers)
}

/// Does `work` while a guest's file systems are frozen. It is thawed whatever comes of that, also if the freezing failed:
/// that may have got half way.
fn frozen<T>(
    exec: &Exec,
    domain: &str,
    warnings: &mut Vec<String>,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let freezing = exec.run(&virsh("domfsfreeze", domain));
    if let Err(error) = &freezing {
        warnings.push(format!(
            "the guest's file systems could not be frozen, so the snapshot is as after a power cut: {error}"
        ));
    }
    let done = work();
    let thawed = match freezing {
        // One that took too long may freeze it yet.
        Ok(_) | Err(ExecError::Timeout { .. }) => thaw(exec, domain),
        // Whether there was anything to thaw is not known, and a guest without an agent cannot be asked.
        Err(_) => exec.run(&virsh("domfsthaw", domain)).map(drop).or(Ok(())),
    };
    match (done, thawed) {
        (Ok(done), thawed) => {
            warnings.extend(thawed.err().map(|error| told(&error)));
            Ok(done)
        }
        (Err(error), thawed) => Err(error.and_then_cleanup(thawed)),
    }
}

/// Until it is thawed, every write of the guest hangs.
fn thaw(exec: &Exec, domain: &str) -> Result<()> {
    let mut last = None;
    let thawed = wait::poll(PATIENCE, || {
        exec.run(&virsh("domfsthaw", domain))
            .map_err(|error| last = Some(error))
            .ok()
    });
    match (thawed, last) {
        (None, Some(error)) => Err(Error::from(error)).map_err(|error| {
            let message = format!(
                "the file systems of guest {domain} may still be frozen, and its writes hang"
            );
            Error::new(Kind::Failed, message)
                .because(error)
                .remedy(format!(
                    "on its host, until it says how many it thawed: `virsh domfsthaw {domain}`"
                ))
        }),
        _ => Ok(()),
    }
}

fn told(error: &Error) -> String {
    match error.remedy_text() {
        Some(remedy) => format!("{}; {remedy}", error.chain()),
        None => error.chain(),
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

    /// A virsh that notes what it is asked for, and fails where it is told to.
    fn virsh(fails: &str) -> (tempfile::TempDir, Exec) {
        let dir = tempfile::tempdir().unwrap();
        let script = format!(
            "#!/bin/sh\necho \"$3 $5\" >>{0}/log\ncase \"$3 $(grep -c $3 {0}/log)\" in {fails}) exit 1 ;; esac\n",
            dir.path().display()
        );
        let tool = dir.path().join("virsh");
        crate::sys::atomic::write_mode(&tool, script.as_bytes(), 0o755).unwrap();
        let exec = Exec::new([dir.path().to_owned(), "/usr/bin".into(), "/bin".into()]);
        (dir, exec)
    }

    fn said(dir: &tempfile::TempDir) -> Vec<String> {
        let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
        log.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_guest_is_thawed_whatever_came_of_the_freezing() {
        for (fails, warned) in [("nothing", false), ("'domfsfreeze 1'", true)] {
            let (dir, exec) = virsh(fails);
            let mut warnings = Vec::new();
            frozen(&exec, "one-12", &mut warnings, || Ok(())).unwrap();
            assert_eq!(said(&dir), ["domfsfreeze one-12", "domfsthaw one-12"]);
            assert_eq!(!warnings.is_empty(), warned, "{warnings:?}");
        }
    }

    #[test]
    fn a_guest_that_does_not_thaw_at_once_is_asked_again() {
        let (dir, exec) = virsh("'domfsthaw 1'|'domfsthaw 2'");
        let mut warnings = Vec::new();
        let failed: Result<()> = frozen(&exec, "one-12", &mut warnings, || {
            Err(Error::new(Kind::Failed, "no"))
        });
        assert_eq!(failed.unwrap_err().chain(), "no");
        assert_eq!(said(&dir).len(), 4);
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}
