//! Runs a command: own process group, fixed environment, bounded output, a deadline that holds.
//!
//! Only the tool itself is waited for, not the end of its output: a descendant that outlives it and keeps the pipes open
//! (a daemon that LVM started, a child left in the background) is given a moment and then not waited for. The input is
//! an anonymous memory file: a tool that does not read it does no harm, and one that wants a file can open `/dev/stdin`.
//!
//! The parent-death signal is left alone on purpose. What is run here are short, atomic tools (LVM commits its metadata in
//! one go, dmsetup and krbd are one ioctl or one write): one that is killed half-way when we are killed leaves more
//! to repair than one that ends by itself, and the next run looks at the world afresh in any case. The one child that writes for long is
//! our own copier, which sets that signal itself (`seed::apart`).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::cmd::{Cmd, Effect, Stdin};
use super::drain::{Drain, Keep};
use super::error::{ExecError, Status};
use super::find;
use super::moves::Moves;
use crate::cancel::Cancel;
use crate::pulse;
use crate::sys::wait;

/// How much of a tool's stderr is kept.
const STDERR_TAIL: u64 = 2048;
/// How long a tool has to end after SIGTERM before it is killed.
const TERM_GRACE: Duration = Duration::from_secs(2);
/// How long a killed tool is waited for; one that hangs in the kernel cannot be reaped, and is left behind.
const KILL_GRACE: Duration = Duration::from_secs(1);
/// How long the end of the output is waited for once the tool itself has ended.
const OUTPUT_GRACE: Duration = Duration::from_millis(500);
/// How long a program may be open for writing when it is to be started.
const BUSY: Duration = Duration::from_secs(2);
/// How often it is looked whether a command prints without end.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is looked whether a watched command moves data, or shall stop.
const LOOK_OFTEN: Duration = Duration::from_millis(100);

/// Variables of ours that reach the tools. `CEPH_CONF` so that rbd(8) reads the same configuration as librados in
/// this process does; `DM_DISABLE_UDEV` so that a container without udevd can say so. `CEPH_ARGS` is left out: it could
/// send rbd(8) to another cluster than the one that was asked about.
const PASSED_ON: [&str; 2] = ["CEPH_CONF", "DM_DISABLE_UDEV"];

/// Runs commands.
#[derive(Debug, Clone)]
pub struct Exec {
    tool_dirs: Vec<PathBuf>,
}

/// What a command that came through left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// The last 2 KiB of its standard error.
    pub stderr: String,
    /// Its exit code: 0, or one of [`Cmd::ok_codes`].
    pub code: i32,
    cmd: String,
}

impl Output {
    /// Standard output as text; fails on what is not UTF-8.
    pub fn text(&self) -> Result<&str, ExecError> {
        std::str::from_utf8(&self.stdout).map_err(|error| self.bad(error.to_string()))
    }

    /// The error for output that a parser refuses.
    pub fn bad(&self, why: impl Into<String>) -> ExecError {
        ExecError::BadOutput {
            cmd: self.cmd.clone(),
            why: why.into(),
        }
    }
}

impl Default for Exec {
    fn default() -> Self {
        Self::new(find::TOOL_DIRS.map(PathBuf::from))
    }
}

impl Exec {
    /// Runs the tools of these directories, the first that has one wins.
    pub fn new(tool_dirs: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            tool_dirs: tool_dirs.into_iter().collect(),
        }
    }

    /// Where a tool is.
    pub fn find(&self, tool: &str) -> Result<PathBuf, ExecError> {
        find::find(tool, &self.tool_dirs)
    }

    /// Runs a command to its end or its deadline. A change that came through is followed by a crash point.
    pub fn run(&self, cmd: &Cmd) -> Result<Output, ExecError> {
        self.run_with(cmd, None)
    }

    /// As [`Exec::run`], with the command's standard output going into an open file.
    pub fn run_into(&self, cmd: &Cmd, into: File) -> Result<Output, ExecError> {
        self.run_with(cmd, Some(into))
    }

    fn run_with(&self, cmd: &Cmd, into: Option<File>) -> Result<Output, ExecError> {
        let program = self.find(&cmd.tool)?;
        let begun = Instant::now();
        let running = Running::start_into(self, cmd, program, into)
            .map_err(|source| start_error(cmd, source))?;
        let ended = running.wait(cmd);
        tracing::debug!(took_ms = begun.elapsed().as_millis(), "{cmd}");
        let output = ended?;
        if cmd.effect == Effect::Change {
            crate::fault::step(&cmd.verb());
        }
        Ok(output)
    }

    fn environment(&self, cmd: &Cmd) -> BTreeMap<OsString, OsString> {
        let path = std::env::join_paths(&self.tool_dirs).unwrap_or_default();
        let fixed = [("PATH".into(), path), ("LC_ALL".into(), "C.UTF-8".into())];
        let passed = PASSED_ON
            .iter()
            .filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
        let own = cmd
            .env
            .iter()
            .map(|(name, value)| (name.into(), value.clone()));
        let inherited = cmd.inherited.iter().cloned();
        fixed
            .into_iter()
            .chain(passed)
            .chain(inherited)
            .chain(own)
            .collect()
    }
}

/// A started process and what it prints.
pub(super) struct Running {
    handle: duct::Handle,
    stdout: Drain,
    stderr: Drain,
}

/// Starts it, also if somebody has the program open to write for a moment (ETXTBSY, execve(2)): whoever puts it there, or a process
/// that another thread is just starting.
fn begin(expression: &duct::Expression) -> io::Result<duct::Handle> {
    let busy = |error: &io::Error| error.raw_os_error() == Some(libc::ETXTBSY);
    let started = wait::poll(BUSY, || match expression.start() {
        Err(error) if busy(&error) => None,
        started => Some(started),
    });
    started.unwrap_or_else(|| expression.start())
}

impl Running {
    pub(super) fn start(exec: &Exec, cmd: &Cmd, program: PathBuf) -> io::Result<Self> {
        Self::start_into(exec, cmd, program, None)
    }

    /// Starts it with its standard output going elsewhere.
    pub(super) fn start_into(
        exec: &Exec,
        cmd: &Cmd,
        program: PathBuf,
        into: Option<File>,
    ) -> io::Result<Self> {
        let (stdout, own_end) = Drain::start(Keep::Head(cmd.stdout_limit.0))?;
        let stdout_end = into.map_or(own_end.into(), OwnedFd::from);
        let (stderr, stderr_end) = Drain::start(Keep::Tail(STDERR_TAIL))?;
        let expression = duct::cmd(program, &cmd.args)
            .full_env(exec.environment(cmd))
            .unchecked()
            // set before the program runs, so there is no moment at which a kill would miss it
            .before_spawn(|command| {
                command.process_group(0);
                Ok(())
            });
        // Of two redirections of one stream the first would hold.
        let expression = match (cmd.unheard, cmd.watched) {
            (true, _) => expression.stdout_null().stderr_null(),
            // Without one it has our standard error.
            (false, true) => expression.stdout_file(File::from(stdout_end)),
            (false, false) => expression
                .stdout_file(File::from(stdout_end))
                .stderr_file(stderr_end),
        };
        let expression = match &cmd.stdin {
            Stdin::Null => expression.stdin_null(),
            Stdin::File(file) => expression.stdin_file(file.try_clone()?),
            Stdin::Bytes(bytes) => {
                let mut file = memory_file("stdin")?;
                file.write_all(bytes)?;
                file.rewind()?;
                expression.stdin_file(file)
            }
        };
        // the expression, and with it our copy of the pipes' writing ends, ends here
        Ok(Self {
            handle: begin(&expression)?,
            stdout,
            stderr,
        })
    }

    pub(super) fn wait(&self, cmd: &Cmd) -> Result<Output, ExecError> {
        let begun = Instant::now();
        let mut moves = self.handle.pids().first().copied().map(Moves::of);
        loop {
            let since = match &mut moves {
                Some(moves) if cmd.watched => moves.last(),
                _ if cmd.speaks => self.stdout.last().unwrap_or(begun),
                _ => begun,
            };
            let left = (since + cmd.deadline).saturating_duration_since(Instant::now());
            let look = cmd.until.as_ref().map_or(LOOK, |_| LOOK_OFTEN);
            let ended = self.handle.wait_timeout(left.min(look));
            let ended = ended.map_err(|source| start_error(cmd, source))?;
            // It ends at its deadline, whatever comes.
            pulse::beat();
            if let Some(output) = ended {
                return self.output(cmd, output.status.into());
            }
            if self.stdout.overflowed() {
                self.kill();
                return Err(too_much(cmd));
            }
            if cmd.until.as_ref().is_some_and(Cancel::is_cancelled) {
                self.kill();
                let cmd = cmd.to_string();
                return Err(ExecError::Cancelled { cmd });
            }
            if left.is_zero() {
                self.kill();
                return Err(ExecError::Timeout {
                    cmd: cmd.to_string(),
                    after: cmd.deadline,
                    stderr: self.stderr_tail(),
                });
            }
        }
    }

    fn output(&self, cmd: &Cmd, status: Status) -> Result<Output, ExecError> {
        let complete = self.stdout.wait(OUTPUT_GRACE);
        let stderr = self.stderr_tail();
        match status {
            Status::Code(code) if cmd.ok_codes.contains(&code) => {
                if !complete {
                    tracing::debug!("{cmd}: somebody it started still holds its output open");
                }
                if self.stdout.overflowed() {
                    return Err(too_much(cmd));
                }
                Ok(Output {
                    stdout: self.stdout.take(),
                    stderr,
                    code,
                    cmd: cmd.to_string(),
                })
            }
            status => Err(ExecError::Failed {
                cmd: cmd.to_string(),
                status,
                stderr,
            }),
        }
    }

    /// Ends the whole process group: TERM, and KILL for whoever is left, be it only a grandchild.
    pub(super) fn kill(&self) {
        let Some(group) = self
            .handle
            .pids()
            .first()
            .and_then(|pid| i32::try_from(*pid).ok())
        else {
            return;
        };
        // A group that is gone already is what is wanted. Its number cannot be another's: the leader is not reaped yet
        // at the first signal, and numbers are handed out round-robin, not within the seconds before the second.
        let _gone = killpg(Pid::from_raw(group), Signal::SIGTERM);
        let _ended = self.handle.wait_timeout(TERM_GRACE);
        let _gone = killpg(Pid::from_raw(group), Signal::SIGKILL);
        if let Ok(None) = self.handle.wait_timeout(KILL_GRACE) {
            tracing::warn!(
                pid = group,
                "a killed command hangs in the kernel and is left behind"
            );
        }
    }

    pub(super) fn stderr_tail(&self) -> String {
        self.stderr.wait(OUTPUT_GRACE);
        let tail = self.stderr.take();
        let text = String::from_utf8_lossy(&tail);
        // a tail that begins inside a character begins with the replacement character
        text.trim_start_matches('\u{fffd}').trim().to_owned()
    }
}

/// An anonymous file in memory (memfd_create(2)): works on a host whose disks are full or hang.
pub(crate) fn memory_file(name: &str) -> io::Result<File> {
    Ok(memfd_create(name, MFdFlags::MFD_CLOEXEC)?.into())
}

pub(super) fn start_error(cmd: &Cmd, source: io::Error) -> ExecError {
    ExecError::Start {
        cmd: cmd.to_string(),
        source,
    }
}

fn too_much(cmd: &Cmd) -> ExecError {
    ExecError::BadOutput {
        cmd: cmd.to_string(),
        why: format!("it is more than {}", cmd.stdout_limit),
    }
}
