//! What can go wrong between an initiator and a target.

use std::io;

use super::Sense;
use crate::error::{Error, Kind};

/// A login or a command that did not come through.
#[derive(Debug, thiserror::Error)]
pub enum IscsiError {
    /// The target says no to the login (RFC 7143 11.13.5).
    #[error("login refused: {}", status_words(*class, *detail))]
    Refused {
        /// The status class.
        class: u8,
        /// The status detail.
        detail: u8,
    },
    /// The target sends the initiator elsewhere.
    #[error("login redirected to {0}")]
    Redirected(String),
    /// The target's own proof is wrong or missing.
    #[error("the target does not prove itself: {0}")]
    Unproven(String),
    /// A command ended with a status other than GOOD.
    #[error("{command}: {sense}")]
    Check {
        /// The command.
        command: &'static str,
        /// Why.
        sense: Sense,
    },
    /// The connection failed, or nothing came in time.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// What came is not understood.
    #[error("not understood: {0}")]
    Protocol(String),
}

impl IscsiError {
    /// Whether the target did answer, and said no.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Redirected(_))
    }

    /// Whether a command failed for good because the medium did: what a LUN says whose RADOS client was barred (facts 3.4).
    pub const fn is_medium_error(&self) -> bool {
        matches!(
            self,
            Self::Check {
                sense: Sense { key: 3, .. },
                ..
            }
        )
    }
}

impl From<IscsiError> for Error {
    fn from(error: IscsiError) -> Self {
        let kind = match &error {
            IscsiError::Io { source, .. }
                if matches!(
                    source.kind(),
                    io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
                ) =>
            {
                Kind::Timeout
            }
            _ => Kind::Failed,
        };
        Self::new(kind, error.to_string())
    }
}

fn status_words(class: u8, detail: u8) -> String {
    let words = match (class, detail) {
        (2, 1) => "authentication failed",
        (2, 2) => "forbidden",
        (2, 3) => "target not found",
        (3, 0) => "target error, or offline",
        (3, 1) => "service unavailable",
        _ => return format!("status {class:02x}{detail:02x}"),
    };
    words.to_owned()
}
