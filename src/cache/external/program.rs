//! A driver's executable: called with one verb and one request, answered for in time, and read with care.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::protocol::{CapabilitiesAnswer, FailureAnswer, Request, StatusAnswer, VERSION, Verb};
use crate::cancel::Cancel;
use crate::exec::{Cmd, Exec, ExecError, Output};
use crate::model::{Bytes, DriverName};
use crate::{Context, Error, Kind, Result};

/// No answer is nearly as long.
const LONGEST_ANSWER: Bytes = Bytes::mib(1);
/// A driver has a moment to say that time is up before it is ended.
const GRACE: Duration = Duration::from_secs(5);
/// What is kept of a driver's own words.
const WORDS: usize = 1000;

/// See the module.
#[derive(Debug, Clone)]
pub struct Program {
    exec: Exec,
    /// The driver's name: that of its directory.
    pub name: DriverName,
    /// The executable.
    pub path: PathBuf,
}

impl Program {
    /// The executable at `path`, run by `exec`.
    pub const fn new(exec: Exec, name: DriverName, path: PathBuf) -> Self {
        Self { exec, name, path }
    }

    /// Asks what the driver can do.
    pub fn capabilities(&self, deadline: Duration) -> Result<CapabilitiesAnswer> {
        let request = Self::request(deadline);
        let (answer, output): (CapabilitiesAnswer, _) =
            self.call(Verb::Capabilities, &request, None)?;
        let right = match answer.check() {
            Ok(()) if answer.name != self.name => Err(format!("it calls itself {}", answer.name)),
            right => right,
        };
        right.map_err(|why| self.misfit(&output, why))?;
        Ok(answer)
    }

    /// Asks for, or does, something with a disk; the answer is what there is of it then.
    pub fn disk(&self, verb: Verb, request: &Request) -> Result<StatusAnswer> {
        self.call(verb, request, None).map(|(answer, _)| answer)
    }

    /// Has it write everything back, until `cancel` is set: it may be run again, as after a kill.
    pub fn flush(&self, request: &Request, cancel: &Cancel) -> Result<StatusAnswer> {
        let answer = self.call(Verb::Flush, request, Some(cancel));
        answer.map(|(answer, _)| answer)
    }

    /// A request without a disk.
    pub const fn request(deadline: Duration) -> Request {
        Request {
            version: VERSION,
            seconds: deadline.as_secs(),
            disk: None,
            site: None,
            run: None,
            mode: None,
        }
    }

    /// Starts a verb and kills it after a time, as a kill of `warmblock` does; says whether it was still at work.
    pub fn cut_short(&self, verb: Verb, request: &Request, after: Duration) -> Result<bool> {
        let cmd = Cmd::change(&self.path.to_string_lossy())
            .arg(verb.as_str())
            .stdin(serialized(request)?)
            .ok_codes(&[1])
            .deadline(after);
        match self.exec.run(&cmd) {
            Ok(_) => Ok(false),
            Err(ExecError::Timeout { .. }) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    fn call<T: DeserializeOwned>(
        &self,
        verb: Verb,
        request: &Request,
        until: Option<&Cancel>,
    ) -> Result<(T, Output)> {
        let input = serialized(request)?;
        let deadline = Duration::from_secs(request.seconds);
        let cmd = self.cmd(verb.as_str(), verb.changes(), input, deadline);
        let output = self.ran(&match until {
            Some(cancel) => cmd.until(cancel),
            None => cmd,
        })?;
        if output.code == 0 {
            let answer = self.read(&output)?;
            return Ok((answer, output));
        }
        let failed: FailureAnswer = self.read(&output)?;
        Err(self.failure(verb, failed))
    }

    /// Runs it with any word and any input: what the conformance test needs to be rude.
    pub fn run(
        &self,
        verb: &str,
        changes: bool,
        input: Vec<u8>,
        deadline: Duration,
    ) -> Result<Output> {
        self.ran(&self.cmd(verb, changes, input, deadline))
    }

    fn cmd(&self, verb: &str, changes: bool, input: Vec<u8>, deadline: Duration) -> Cmd {
        let tool = self.path.to_string_lossy();
        let cmd = if changes {
            Cmd::change(&tool)
        } else {
            Cmd::query(&tool)
        };
        cmd.arg(verb)
            .stdin(input)
            .ok_codes(&[1])
            .stdout_limit(LONGEST_ANSWER)
            .deadline(deadline.saturating_add(GRACE))
    }

    fn ran(&self, cmd: &Cmd) -> Result<Output> {
        let ran = self.exec.run(cmd);
        if let Err(error @ ExecError::Cancelled { .. }) = ran {
            return Err(error.into());
        }
        let output = ran
            .context(|| format!("the cache driver {} did not answer", self.name))
            .map_err(|error| error.remedy(self.look_at_it()))?;
        for line in output.stderr.lines() {
            tracing::debug!("driver {}: {line}", self.name);
        }
        Ok(output)
    }

    /// Reads an answer: of this protocol's version, then of its form.
    fn read<T: DeserializeOwned>(&self, output: &Output) -> Result<T> {
        /// Only what tells the format.
        #[derive(serde::Deserialize)]
        struct Version {
            version: u32,
        }
        let misfit = |error: serde_json::Error| self.misfit(output, error.to_string());
        let Version { version } = serde_json::from_slice(&output.stdout).map_err(misfit)?;
        if version != VERSION {
            let why = format!("it speaks version {version} of the protocol, and this is {VERSION}");
            return Err(self.misfit(output, why));
        }
        serde_json::from_slice(&output.stdout).map_err(misfit)
    }

    /// The error for an answer that does not fit.
    pub(super) fn misfit(&self, output: &Output, why: String) -> Error {
        let message = format!("cannot understand the cache driver {}", self.name);
        Error::new(Kind::Failed, message)
            .because(Error::from(output.bad(why)))
            .remedy(self.look_at_it())
    }

    /// The driver's own error, in its own words, of which there may be too many.
    fn failure(&self, verb: Verb, answer: FailureAnswer) -> Error {
        let said = answer.error;
        let message = format!(
            "cache driver {}, {}: {}",
            self.name,
            verb.as_str(),
            tidy(&said.message)
        );
        let error = Error::new(said.kind, message);
        match said
            .remedy
            .as_deref()
            .map(tidy)
            .filter(|words| !words.is_empty())
        {
            Some(remedy) => error.remedy(remedy),
            None => error,
        }
    }

    fn look_at_it(&self) -> String {
        let dir = self.path.parent().unwrap_or(Path::new("/"));
        format!(
            "choose another driver, or mend it: drivers/README.md has the protocol, and `warmblock driver check {}` tries all of it \
             on a host without disks",
            dir.display()
        )
    }
}

fn serialized(request: &Request) -> Result<Vec<u8>> {
    serde_json::to_vec(request).map_err(|error| {
        Error::new(Kind::Internal, "cannot write the request to a driver").because(error)
    })
}

/// On one line, without control characters, of bounded length.
fn tidy(words: &str) -> String {
    let line: String = words
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}
