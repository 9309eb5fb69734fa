//! The choice of how progress is shown.

use std::fmt;
use std::str::FromStr;

use crate::model::ParseError;

/// How progress is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProgressMode {
    /// A bar if stderr is a terminal, nothing otherwise.
    #[default]
    Auto,
    /// A bar; nothing is seen of it where stderr is not a terminal.
    Bar,
    /// One [`ProgressLine`](super::ProgressLine) per line.
    Json,
    /// Nothing.
    Quiet,
}

impl ProgressMode {
    /// Every mode, as the command line offers them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Bar, Self::Json, Self::Quiet];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Bar => "bar",
            Self::Json => "json",
            Self::Quiet => "quiet",
        }
    }
}

impl FromStr for ProgressMode {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == word)
            .ok_or_else(|| ParseError::new("progress", word, "is not auto, bar, json or quiet"))
    }
}

impl fmt::Display for ProgressMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
