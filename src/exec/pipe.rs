//! Two commands, the second of which reads what the first one prints.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe2;

use super::cmd::Cmd;
use super::error::ExecError;
use super::run::{Exec, Output, Running, start_error};
use crate::pulse;

/// What is passed on at once: as much as a pipe holds.
const PIECE: usize = 1 << 16;

impl Exec {
    /// Runs both to their ends, however long that takes, as long as bytes pass: the deadline of the first one is what may go by
    /// without any, and each has its own from the last byte to its end. What the first one prints goes to the second one only;
    /// the answer is the second one's.
    ///
    /// # Errors
    /// The second one's, for the first one then fails as well; else the first one's.
    pub fn pipe(&self, from: &Cmd, to: &Cmd) -> Result<Output, ExecError> {
        let programs = (self.find(from.tool())?, self.find(to.tool())?);
        let (out, into) = open(from)?;
        // Our own copies of the children's ends go with these, so that each side sees when the other ends.
        let writer = Running::start_into(self, from, programs.0, Some(into));
        let writer = writer.map_err(|error| start_error(from, error))?;
        let (read, write) = open(to).inspect_err(|_| writer.kill())?;
        let reader = {
            let to = to.clone().stdin_file(read);
            Running::start(self, &to, programs.1)
        };
        let reader = reader.map_err(|error| {
            writer.kill();
            start_error(to, error)
        })?;
        let end = |stopped| {
            writer.kill();
            reader.kill();
            match stopped {
                Stopped::Stalled => ExecError::Timeout {
                    cmd: from.to_string(),
                    after: from.deadline,
                    stderr: writer.stderr_tail(),
                },
                Stopped::Failed(error) => start_error(from, error),
            }
        };
        let early = match pass_on(out, write, from.deadline).map_err(end)? {
            Passed::All => None,
            // One that is silent would not notice.
            Passed::Refused => Some(reader.wait(to).inspect_err(|_| writer.kill())?),
        };
        let wrote = writer.wait(from);
        if wrote
            .as_ref()
            .is_err_and(|error| !matches!(error, ExecError::Failed { .. }))
        {
            reader.kill();
        }
        let answer = match early {
            Some(answer) => wrote.map(|_| answer)?,
            None => {
                let read = reader.wait(to);
                // What was cut short is why the other side failed as well.
                wrote?;
                read?
            }
        };
        crate::fault::step(&to.verb());
        Ok(answer)
    }
}

/// A pipe for a command: where is read, and where is written.
fn open(cmd: &Cmd) -> Result<(File, File), ExecError> {
    let (read, write) =
        pipe2(OFlag::O_CLOEXEC).map_err(|error| start_error(cmd, io::Error::from(error)))?;
    Ok((read.into(), write.into()))
}

/// What was passed on.
#[derive(PartialEq, Eq)]
enum Passed {
    All,
    /// As much as was taken.
    Refused,
}

/// Why not.
enum Stopped {
    /// No byte came, or none was taken, for as long as that may be.
    Stalled,
    Failed(io::Error),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// Passes on what comes, to its end or until nobody takes it any more.
fn pass_on(mut from: File, mut to: File, patience: Duration) -> Result<Passed, Stopped> {
    // The status is that of our end alone: the other one blocks as it is used to.
    fcntl(&to, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(io::Error::from)?;
    let mut buffer = vec![0; PIECE];
    loop {
        if !ready((&from, PollFlags::POLLIN), Some(&to), patience)? {
            return Ok(Passed::Refused);
        }
        let count = from.read(&mut buffer)?;
        let mut rest = buffer.get(..count).unwrap_or_default();
        if rest.is_empty() {
            return Ok(Passed::All);
        }
        while !rest.is_empty() {
            if !ready((&to, PollFlags::POLLOUT), None, patience)? {
                return Ok(Passed::Refused);
            }
            match to.write(rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Ok(Passed::Refused);
                }
                Err(error) => return Err(error.into()),
            }
            pulse::beat();
        }
    }
}

/// Waits until an end is ready; not if nobody reads any more at the `other` one.
fn ready(
    (end, wanted): (&File, PollFlags),
    other: Option<&File>,
    patience: Duration,
) -> Result<bool, Stopped> {
    let until = Instant::now() + patience;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let mut fds = vec![PollFd::new(end.as_fd(), wanted)];
        fds.extend(other.map(|other| PollFd::new(other.as_fd(), PollFlags::empty())));
        match poll(
            &mut fds,
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX),
        ) {
            Ok(0) if left.is_zero() => return Err(Stopped::Stalled),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => {
                let gone = |fd: &PollFd<'_>| {
                    fd.revents()
                        .is_some_and(|is| is.contains(PollFlags::POLLERR))
                };
                return Ok(!fds.iter().any(gone));
            }
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Longer than its deadline altogether, but never without a byte for as long.
    #[test]
    fn what_moves_may_take_any_time() {
        let soon = Duration::from_secs(5);
        let slow =
            sh("for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo $n; sleep 0.5; done").deadline(soon);
        let lines = Exec::default()
            .pipe(&slow, &sh("cat").deadline(soon))
            .unwrap();
        assert_eq!(lines.text().unwrap().lines().count(), 12);
    }

    #[test]
    fn what_stands_still_is_ended() {
        let soon = Duration::from_secs(1);
        let exec = Exec::default();
        for (from, to) in [("echo a; exec sleep 600", "cat"), ("yes", "exec sleep 600")] {
            let error = exec.pipe(&sh(from).deadline(soon), &sh(to)).unwrap_err();
            assert!(matches!(error, ExecError::Timeout { .. }), "{error}");
        }
    }

    #[test]
    fn one_that_wants_no_more_is_not_waited_for() {
        let silent = sh("echo a; exec sleep 600").deadline(Duration::from_secs(600));
        let error = Exec::default()
            .pipe(&silent, &sh("echo full >&2; exit 4"))
            .unwrap_err();
        assert!(error.to_string().contains("full"), "{error}");
    }

    fn sh(script: &str) -> Cmd {
        Cmd::query("sh")
            .args(["-c", script])
            .deadline(Duration::from_secs(20))
    }

    #[test]
    fn what_one_prints_the_other_reads() {
        let exec = Exec::default();
        let lines = exec.pipe(&sh("seq 100000"), &sh("tail -n 1")).unwrap();
        assert_eq!(lines.text().unwrap().trim(), "100000");
    }

    #[test]
    fn whoever_fails_is_named() {
        let exec = Exec::default();
        let first = exec
            .pipe(&sh("echo early >&2; exit 3"), &sh("cat"))
            .unwrap_err();
        assert!(first.to_string().contains("early"), "{first}");
        let second = exec
            .pipe(&sh("yes"), &sh("echo late >&2; exit 4"))
            .unwrap_err();
        assert!(second.to_string().contains("late"), "{second}");
    }
}
