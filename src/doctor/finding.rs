//! What a check answers.

use schemars::JsonSchema;
use serde::Serialize;

use crate::Error;

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// Not there, and not needed as the host is configured.
    Unused,
    /// It works, but not as well or as safely as it could.
    Warn,
    /// It will not work.
    Fail,
}

/// One line of the examination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// What was looked at.
    pub name: String,
    /// How it is.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do about it; there if something should be done.
    pub remedy: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            state: State::Ok,
            found: found.into(),
            remedy: None,
        }
    }

    /// Not there, and not needed.
    pub fn unused(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            state: State::Unused,
            ..Self::ok(name, found)
        }
    }

    /// It could be better.
    pub fn warn(
        name: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            state: State::Warn,
            found: found.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// It will not work.
    pub fn fail(
        name: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            state: State::Fail,
            found: found.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// It will not work, and the error says why; `otherwise` is the remedy of an error that knows none.
    pub fn of_error(name: impl Into<String>, error: &Error, otherwise: &str) -> Self {
        Self::fail(
            name,
            error.chain(),
            error.remedy_text().unwrap_or(otherwise),
        )
    }

    /// A failing finding about something that is wanted but not needed.
    #[must_use]
    pub fn at_most(mut self, state: State) -> Self {
        self.state = self.state.min(state);
        self
    }
}

/// The whole examination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Findings {
    /// The version of this format.
    pub version: u32,
    /// The findings, in the order of the checks.
    pub findings: Vec<Finding>,
}

impl Findings {
    /// The version that this program writes.
    pub const VERSION: u32 = 1;

    /// How many findings are of a state.
    pub fn count(&self, state: State) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.state == state)
            .count()
    }

    /// Whether nothing fails.
    pub fn healthy(&self) -> bool {
        self.count(State::Fail) == 0
    }
}
