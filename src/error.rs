//! The error that a front end shows: what was tried, on what, what went wrong, what to do; and its exit code.
//!
//! Modules below have errors of their own where a caller branches (`ExecError`, `CephError`, `ParseError`); on the way
//! up they become this one, whose [`Kind`] decides the exit code. The first error is kept: what fails while cleaning up
//! after it is added to it with [`Error::and_then_cleanup`].

use std::fmt;

use serde::{Deserialize, Serialize};

/// What sort of failure it is; each has one documented exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Something that should not happen; please report it.
    Internal,
    /// The command line or a job cannot be understood.
    Usage,
    /// The configuration cannot be used.
    Config,
    /// A pool, image, snapshot or disk that was named is not there.
    NotFound,
    /// It is there already, and otherwise than asked for.
    Exists,
    /// Somebody is using it: an open device, another job's lock, a watcher.
    Busy,
    /// Another host holds the disk's lease.
    LeaseHeld,
    /// Data that Ceph lacks, or that may be such, are in the way.
    Dirty,
    /// No room: the volume group or the pool is full.
    NoSpace,
    /// A tool, kernel module, volume group or permission of this host is missing.
    Missing,
    /// The Ceph cluster cannot be reached in time, or refuses the key.
    Ceph,
    /// A deadline passed.
    Timeout,
    /// A tool or the kernel refused.
    Failed,
    /// Data are not what they should be.
    Mismatch,
    /// Stopped on request.
    Cancelled,
}

impl Kind {
    /// Every kind, in the order of the exit codes.
    pub const ALL: [Self; 15] = [
        Self::Internal,
        Self::Usage,
        Self::Config,
        Self::NotFound,
        Self::Exists,
        Self::Busy,
        Self::LeaseHeld,
        Self::Dirty,
        Self::NoSpace,
        Self::Missing,
        Self::Ceph,
        Self::Timeout,
        Self::Failed,
        Self::Mismatch,
        Self::Cancelled,
    ];

    /// The process's exit code; 1 to 14 in the order of [`Kind::ALL`], and 130 as shells have it for an interrupt.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Cancelled => 130,
            kind => kind as u8 + 1,
        }
    }
}

/// A failure, ready to be shown.
pub struct Error {
    kind: Kind,
    message: String,
    remedy: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    cleanup: Vec<Self>,
}

/// What almost everything above the tools returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A failure of a kind; the message says what was tried on what, as a lower-case fragment.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            remedy: None,
            source: None,
            cleanup: Vec::new(),
        }
    }

    /// Adds what the reader can do about it (replaces an earlier remedy: the outermost knows best).
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Keeps this error as the first one and adds what failed while cleaning up after it.
    #[must_use]
    pub fn and_then_cleanup(mut self, cleanup: Result<()>) -> Self {
        self.cleanup.extend(cleanup.err());
        self
    }

    /// The same failure once more, for another step that it stops; causes become text.
    #[must_use]
    pub fn again(&self) -> Self {
        let again = Self::new(self.kind, self.chain());
        match self.remedy_text() {
            Some(remedy) => again.remedy(remedy),
            None => again,
        }
    }

    /// The kind.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What can be done about it, if this error or one of its causes knows.
    pub fn remedy_text(&self) -> Option<&str> {
        self.remedy.as_deref().or_else(|| {
            let inner = self.source.as_deref()?.downcast_ref::<Self>()?;
            inner.remedy_text()
        })
    }

    /// The errors of the clean-up that followed, after this error or one of its causes.
    pub fn cleanup_errors(&self) -> Vec<&Self> {
        let mut all: Vec<&Self> = self.cleanup.iter().collect();
        let inner = self.source.as_deref();
        if let Some(inner) = inner.and_then(|source| source.downcast_ref::<Self>()) {
            all.extend(inner.cleanup_errors());
        }
        all
    }

    /// Message and causes in one line, outermost first.
    pub fn chain(&self) -> String {
        let mut line = self.message.clone();
        let mut next = std::error::Error::source(self);
        while let Some(error) = next {
            line.push_str(": ");
            line.push_str(&error.to_string());
            next = error.source();
        }
        line
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.chain())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}

impl From<crate::model::ParseError> for Error {
    fn from(error: crate::model::ParseError) -> Self {
        Self::new(Kind::Usage, error.to_string())
    }
}

/// Of two things that were both tried: the first failure, with the other one added to it.
///
/// # Errors
/// That.
pub fn both(first: Result<()>, second: Result<()>) -> Result<()> {
    match first {
        Ok(()) => second,
        Err(error) => Err(error.and_then_cleanup(second)),
    }
}

/// Says what was being done when a lower layer failed.
pub trait Context<T> {
    /// Wraps an error in one of the same kind whose message says what was tried.
    fn context(self, message: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, message: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| {
            let mut error = error.into();
            let answer = error.source.as_mut();
            if let Some(answer) = answer.and_then(|source| source.downcast_mut::<Answer>())
                && !std::mem::replace(&mut answer.is_told, true)
            {
                error.message = message();
                return error;
            }
            Error::new(error.kind(), message()).because(error)
        })
    }
}

/// What a call of a library came to. An error that it is the source of says itself which call that was on what; with a
/// [`Context`] it says what was being done instead, and nothing twice.
#[derive(Debug)]
pub struct Answer {
    said: String,
    /// Whether somebody said what was being done.
    is_told: bool,
}

impl Answer {
    /// The library's words.
    pub const fn new(said: String) -> Self {
        Self {
            said,
            is_told: false,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

impl std::error::Error for Answer {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_who_says_what_was_done_speaks_for_the_library() {
        let failed = || {
            let answer = Answer::new("timed out".into());
            Err::<(), _>(Error::new(Kind::Timeout, "cannot stat rbd_header.1").because(answer))
        };
        let chain = |failed: Result<()>| failed.unwrap_err().chain();
        assert_eq!(chain(failed()), "cannot stat rbd_header.1: timed out");
        let once = || failed().context(|| "cannot read the lease of one/a".into());
        assert_eq!(chain(once()), "cannot read the lease of one/a: timed out");
        let twice = once().context(|| "cannot attach one/a".into());
        assert_eq!(twice.as_ref().unwrap_err().kind(), Kind::Timeout);
        assert_eq!(
            chain(twice),
            "cannot attach one/a: cannot read the lease of one/a: timed out"
        );
    }
}
