//! A command as a value: what is run, printed, logged and compared in tests is the same thing.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::cancel::Cancel;
use crate::model::Bytes;

/// Whether a command only looks, or changes something outside this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It only looks: may be run again, and in a dry run.
    Query,
    /// It changes something; a crash point follows it.
    Change,
}

/// What the process finds on its standard input.
#[derive(Debug, Clone)]
pub(super) enum Stdin {
    Null,
    Bytes(Vec<u8>),
    File(Arc<File>),
}

/// One invocation of one tool: argv only, no shell.
#[derive(Clone)]
pub struct Cmd {
    pub(super) tool: String,
    pub(super) args: Vec<OsString>,
    /// Which of the arguments are shown to nobody.
    secret_args: Vec<usize>,
    pub(super) env: Vec<(String, OsString)>,
    pub(super) inherited: Vec<(OsString, OsString)>,
    pub(super) stdin: Stdin,
    stdin_is_secret: bool,
    pub(super) deadline: Duration,
    pub(super) effect: Effect,
    pub(super) ok_codes: Vec<i32>,
    pub(super) stdout_limit: Bytes,
    /// Whether it may take any time as long as it moves data.
    pub(super) watched: bool,
    /// What ends it before its time.
    pub(super) until: Option<Cancel>,
    pub(super) speaks: bool,
    pub(super) unheard: bool,
}

impl Cmd {
    /// How long a command may take unless it is told otherwise.
    pub const DEADLINE: Duration = Duration::from_secs(60);
    /// How much a command may print unless it is told otherwise: a thousand disks' status is a hundredth of it.
    pub const STDOUT_LIMIT: Bytes = Bytes::mib(64);

    fn new(tool: &str, effect: Effect) -> Self {
        Self {
            tool: tool.to_owned(),
            args: Vec::new(),
            secret_args: Vec::new(),
            env: Vec::new(),
            inherited: Vec::new(),
            stdin: Stdin::Null,
            stdin_is_secret: false,
            deadline: Self::DEADLINE,
            effect,
            ok_codes: vec![0],
            stdout_limit: Self::STDOUT_LIMIT,
            watched: false,
            until: None,
            speaks: false,
            unheard: false,
        }
    }

    /// A command that only looks. `tool` is a bare name, searched in the tool directories, or an absolute path.
    pub fn query(tool: &str) -> Self {
        Self::new(tool, Effect::Query)
    }

    /// A command that changes something; `tool` as in [`Cmd::query`].
    pub fn change(tool: &str) -> Self {
        Self::new(tool, Effect::Change)
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds an argument that must not be shown in logs and errors, for a tool that takes its secret in no other way. It still
    /// is in the process table while the tool runs.
    #[must_use]
    pub fn secret_arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.secret_args.push(self.args.len());
        self.arg(arg)
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable in the otherwise fixed environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Passes on a variable of this process's surroundings, which is shown in no log and no error: it may hold a password.
    #[must_use]
    pub fn inherited(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.inherited
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// What the command reads on its standard input; without this it finds it empty.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Stdin::Bytes(bytes.into());
        self
    }

    /// Like [`Cmd::stdin`], for what must not be shown in logs and errors: keys, passwords.
    #[must_use]
    pub fn secret_stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin_is_secret = true;
        self.stdin(bytes)
    }

    /// Reads the standard input from an open file, from its present position.
    #[must_use]
    pub fn stdin_file(mut self, file: File) -> Self {
        self.stdin = Stdin::File(Arc::new(file));
        self
    }

    /// Sets how long it may take; then its process group is terminated, then killed.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Exit codes other than 0 that are an answer, not a failure.
    #[must_use]
    pub fn ok_codes(mut self, codes: &[i32]) -> Self {
        self.ok_codes.extend_from_slice(codes);
        self
    }

    /// Sets how much it may print on standard output before it is stopped.
    #[must_use]
    pub const fn stdout_limit(mut self, limit: Bytes) -> Self {
        self.stdout_limit = limit;
        self
    }

    /// Lets it take as long as it moves data: the deadline counts from the last move of its I/O counters (`/proc/PID/io`).
    /// Its standard error is ours then, for its progress, and it ends when `cancel` is set.
    #[must_use]
    pub fn watched(mut self, stall: Duration, cancel: &Cancel) -> Self {
        self.deadline = stall;
        self.watched = true;
        self.until(cancel)
    }

    /// Ends it, with [`ExecError::Cancelled`](super::ExecError::Cancelled), when `cancel` is set.
    #[must_use]
    pub fn until(mut self, cancel: &Cancel) -> Self {
        self.until = Some(cancel.clone());
        self
    }

    /// Lets it take as long as it speaks: the deadline counts from the last of its standard output.
    #[must_use]
    pub const fn while_it_speaks(mut self) -> Self {
        self.speaks = true;
        self
    }

    /// Starts another program that goes on by itself: in a session of its own, so that it outlives this process and whoever
    /// called it, and nobody hears what it says. `program` is an absolute path. Needs setsid(1).
    pub fn apart(program: &Path) -> Self {
        let mut cmd = Self::change("setsid").arg("--fork").arg(program);
        cmd.unheard = true;
        cmd
    }

    /// The tool's name as it was given.
    pub fn tool(&self) -> &str {
        &self.tool
    }

    /// Whether it changes something.
    pub const fn effect(&self) -> Effect {
        self.effect
    }

    /// Tool and sub-command, such as `dmsetup create`: the leading words that are no options, at most two of them.
    pub(super) fn verb(&self) -> String {
        let words = self.args.iter().map(|arg| arg.to_string_lossy());
        let words = words.take_while(|word| !word.starts_with(['-', '/']));
        words
            .take(2)
            .fold(self.tool.clone(), |verb, word| format!("{verb} {word}"))
    }
}

impl fmt::Display for Cmd {
    /// As a shell would take it, so that it can be pasted; what is on standard input is told by its size only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str(&quoted(OsStr::new(&self.tool)))?;
        for (at, arg) in self.args.iter().enumerate() {
            if self.secret_args.contains(&at) {
                f.write_str(" (secret)")?;
            } else {
                write!(f, " {}", quoted(arg))?;
            }
        }
        match &self.stdin {
            Stdin::Null => Ok(()),
            Stdin::Bytes(_) if self.stdin_is_secret => f.write_str(" < (secret)"),
            Stdin::Bytes(bytes) => write!(f, " < ({})", Bytes(bytes.len() as u64)),
            Stdin::File(_) => f.write_str(" < (file)"),
        }
    }
}

impl fmt::Debug for Cmd {
    /// The same as `Display`: a derived one would print secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {self}", self.effect)
    }
}

/// `shlex` also quotes words with `=`, which only the first word of a command needs. A NUL cannot be quoted for a shell (nor
/// be in an argv), so it is shown escaped.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+=:,./@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    match shlex::try_quote(&word) {
        Ok(quoted) => quoted.into_owned(),
        Err(_) => format!("{word:?}"),
    }
}
