//! What an operator chooses: driver, mode, seed, size of the slice.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Bytes, ParseError};

/// A cache driver's name: a built-in one, or a directory below `drivers/`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct DriverName(String);

impl DriverName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DriverName {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let first = word.chars().next().is_some_and(|c| c.is_ascii_lowercase());
        if !first || word.len() > 32 || !word.chars().all(good) {
            return Err(ParseError::new(
                "driver",
                word,
                "is not a lower-case word of at most 32 letters",
            ));
        }
        Ok(Self(word.to_owned()))
    }
}

impl TryFrom<String> for DriverName {
    type Error = ParseError;
    fn try_from(word: String) -> Result<Self, ParseError> {
        word.parse()
    }
}

impl From<DriverName> for String {
    fn from(name: DriverName) -> Self {
        name.0
    }
}

impl fmt::Display for DriverName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How a cache treats writes.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum CacheMode {
    /// No cache in the path.
    #[value(alias = "bypass")]
    None,
    /// A write goes to Ceph and drops what is cached of it.
    #[value(alias = "around", alias = "wa")]
    Writearound,
    /// A write is acknowledged when Ceph has it; the cache can be lost at any time.
    #[value(alias = "through", alias = "wt")]
    Writethrough,
    /// A write is acknowledged when the SSD has it; losing the host or its SSD loses data.
    #[value(alias = "back", alias = "wb")]
    Writeback,
}

impl CacheMode {
    /// Whether the cache can hold data that the image lacks.
    pub const fn can_be_dirty(self) -> bool {
        matches!(self, Self::Writeback)
    }

    /// The mode as the kernel and the command line spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Writearound => "writearound",
            Self::Writethrough => "writethrough",
            Self::Writeback => "writeback",
        }
    }
}

impl fmt::Display for CacheMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What to do when the SSD has no room for a slice.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum OnFull {
    /// Serve the disk uncached, with a warning.
    #[default]
    Bypass,
    /// Refuse.
    Fail,
}

/// What to bring into the cache before it is asked for. Holes of the image are never moved.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum SeedSpec {
    /// Nothing: the cache warms as it is used.
    None,
    /// Every allocated extent, from the image's start until the slice is full.
    #[default]
    Allocated,
    /// The allocated extents of the first so many bytes.
    First(Bytes),
}

impl FromStr for SeedSpec {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        match word.split_once(':') {
            None if word == "none" => Ok(Self::None),
            None if word == "allocated" => Ok(Self::Allocated),
            Some(("first", size)) => match size.parse()? {
                Bytes(0) => Err(ParseError::new("seed", word, "asks for nothing; say none")),
                size => Ok(Self::First(size)),
            },
            _ => Err(ParseError::new(
                "seed",
                word,
                "is not none, allocated or first:SIZE (first:8G)",
            )),
        }
    }
}

impl fmt::Display for SeedSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Allocated => f.write_str("allocated"),
            Self::First(size) => write!(f, "first:{}", size.exact()),
        }
    }
}

impl TryFrom<String> for SeedSpec {
    type Error = ParseError;
    fn try_from(word: String) -> Result<Self, ParseError> {
        word.parse()
    }
}

impl From<SeedSpec> for String {
    fn from(seed: SeedSpec) -> Self {
        seed.to_string()
    }
}

/// What a slice is to be: so many bytes, or a share of its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum SliceSize {
    /// So many bytes: `8G`.
    Fixed(Bytes),
    /// So many percent of the image: `10%`.
    Percent(u8),
}

impl FromStr for SliceSize {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let Some(share) = word.strip_suffix('%') else {
            return word.parse().map(Self::Fixed);
        };
        match share.trim_end().parse() {
            Ok(share @ 1..=100) => Ok(Self::Percent(share)),
            _ => Err(ParseError::new("slice", word, "is not between 1% and 100%")),
        }
    }
}

impl fmt::Display for SliceSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(size) => size.fmt(f),
            Self::Percent(share) => write!(f, "{share}%"),
        }
    }
}

impl TryFrom<String> for SliceSize {
    type Error = ParseError;
    fn try_from(word: String) -> Result<Self, ParseError> {
        word.parse()
    }
}

impl From<SliceSize> for String {
    fn from(size: SliceSize) -> Self {
        match size {
            SliceSize::Fixed(size) => size.exact(),
            SliceSize::Percent(_) => size.to_string(),
        }
    }
}

/// How large a slice is, for an image of a given size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlicePolicy {
    /// What is wanted.
    pub size: SliceSize,
    /// At least this.
    pub min: Bytes,
    /// At most this.
    pub max: Bytes,
}

impl SlicePolicy {
    /// The cached bytes wanted for an image: fixed or percent, between `min` and `max`, never above the image itself.
    pub fn wanted(&self, image: Bytes) -> Bytes {
        let wanted = match self.size {
            SliceSize::Fixed(size) => size,
            SliceSize::Percent(share) => {
                let share = u64::from(share);
                // In two parts, so that the largest image does not overflow.
                Bytes(image.0 / 100 * share + image.0 % 100 * share / 100)
            }
        };
        wanted
            .clamp(self.min, self.max.max(self.min))
            .min(image.max(self.min))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_read_back() {
        for word in ["none", "allocated", "first:8G", "first:1000"] {
            assert_eq!(word.parse::<SeedSpec>().unwrap().to_string(), word);
        }
        for bad in ["", "first", "first:", "first:0", "all", "first:8X"] {
            assert!(bad.parse::<SeedSpec>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_slice_stays_between_its_limits() {
        let policy = SlicePolicy {
            size: SliceSize::Percent(10),
            min: Bytes::gib(4),
            max: Bytes::gib(64),
        };
        assert_eq!(policy.wanted(Bytes::gib(100)), Bytes::gib(10));
        assert_eq!(policy.wanted(Bytes::gib(10)), Bytes::gib(4));
        assert_eq!(policy.wanted(Bytes::gib(10_000)), Bytes::gib(64));
        assert_eq!(policy.wanted(Bytes::gib(1)), Bytes::gib(4));
        let fixed = SlicePolicy {
            size: SliceSize::Fixed(Bytes::gib(8)),
            ..policy
        };
        assert_eq!(fixed.wanted(Bytes::gib(100)), Bytes::gib(8));
        assert_eq!(fixed.wanted(Bytes::gib(5)), Bytes::gib(5));
    }

    #[test]
    fn slice_sizes_read_back() {
        for word in ["8G", "10%", "100%", "123456"] {
            let size: SliceSize = word.parse().unwrap();
            assert_eq!(String::from(size).parse::<SliceSize>().unwrap(), size);
        }
        for bad in ["0%", "101%", "%", "-1%", "x"] {
            assert!(bad.parse::<SliceSize>().is_err(), "{bad:?} was taken");
        }
    }
}
