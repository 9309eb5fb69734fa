//! A command whose output is read as it comes.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe2;

use super::cmd::Cmd;
use super::error::ExecError;
use super::run::{Exec, Running, start_error};

/// The output of a command that runs. Its end is the end only if the command came through: else the last read fails with what
/// the command says. Dropped before, it ends the command.
pub struct Reading {
    running: Running,
    cmd: Cmd,
    out: File,
    /// Whether anything was read.
    any: bool,
    ended: bool,
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reading({})", self.cmd)
    }
}

impl Exec {
    /// Starts a command whose output is read by the caller. Its deadline is what may pass between two bytes, and from the last
    /// byte to its end. One that prints nothing has failed, whatever its exit code: there are scripts of which that is all
    /// that one can tell.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn read(&self, cmd: Cmd) -> Result<Reading, ExecError> {
        let program = self.find(cmd.tool())?;
        let (out, into) =
            pipe2(OFlag::O_CLOEXEC).map_err(|error| start_error(&cmd, io::Error::from(error)))?;
        let running = Running::start_into(self, &cmd, program, Some(File::from(into)));
        let running = running.map_err(|error| start_error(&cmd, error))?;
        Ok(Reading {
            running,
            cmd,
            out: File::from(out),
            any: false,
            ended: false,
        })
    }
}

impl Reading {
    /// Waits for a byte or the end.
    fn wait(&self) -> io::Result<()> {
        let until = Instant::now() + self.cmd.deadline;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let patience = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            let mut fds = [PollFd::new(self.out.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, patience) {
                Ok(0) if left.is_zero() => return Err(io::Error::other(self.timeout())),
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn timeout(&self) -> ExecError {
        self.running.kill();
        ExecError::Timeout {
            cmd: self.cmd.to_string(),
            after: self.cmd.deadline,
            stderr: self.running.stderr_tail(),
        }
    }

    /// What has come is all, if the command says so.
    fn end(&mut self) -> io::Result<()> {
        self.ended = true;
        let output = self.running.wait(&self.cmd).map_err(io::Error::other)?;
        if self.any {
            return Ok(());
        }
        let why = match output.stderr.as_str() {
            "" => "there is none".to_owned(),
            said => format!("there is none; it said: {said}"),
        };
        Err(io::Error::other(output.bad(why)))
    }
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended || buffer.is_empty() {
            return Ok(0);
        }
        self.wait().inspect_err(|_| self.ended = true)?;
        let count = self.out.read(buffer)?;
        match count {
            0 => self.end()?,
            _ => self.any = true,
        }
        Ok(count)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if !self.ended {
            self.running.kill();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn sh(script: &str, seconds: u64) -> Cmd {
        Cmd::query("sh")
            .args(["-c", script])
            .deadline(Duration::from_secs(seconds))
    }

    fn all(script: &str, seconds: u64) -> io::Result<String> {
        let mut text = String::new();
        let reading = Exec::default().read(sh(script, seconds));
        let mut reading = reading.map_err(io::Error::other)?;
        reading.read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn what_it_prints_is_read_to_its_end() {
        assert_eq!(all("seq 100000", 60).unwrap().lines().count(), 100_000);
    }

    /// What came before a failure is not taken for all of it, and nothing is not taken for something.
    #[test]
    fn a_failure_is_no_end() {
        for script in ["echo half; echo why >&2; exit 3", "echo why >&2"] {
            let error = all(script, 60).unwrap_err();
            assert!(error.to_string().contains("why"), "{error}");
        }
        assert!(all("exit 0", 60).is_err());
    }

    #[test]
    fn silence_ends_at_the_deadline() {
        let error = all("echo half; exec sleep 600", 1).unwrap_err();
        assert!(error.to_string().contains("sh"), "{error}");
    }

    #[test]
    fn one_that_nobody_reads_any_more_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let script = format!("echo $$ >{}; echo on; exec sleep 600", file.display());
        let mut reading = Exec::default().read(sh(&script, 60)).unwrap();
        let mut word = [0; 2];
        reading.read_exact(&mut word).unwrap();
        drop(reading);
        let pid = std::fs::read_to_string(&file).unwrap();
        assert!(!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists());
    }
}
