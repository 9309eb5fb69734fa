//! How to speak to oned: its releases read standard error in three ways (contract, 1.4).
//!
//! The answer of a success is one line on standard output. Of a failure the user sees one line; the log lines before it go
//! into the VM's log if they carry its number. Writing may fail, for oned closes its pipes when an action is cancelled:
//! that changes nothing for the disk, so it is ignored.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::VmId;
use crate::Error;

/// How a release of oned reads standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Up to 6.0: the message stands between two marker lines, all else is log.
    Framed,
    /// 6.2 to 6.10: all of it is the message.
    Bare,
    /// From 7.0: lines that begin with a severity are log, the others are glued together and are the message.
    Levels,
}

impl Dialect {
    /// Of the release that `remotes/VERSION` names, such as `6.10.0`; of a release that cannot be read, the newest.
    pub fn of(version: &str) -> Self {
        let mut numbers = version.trim().split('.').map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) if (major, minor) < (6, 2) => Self::Framed,
            (Some(Ok(6)), _) => Self::Bare,
            (Some(Ok(major)), _) if major < 6 => Self::Framed,
            _ => Self::Levels,
        }
    }
}

/// What a log line weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Something that the operator should know.
    Warning,
    /// What was done.
    Info,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "WARN",
            Self::Info => "INFO",
        })
    }
}

/// Speaks in a release's dialect about a VM, or about none.
#[derive(Debug)]
pub struct Voice<W> {
    dialect: Dialect,
    vm: Option<VmId>,
    stderr: W,
    /// Where the VM's log may be.
    logs: Vec<PathBuf>,
}

impl<W: Write> Voice<W> {
    /// A voice that goes to `stderr`.
    pub const fn new(dialect: Dialect, vm: Option<VmId>, stderr: W) -> Self {
        Self {
            dialect,
            vm,
            stderr,
            logs: Vec::new(),
        }
    }

    /// The same, which knows where oned, whose own directory is `var`, keeps the VM's log: below `/var/log/one` if packages
    /// installed it; beside the VM's other files if not, or if USE_VMS_LOCATION says so. One that logs to syslog has none.
    #[must_use]
    pub fn with_logs(mut self, var: &Path) -> Self {
        let Some(vm) = self.vm else { return self };
        if var == Path::new("/var/lib/one") {
            self.logs.push(format!("/var/log/one/{vm}.log").into());
        }
        self.logs.push(var.join(format!("vms/{vm}/vm.log")));
        self
    }

    /// A line for the log. Releases before 7.0 throw it away if the action comes through, and show it to the user if not: with them
    /// a warning goes into the VM's log past oned, and nothing else is told.
    pub fn log(&mut self, level: Level, text: &str) {
        match (self.dialect, level) {
            (Dialect::Levels, _) => {
                let line = log_line(&level.to_string(), self.vm, text);
                self.line(&line);
            }
            (_, Level::Warning) => self.write_log(text),
            (_, Level::Info) => {}
        }
    }

    /// A line as oned writes them, but for the time, which oned has as its own clock on the wall shows it. It opens its file for each
    /// line and writes at its end, as this does. A file that is not there is not made: then oned logs elsewhere.
    fn write_log(&self, text: &str) {
        let time = humantime::format_rfc3339_seconds(SystemTime::now());
        let line = format!("{time} [Z0][TM][W]: {}\n", one_line(text));
        let mut open = OpenOptions::new();
        open.append(true).custom_flags(libc::O_NOFOLLOW);
        if let Some(mut log) = self.logs.iter().find_map(|path| open.open(path).ok()) {
            let _nobody_reads = log.write_all(line.as_bytes());
        }
    }

    /// The error, as one line for the user: what was tried and failed, and what to do.
    pub fn fail(&mut self, error: &Error) {
        let mut text = one_line(&error.chain());
        if let Some(remedy) = error.remedy_text() {
            text = format!("{text}; {}", one_line(remedy));
        }
        for cleanup in error.cleanup_errors() {
            text = format!(
                "{text}; cleaning up failed as well: {}",
                one_line(&cleanup.chain())
            );
        }
        let text = plain(text);
        match self.dialect {
            Dialect::Framed => {
                self.line("ERROR MESSAGE --8<------");
                self.line(&text);
                self.line("ERROR MESSAGE ------>8--");
            }
            Dialect::Bare | Dialect::Levels => self.line(&text),
        }
    }

    fn line(&mut self, text: &str) {
        let _nobody_listens = writeln!(self.stderr, "{text}");
    }
}

/// A line for the log of a VM, or for oned's own, of a severity: `ERROR`, `WARN`, `INFO` or `DEBUG`. From 7.0.
pub fn log_line(severity: &str, vm: Option<VmId>, text: &str) -> String {
    let text = one_line(text);
    match vm {
        Some(vm) => format!("{severity}: {vm} {text}"),
        // Digits at the start would be taken for a VM.
        None => format!("{severity}: warmblock {text}"),
    }
}

/// Without line breaks and control characters.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_control() || c.is_whitespace());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// A line that begins with a severity would be taken for log and not be shown; one that begins with a hyphen hides itself
/// (oned leaves out an info that begins so).
fn plain(text: String) -> String {
    let taken = ["ERROR", "INFO", "WARN", "DEBUG", "-"];
    if taken.iter().any(|word| text.starts_with(word)) {
        format!("warmblock: {text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    fn said(
        dialect: Dialect,
        vm: Option<VmId>,
        speak: impl FnOnce(&mut Voice<&mut Vec<u8>>),
    ) -> String {
        let mut out = Vec::new();
        speak(&mut Voice::new(dialect, vm, &mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn releases() {
        for (version, dialect) in [
            ("4.4.1", Dialect::Framed),
            ("5.12.0", Dialect::Framed),
            ("6.0.0.3\n", Dialect::Framed),
            ("6.2.0", Dialect::Bare),
            ("6.10.0", Dialect::Bare),
            ("7.0.0", Dialect::Levels),
            ("7.4.0", Dialect::Levels),
            ("10.2.0", Dialect::Levels),
            ("", Dialect::Levels),
        ] {
            assert_eq!(Dialect::of(version), dialect, "{version}");
        }
    }

    #[test]
    fn the_user_gets_one_line() {
        let error = Error::new(Kind::Busy, "cannot remove\nit").remedy("stop the VM");
        let say = |dialect| said(dialect, Some(VmId(12)), |voice| voice.fail(&error));
        assert_eq!(say(Dialect::Levels), "cannot remove it; stop the VM\n");
        assert_eq!(say(Dialect::Bare), "cannot remove it; stop the VM\n");
        assert_eq!(
            say(Dialect::Framed),
            "ERROR MESSAGE --8<------\ncannot remove it; stop the VM\nERROR MESSAGE ------>8--\n"
        );
    }

    #[test]
    fn no_line_is_taken_for_log() {
        let error = Error::new(Kind::Failed, "ERROR: no");
        let line = said(Dialect::Levels, None, |voice| voice.fail(&error));
        assert_eq!(line, "warmblock: ERROR: no\n");
    }

    #[test]
    fn log_lines_carry_the_vm_and_never_a_wrong_one() {
        let log = |dialect, vm| {
            said(dialect, vm, |voice| {
                voice.log(Level::Info, "3 retries\nleft")
            })
        };
        assert_eq!(
            log(Dialect::Levels, Some(VmId(12))),
            "INFO: 12 3 retries left\n"
        );
        assert_eq!(
            log(Dialect::Levels, None),
            "INFO: warmblock 3 retries left\n"
        );
        assert_eq!(log(Dialect::Bare, Some(VmId(12))), "");
    }

    /// Releases that would throw it away, or show it to the user.
    #[test]
    fn a_warning_goes_into_the_log_of_the_vm() {
        let var = tempfile::tempdir().unwrap();
        let log = var.path().join("vms/12/vm.log");
        let warn = |dialect, vm| {
            let mut out = Vec::new();
            let mut voice = Voice::new(dialect, vm, &mut out).with_logs(var.path());
            voice.log(Level::Info, "told");
            voice.log(Level::Warning, "kvm1: file systems may\nstill be frozen");
            String::from_utf8(out).unwrap()
        };
        assert_eq!(warn(Dialect::Framed, Some(VmId(12))), "");
        assert!(!log.exists(), "oned logs elsewhere");
        crate::sys::atomic::write(&log, b"before\n").unwrap();
        for dialect in [Dialect::Framed, Dialect::Bare] {
            assert_eq!(warn(dialect, Some(VmId(12))), "");
        }
        assert_eq!(warn(Dialect::Bare, None), "");
        assert!(warn(Dialect::Levels, Some(VmId(12))).contains("WARN: 12 kvm1"));
        let text = std::fs::read_to_string(&log).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[0]), (3, "before"));
        for line in &lines[1..] {
            let (time, rest) = line.split_once(' ').unwrap();
            assert!(humantime::parse_rfc3339(time).is_ok(), "{line}");
            assert_eq!(rest, "[Z0][TM][W]: kvm1: file systems may still be frozen");
        }
    }
}
