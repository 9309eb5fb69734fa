//! Two commands, the second of which reads what the first one prints.

use std::fs::File;
use std::io;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::cmd::Cmd;
use super::error::ExecError;
use super::run::{Exec, Output, Running, start_error};

impl Exec {
    /// Runs both to their ends or deadlines. What the first one prints goes to the second one only; the answer is the second
    /// one's.
    ///
    /// # Errors
    /// The second one's, for the first one then fails as well; else the first one's.
    pub fn pipe(&self, from: &Cmd, to: &Cmd) -> Result<Output, ExecError> {
        let programs = (self.find(from.tool())?, self.find(to.tool())?);
        let (read, write) =
            pipe2(OFlag::O_CLOEXEC).map_err(|error| start_error(from, io::Error::from(error)))?;
        // Our own copies of both ends go with these, so that each side sees when the other ends.
        let reader = {
            let to = to.clone().stdin_file(File::from(read));
            Running::start(self, &to, programs.1).map_err(|error| start_error(&to, error))?
        };
        let writer = Running::start_into(self, from, programs.0, Some(File::from(write)));
        let writer = writer.map_err(|error| {
            reader.kill();
            start_error(from, error)
        })?;
        let wrote = writer.wait(from);
        if wrote
            .as_ref()
            .is_err_and(|error| !matches!(error, ExecError::Failed { .. }))
        {
            reader.kill();
        }
        let answer = reader.wait(to)?;
        wrote?;
        crate::fault::step(&to.verb());
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
