//! What is wrong with an inventory: where, what, and what to do; all of it at once.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::{Error, Kind, Result};

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
pub struct Place {
    /// The file.
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "String")]
    pub file: Arc<Path>,
    /// Its line, counted from 1.
    pub line: usize,
}

fn as_text<S: serde::Serializer>(file: &Arc<Path>, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_str(&file.display())
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is done with such an inventory.
    Error,
    /// It can be meant, and often is not.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where; absent for what concerns no single line.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        let word = match self.severity {
            Severity::Error => "",
            Severity::Warning => "warning: ",
        };
        write!(f, "{word}{}\n    {}", self.message, self.remedy)
    }
}

/// Everything that was found so far.
#[derive(Debug, Clone, Default)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Adds an error.
    pub fn error(&mut self, place: &Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Error, Some(place), message.into(), remedy.into());
    }

    /// Adds an error of no single line.
    pub fn general(&mut self, message: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Error, None, message.into(), remedy.into());
    }

    /// Adds a warning.
    pub fn warning(
        &mut self,
        place: &Place,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(
            Severity::Warning,
            Some(place),
            message.into(),
            remedy.into(),
        );
    }

    fn add(&mut self, severity: Severity, place: Option<&Place>, message: String, remedy: String) {
        self.0.push(Problem {
            severity,
            place: place.cloned(),
            message,
            remedy,
        });
    }

    /// Whether nothing may be done.
    pub fn failed(&self) -> bool {
        self.0.iter().any(|found| found.severity == Severity::Error)
    }

    /// The errors as one, if there are any; the first one's place comes first.
    pub fn check(&self) -> Result<()> {
        let errors: Vec<String> = self
            .0
            .iter()
            .filter(|found| found.severity == Severity::Error)
            .map(|found| format!("\n  {}", found.to_string().replace('\n', "\n  ")))
            .collect();
        match errors.len() {
            0 => Ok(()),
            count => Err(Error::new(
                Kind::Config,
                format!(
                    "the inventory has {count} {}:{}",
                    if count == 1 { "error" } else { "errors" },
                    errors.concat()
                ),
            )
            .remedy("correct the lines named above; nothing was changed")),
        }
    }
}
