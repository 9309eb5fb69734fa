//! An error as a person and as a program read it.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::paint::{Paint, Tone};
use crate::{Error, Kind};

/// The answer of a command that failed, as JSON: on standard output, where the product would have been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ErrorReport {
    /// The version of this format.
    pub version: u32,
    /// The error.
    pub error: ErrorBody,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ErrorBody {
    /// What sort of failure it is.
    pub kind: Kind,
    /// What was tried, on what, and the causes, in one line.
    pub message: String,
    /// What can be done about it.
    pub remedy: Option<String>,
    /// What failed while cleaning up after it.
    pub cleanup: Vec<String>,
    /// The exit code of the process.
    pub exit_code: u8,
}

impl ErrorReport {
    /// The version that this program writes.
    pub const VERSION: u32 = 1;
}

impl From<&Error> for ErrorReport {
    fn from(error: &Error) -> Self {
        let body = ErrorBody {
            kind: error.kind(),
            message: error.chain(),
            remedy: error.remedy_text().map(str::to_owned),
            cleanup: error
                .cleanup_errors()
                .into_iter()
                .map(Error::chain)
                .collect(),
            exit_code: error.kind().exit_code(),
        };
        Self {
            version: Self::VERSION,
            error: body,
        }
    }
}

/// `error: …`, a line `also: …` for each failure of the clean-up, `hint: …`.
pub fn human(error: &Error, paint: Paint) -> String {
    let mut text = format!("{} {}\n", paint.tone(Tone::Bad, "error:"), error.chain());
    for failed in error.cleanup_errors() {
        let _infallible = writeln!(
            text,
            "{} {}",
            paint.tone(Tone::Bad, "also:"),
            failed.chain()
        );
    }
    if let Some(remedy) = error.remedy_text() {
        let _infallible = writeln!(text, "{} {remedy}", paint.tone(Tone::Good, "hint:"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> Error {
        let cause = Error::new(Kind::Busy, "device rbd0 is in use").remedy("close it");
        Error::new(Kind::Busy, "cannot detach one/vm-7")
            .because(cause)
            .and_then_cleanup(Err(Error::new(Kind::Failed, "cannot remove the lock")))
    }

    #[test]
    fn a_person_reads_lines() {
        insta::assert_snapshot!(human(&failure(), Paint::PLAIN), @r"
        error: cannot detach one/vm-7: device rbd0 is in use
        also: cannot remove the lock
        hint: close it
        ");
    }

    #[test]
    fn a_program_reads_an_object() {
        insta::assert_json_snapshot!(ErrorReport::from(&failure()), @r#"
        {
          "version": 1,
          "error": {
            "kind": "busy",
            "message": "cannot detach one/vm-7: device rbd0 is in use",
            "remedy": "close it",
            "cleanup": [
              "cannot remove the lock"
            ],
            "exit_code": 6
          }
        }
        "#);
    }
}
