//! Snapshots that hold together: the image is complete while they are taken, and the guest's file systems may be frozen.

use std::time::Duration;

use super::Answer;
use super::request::{Quiet, Rest};
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
            Some(domain) => at_rest(&host.exec, (domain, ask.rest), &mut warnings, steps),
            None => steps(),
        }
    })?;
    report.warnings.extend(warnings);
    answers.insert(0, StepAnswer::Done(Box::new(Answer::Disk(report))));
    Ok(answers)
}

/// What virsh calls coming to rest and going on, and what it is if either fails.
struct Words {
    rest: &'static str,
    restless: &'static str,
    go_on: &'static str,
    stuck: &'static str,
}

const fn words(rest: Rest) -> Words {
    match rest {
        Rest::Freeze => Words {
            rest: "domfsfreeze",
            restless: "the guest's file systems could not be frozen, so the snapshot is as after a power cut",
            go_on: "domfsthaw",
            stuck: "its file systems may still be frozen, and its writes hang",
        },
        Rest::Suspend => Words {
            rest: "suspend",
            restless: "the guest could not be suspended, so the snapshots of its disks may be of different moments",
            go_on: "resume",
            stuck: "it may still be suspended",
        },
    }
}

/// Does `work` while a guest is at rest. It goes on whatever comes of that, also if its freezing failed: that may have got half
/// way. One that is paused already, or could not be suspended, is left as it was: it is at rest for somebody else.
fn at_rest<T>(
    exec: &Exec,
    (domain, rest): (&str, Rest),
    warnings: &mut Vec<String>,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let words = words(rest);
    if rest == Rest::Suspend {
        // To suspend it once more is no failure for libvirt, so afterwards nobody could tell for whom it is paused.
        match is_paused(exec, domain) {
            Ok(false) => {}
            Ok(true) => {
                let message = format!(
                    "guest {domain} was paused already, and stays so; `virsh resume {domain}` if nobody wants that any more"
                );
                warnings.push(message);
                return work();
            }
            Err(error) => {
                warnings.push(format!("{}: {error}", words.restless));
                return work();
            }
        }
    }
    let resting = exec.run(&virsh(words.rest, domain));
    if let Err(error) = &resting {
        warnings.push(format!("{}: {error}", words.restless));
    }
    let done = work();
    let goes_on = match (resting, rest) {
        // One that took too long may come to rest yet.
        (Ok(_) | Err(ExecError::Timeout { .. }), _) => go_on(exec, domain, &words),
        // Whether there was anything to thaw is not known, and a guest without an agent cannot be asked.
        (Err(_), Rest::Freeze) => exec.run(&virsh(words.go_on, domain)).map(drop).or(Ok(())),
        (Err(_), Rest::Suspend) => Ok(()),
    };
    match (done, goes_on) {
        (Ok(done), goes_on) => {
            warnings.extend(goes_on.err().map(|error| told(&error)));
            Ok(done)
        }
        (Err(error), goes_on) => Err(error.and_then_cleanup(goes_on)),
    }
}

/// Whether a guest is paused: by an operator, or by QEMU after an I/O error.
fn is_paused(exec: &Exec, domain: &str) -> Result<bool, ExecError> {
    let state = exec.run(&virsh("domstate", domain))?;
    Ok(state.text()?.trim() == "paused")
}

/// Until then the guest hangs, or at least every write of its.
fn go_on(exec: &Exec, domain: &str, words: &Words) -> Result<()> {
    let mut last = None;
    let goes_on = wait::poll(PATIENCE, || {
        exec.run(&virsh(words.go_on, domain))
            .map_err(|error| last = Some(error))
            .ok()
    });
    match (goes_on, last) {
        (None, Some(error)) => Err(Error::from(error)).map_err(|error| {
            let message = format!("guest {domain} does not go on: {}", words.stuck);
            Error::new(Kind::Failed, message)
                .because(error)
                .remedy(format!(
                    "on its host, until it comes through: `virsh {} {domain}`",
                    words.go_on
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

    /// A virsh that has a guest which runs, notes what it is asked for, and fails where it is told to. As libvirt has it, a paused
    /// guest may be suspended, and only a paused one resumed.
    const VIRSH: &str = r#"#!/bin/sh
        cd DIR || exit
        echo "$3 $5" >>log
        case "$3 $(grep -c "$3" log)" in FAILS) exit 1 ;; esac
        case $3 in
        domstate) printf '%s\n\n' "$(cat state)" ;;
        suspend) echo paused >state ;;
        resume) grep -q paused state && echo running >state ;;
        esac"#;

    fn virsh(fails: &str) -> (tempfile::TempDir, Exec) {
        let dir = tempfile::tempdir().unwrap();
        let script = VIRSH.replace("FAILS", fails);
        let script = script.replace("DIR", dir.path().to_str().unwrap());
        crate::sys::atomic::write_mode(&dir.path().join("virsh"), script.as_bytes(), 0o755)
            .unwrap();
        now(&dir, "running");
        let exec = Exec::new([dir.path().to_owned(), "/usr/bin".into(), "/bin".into()]);
        (dir, exec)
    }

    fn now(dir: &tempfile::TempDir, state: &str) {
        crate::sys::atomic::write(&dir.path().join("state"), state.as_bytes()).unwrap();
    }

    fn state(dir: &tempfile::TempDir) -> String {
        let state = std::fs::read_to_string(dir.path().join("state")).unwrap();
        state.trim().to_owned()
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
            at_rest(&exec, ("one-12", Rest::Freeze), &mut warnings, || Ok(())).unwrap();
            assert_eq!(said(&dir), ["domfsfreeze one-12", "domfsthaw one-12"]);
            assert_eq!(!warnings.is_empty(), warned, "{warnings:?}");
        }
    }

    #[test]
    fn a_guest_that_does_not_thaw_at_once_is_asked_again() {
        let (dir, exec) = virsh("'domfsthaw 1'|'domfsthaw 2'");
        let mut warnings = Vec::new();
        let failed: Result<()> = at_rest(&exec, ("one-12", Rest::Freeze), &mut warnings, || {
            Err(Error::new(Kind::Failed, "no"))
        });
        assert_eq!(failed.unwrap_err().chain(), "no");
        assert_eq!(said(&dir).len(), 4);
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    /// A guest that somebody else has suspended, or may have, is not set going.
    #[test]
    fn a_guest_is_resumed_if_it_was_suspended_for_this() {
        const BOTH: &[&str] = &["domstate one-12", "suspend one-12", "resume one-12"];
        for (before, fails, during, expected) in [
            ("running", "nothing", "paused", BOTH),
            ("paused", "nothing", "paused", &BOTH[..1]),
            ("running", "'suspend 1'", "running", &BOTH[..2]),
            ("running", "'domstate 1'", "running", &BOTH[..1]),
        ] {
            let (dir, exec) = virsh(fails);
            now(&dir, before);
            let mut warnings = Vec::new();
            let seen = at_rest(&exec, ("one-12", Rest::Suspend), &mut warnings, || {
                Ok(state(&dir))
            });
            assert_eq!(seen.unwrap(), during);
            assert_eq!(said(&dir), expected);
            assert_eq!(state(&dir), before, "{fails}");
            let nothing_to_say = fails == "nothing" && before == "running";
            assert_eq!(warnings.is_empty(), nothing_to_say, "{warnings:?}");
        }
    }

    #[test]
    fn a_guest_that_does_not_go_on_at_once_is_asked_again() {
        let (dir, exec) = virsh("'resume 1'|'resume 2'");
        let mut warnings = Vec::new();
        let failed: Result<()> = at_rest(&exec, ("one-12", Rest::Suspend), &mut warnings, || {
            Err(Error::new(Kind::Failed, "no"))
        });
        assert_eq!(failed.unwrap_err().chain(), "no");
        assert_eq!((state(&dir).as_str(), said(&dir).len()), ("running", 5));
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}
