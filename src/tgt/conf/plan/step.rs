//! One line of what the script prints, and the reasons why it stops.

use crate::tgt::conf::Died;
use crate::tgt::conf::lines::Place;
use crate::tgt::conf::text::encode;

/// A line, or a few: a value may have line ends in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The text, without the last line end.
    pub text: String,
    /// The line of the configuration that it comes from.
    pub at: Option<Place>,
    /// The order within a LUN's own parameters differs from run to run: steps that follow each other and have the same
    /// number here may change places (facts 1.2).
    pub shuffled: Option<usize>,
}

impl Step {
    /// Whether it is a command; everything else is a remark.
    pub fn is_command(&self) -> bool {
        self.text.starts_with("tgtadm ")
    }

    /// The bytes that the script prints.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = encode(&self.text).into_owned();
        bytes.push(b'\n');
        bytes
    }
}

/// Why the script stops. What it did before stays done; targets that would follow are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It refuses the configuration, exit code 1.
    Refused {
        /// Where.
        at: Option<Place>,
        /// Why.
        why: String,
    },
    /// It dies with a Perl error, exit code neither 0 nor 1.
    Died {
        /// Where.
        at: Option<Place>,
        /// Why.
        why: String,
    },
}

impl Stop {
    /// Where.
    pub const fn at(&self) -> Option<Place> {
        match self {
            Self::Refused { at, .. } | Self::Died { at, .. } => *at,
        }
    }

    /// Why.
    pub fn why(&self) -> &str {
        match self {
            Self::Refused { why, .. } | Self::Died { why, .. } => why,
        }
    }
}

impl From<Died> for Stop {
    fn from(died: Died) -> Self {
        Self::Died {
            at: died.at,
            why: died.why,
        }
    }
}
