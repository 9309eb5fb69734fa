//! What came back from a host, of warmblock or of whoever kept it from running.

use std::fmt;

use serde_json::Value;

use super::{told, unreached};
use crate::doctor::sudoers;
use crate::exec::Output;
use crate::tools::ssh;
use crate::{Error, Kind, Result};

/// The answer of a job.
///
/// # Errors
/// Why there is none, or what the host says went wrong, with what to do.
pub(super) fn answer(node: &impl fmt::Display, output: &Output) -> Result<Value> {
    let parsed: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    match (output.code, parsed) {
        (0, Some(answer)) => Ok(answer),
        (0, None) => Err(
            Error::new(Kind::Failed, "warmblock's answer is no JSON").remedy(format!(
                "does a shell start-up file of {node} print something? It must be silent"
            )),
        ),
        (_, Some(answer)) => Err(told::failure(node, &answer)),
        (code, None) => Err(no_answer(node, code, output.stderr.trim())),
    }
}

/// What to do about a host whose warmblock does not understand ours.
pub(super) fn install(node: &impl fmt::Display) -> String {
    let release = env!("CARGO_PKG_VERSION");
    format!(
        "install this release of warmblock, {release}, on {node}, in /usr/bin, or in /usr/local/bin, to which sudo's \
         secure_path leads after {}",
        sudoers::install("oneadmin")
    )
}

/// Why there is no answer: what ssh, sudo and the shell over there say.
fn no_answer(node: &impl fmt::Display, code: i32, stderr: &str) -> Error {
    let said = stderr.lines().last().unwrap_or("nothing").to_owned();
    if code == ssh::OWN_FAILURE {
        return unreached::error(node, stderr);
    }
    if code == 127 || stderr.contains("command not found") {
        return Error::new(Kind::Missing, "there is no warmblock").remedy(install(node));
    }
    if stderr.contains("a password is required") || stderr.contains("not allowed to execute") {
        return Error::new(Kind::Missing, "sudo does not let oneadmin run warmblock")
            .remedy(format!("on {node}: {}", sudoers::install("oneadmin")));
    }
    if stderr.contains("unrecognized subcommand") {
        return Error::new(Kind::Missing, "its warmblock is older").remedy(install(node));
    }
    Error::new(
        Kind::Failed,
        format!("warmblock ended with code {code}: {said}"),
    )
}
