//! What a step did to the world, so that "again" is visible and safe.

use std::fmt;

use serde::Serialize;

/// What happened to one thing when it was asked to be there, or gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It was not there and is now.
    Made,
    /// It already was as wanted.
    Kept,
    /// It was there, otherwise, and was changed.
    Altered,
    /// It was there and is gone now.
    Removed,
    /// It already was absent.
    Absent,
}

impl Change {
    /// Whether anything was done.
    pub const fn is_change(self) -> bool {
        matches!(self, Self::Made | Self::Altered | Self::Removed)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Made => "made",
            Self::Kept => "kept",
            Self::Altered => "altered",
            Self::Removed => "removed",
            Self::Absent => "absent",
        })
    }
}
