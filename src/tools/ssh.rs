//! One command on another host, by ssh(1): quoted once, with a deadline, never a question to a person.

use std::time::Duration;

use crate::exec::{Cmd, Exec, ExecError, Output};
use crate::{Error, Kind, Result};

/// What ssh answers itself when it cannot reach the host or is not let in; ssh(1).
pub const OWN_FAILURE: i32 = 255;

/// The command that runs `words` on `destination` (`[USER@]HOST`), as root: by sudo unless the user is root. Every exit code
/// of the remote command is an answer; ssh's own, 255, is a failure.
///
/// Errors: [`Kind::Internal`] for a word that cannot be quoted.
pub fn command(destination: &str, words: &[&str], deadline: Duration) -> Result<Cmd> {
    let sudo: &[&str] = if destination.starts_with("root@") {
        &[]
    } else {
        &["sudo", "-n"]
    };
    let codes: Vec<i32> = (1..OWN_FAILURE).collect();
    let cmd = command_as_user(destination, &[sudo, words].concat(), deadline)?;
    Ok(cmd.ok_codes(&codes))
}

/// The same, as the user that ssh logs in; and every exit code but 0 is a failure.
pub fn command_as_user(destination: &str, words: &[&str], deadline: Duration) -> Result<Cmd> {
    let line = shlex::try_join(words.iter().copied())
        .map_err(|error| Error::new(Kind::Internal, "cannot quote a command").because(error))?;
    Ok(Cmd::query("ssh")
        .args(["-T", "-o", "BatchMode=yes", "-o"])
        .arg(format!(
            "ConnectTimeout={}",
            deadline.as_secs().clamp(1, 10)
        ))
        .args(["-o", "ServerAliveInterval=10", "-o", "LogLevel=ERROR"])
        .args(["--", destination, &line])
        .deadline(deadline))
}

/// Runs `words` on a gateway, as [`command`] has it.
pub fn run(exec: &Exec, destination: &str, words: &[&str], deadline: Duration) -> Result<Output> {
    let cmd = command(destination, words, deadline)?;
    exec.run(&cmd).map_err(|error| match &error {
        ExecError::Missing { .. } => error.into(),
        _ => Error::new(Kind::Failed, format!("cannot reach {destination} by ssh"))
            .because(error)
            .remedy(format!(
                "see that root can `ssh {destination}` without a question, or set ssh = \"USER@HOST\" for that gateway in the inventory"
            )),
    })
}
