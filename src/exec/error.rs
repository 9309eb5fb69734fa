//! What can go wrong with a command, for callers that branch and for people who read it.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::error::{Error, Kind};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It exited with this code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
}

impl Status {
    /// Whether a signal ended it by which people and supervisors ask a program to stop.
    const fn is_request(self) -> bool {
        matches!(
            self,
            Self::Signal(libc::SIGTERM | libc::SIGINT | libc::SIGHUP)
        )
    }
}

impl From<ExitStatus> for Status {
    fn from(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt;
        match status.code() {
            Some(code) => Self::Code(code),
            None => Self::Signal(status.signal().unwrap_or_default()),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(number) => match nix::sys::signal::Signal::try_from(*number) {
                Ok(signal) => write!(f, "ended by {signal}"),
                Err(_) => write!(f, "ended by signal {number}"),
            },
        }
    }
}

/// A command that did not come through. `stderr` is what the tool said last, at most 2 KiB of it.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The tool is not on this host.
    #[error("{tool} was not found in {}", show_dirs(searched))]
    Missing {
        /// The tool's name.
        tool: String,
        /// Where it was looked for.
        searched: Vec<PathBuf>,
        /// The package that brings it, on Debian and on the RHEL family where they differ.
        package: Option<&'static str>,
    },
    /// The process could not be started, waited for, or given its input.
    #[error("cannot run {cmd}")]
    Start {
        /// The command.
        cmd: String,
        /// Why.
        source: std::io::Error,
    },
    /// It ran and said no.
    #[error("{cmd}: {status}{}", after_colon(stderr))]
    Failed {
        /// The command.
        cmd: String,
        /// How it ended.
        status: Status,
        /// What it said last.
        stderr: String,
    },
    /// Its deadline passed; its process group was killed.
    #[error("{cmd}: no end after {}{}", humantime::format_duration(*after), after_colon(stderr))]
    Timeout {
        /// The command.
        cmd: String,
        /// Its deadline.
        after: Duration,
        /// What it said last.
        stderr: String,
    },
    /// It was asked to stop.
    #[error("{cmd}: stopped on request")]
    Cancelled {
        /// The command.
        cmd: String,
    },
    /// It came through, but what it printed cannot be understood.
    #[error("{cmd}: cannot understand its output: {why}")]
    BadOutput {
        /// The command.
        cmd: String,
        /// What is wrong with it.
        why: String,
    },
}

impl ExecError {
    /// What the tool said, if it ran; for the wrapper of that tool only.
    pub fn stderr(&self) -> &str {
        match self {
            Self::Failed { stderr, .. } | Self::Timeout { stderr, .. } => stderr,
            _ => "",
        }
    }

    /// Whether the tool ran and said no, and its message contains `words`; for the wrapper of that tool only.
    pub fn says(&self, words: &str) -> bool {
        matches!(self, Self::Failed { stderr, .. } if stderr.contains(words))
    }
}

/// The tool's message on one line, so that an error stays one.
fn after_colon(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.lines().map(str::trim).collect();
    match lines.join("; ").trim_matches([';', ' ']) {
        "" => String::new(),
        line => format!(": {line}"),
    }
}

fn show_dirs(dirs: &[PathBuf]) -> String {
    let dirs: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
    dirs.join(":")
}

/// What to do about a command that found no end: whom it waits for.
fn silent(cmd: &str) -> &'static str {
    let tool = cmd.split(' ').next().unwrap_or_default();
    match tool.rsplit('/').next().unwrap_or_default() {
        "ssh" => {
            "what was begun on that host may have gone on: see whether it answers, and what `warmblock status` says there; then run the \
             same again"
        }
        "virsh" => {
            "see whether libvirt and the guest answer: `virsh list`, `virsh domjobinfo DOMAIN`, libvirtd's log; then run the same \
             command again"
        }
        "lxc-info" | "lxc-freeze" | "lxc-unfreeze" => {
            "see whether LXC and the container answer: `lxc-info -n NAME`; then run the same command again"
        }
        "tar" => {
            "see whether the file systems of both directories answer, an NFS server say, then run the same command again"
        }
        _ => "see whether the cluster and the SSD answer, then run the same command again",
    }
}

impl From<ExecError> for Error {
    fn from(error: ExecError) -> Self {
        let (kind, remedy) = match &error {
            ExecError::Missing { tool, package, .. } => {
                let install = |package| format!("install the package {package}");
                let find = || format!("install {tool}, or set [tools] path to where it is");
                (Kind::Missing, package.map_or_else(find, install))
            }
            ExecError::Timeout { cmd, .. } => (Kind::Timeout, silent(cmd).into()),
            ExecError::Cancelled { .. } => {
                return Self::new(Kind::Cancelled, error.to_string());
            }
            // Whoever stops this program by its name or its process group stops the child too, maybe before this one heard of it.
            ExecError::Failed { status, .. } if status.is_request() => {
                return Self::new(Kind::Cancelled, error.to_string());
            }
            ExecError::Start { .. } | ExecError::Failed { .. } | ExecError::BadOutput { .. } => {
                return match error {
                    ExecError::Start { cmd, source } => {
                        Self::new(Kind::Failed, format!("cannot run {cmd}")).because(source)
                    }
                    error => Self::new(Kind::Failed, error.to_string()),
                };
            }
        };
        Self::new(kind, error.to_string()).remedy(remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_not_answered_is_told_of() {
        for (cmd, word) in [
            ("ssh -T -- kvm1 'warmblock host'", "that host"),
            ("/usr/bin/virsh --connect qemu:///system suspend", "virsh"),
            ("lxc-freeze -n one-12", "LXC"),
            ("tar -cpf - .", "NFS"),
            ("lvs -a", "the SSD"),
            ("rbd map one/ssh", "the cluster"),
        ] {
            let error = Error::from(ExecError::Timeout {
                cmd: cmd.into(),
                after: Duration::from_secs(60),
                stderr: String::new(),
            });
            assert_eq!(error.kind(), Kind::Timeout);
            assert!(error.remedy_text().unwrap().contains(word), "{cmd}");
        }
    }
}
