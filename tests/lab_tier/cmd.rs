//! Running commands: each has a deadline, and keeps what it said.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use warmblock::Kind;

/// What a command answered.
#[derive(Debug, Clone)]
pub struct Out {
    pub what: String,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A killed process, as a shell reports it.
pub const KILLED: i32 = 137;

impl Out {
    /// It must have succeeded.
    pub fn ok(self) -> Result<Self> {
        ensure!(self.code == 0, "it should have succeeded: {self}");
        Ok(self)
    }

    /// It must have failed with the exit code of `kind`, and say each of `words`, be it as its error or as what to do.
    pub fn refused(self, kind: Kind, words: &[&str]) -> Result<Self> {
        ensure!(
            self.code == i32::from(kind.exit_code()),
            "it should have failed as {kind:?}: {self}"
        );
        let said = self.said();
        for word in words {
            ensure!(
                said.contains(word),
                "{word:?} is not in what it says: {self}"
            );
        }
        Ok(self)
    }

    /// All that it says to a person.
    pub fn said(&self) -> String {
        match self.json() {
            Ok(json) => format!(
                "{} {} {}",
                json["error"]["message"], json["error"]["remedy"], self.stderr
            ),
            Err(_) => format!("{} {}", self.stdout, self.stderr),
        }
    }

    /// Its standard output as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout)
            .with_context(|| format!("it should have answered in JSON: {self}"))
    }

    /// Its standard output without blanks at the ends.
    pub fn text(&self) -> &str {
        self.stdout.trim()
    }
}

impl fmt::Display for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            code,
            stdout,
            stderr,
        } = self;
        write!(
            f,
            "{what}\n  exit code {code}\n  stdout: {}\n  stderr: {}",
            stdout.trim(),
            stderr.trim()
        )
    }
}

/// Runs a command on the machine; more than `deadline` is an error.
pub fn run(argv: &[&str], deadline: Duration) -> Result<Out> {
    Running::start(argv)?.wait(deadline)
}

/// A command in the background.
#[derive(Debug)]
pub struct Running {
    what: String,
    handle: duct::Handle,
}

impl Running {
    pub fn start(argv: &[&str]) -> Result<Self> {
        Self::start_with(argv, b"")
    }

    /// The same, with this on its standard input.
    pub fn start_with(argv: &[&str], stdin: &[u8]) -> Result<Self> {
        let what = argv.join(" ");
        let [program, args @ ..] = argv else {
            bail!("an empty command")
        };
        let command = duct::cmd(*program, args)
            .stdin_bytes(stdin)
            .stdout_capture()
            .stderr_capture()
            .unchecked();
        let handle = command
            .start()
            .with_context(|| format!("cannot start {what}"))?;
        Ok(Self { what, handle })
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> Result<bool> {
        Ok(self.handle.try_wait()?.is_none())
    }

    /// Waits for its end.
    pub fn wait(self, deadline: Duration) -> Result<Out> {
        let Self { what, handle } = self;
        let Some(output) = handle.wait_timeout(deadline)? else {
            handle.kill()?;
            bail!("{what}\n  did not end within {deadline:?}");
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Out {
            what,
            code: output.status.code().unwrap_or(KILLED),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        })
    }
}

/// Asks until the answer is yes, and gives up after `seconds`.
pub fn eventually(what: &str, seconds: u64, mut ask: impl FnMut() -> Result<bool>) -> Result<()> {
    let mut failed = None;
    let came = warmblock::sys::wait::poll(Duration::from_secs(seconds), || match ask() {
        Ok(true) => Some(()),
        Ok(false) => None,
        Err(error) => {
            failed = Some(error);
            Some(())
        }
    });
    if let Some(error) = failed {
        return Err(error.context(format!("while waiting for {what}")));
    }
    came.with_context(|| format!("waited {seconds} s for {what}"))
}
