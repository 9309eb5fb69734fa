//! The one error of everything that is parsed at the edge into a type of the model.

/// A word from outside that is not what it should be: what it was meant as, the word, and why it is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {word:?} {why}")]
pub struct ParseError {
    /// What the word was meant to be, for example `image name`.
    pub what: &'static str,
    /// The word as it came.
    pub word: String,
    /// Why it is refused, as the end of a sentence: `must not contain '/'`.
    pub why: String,
}

impl ParseError {
    /// Builds the error; `why` completes the sentence "WHAT WORD …".
    pub fn new(what: &'static str, word: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            what,
            word: word.into(),
            why: why.into(),
        }
    }
}
