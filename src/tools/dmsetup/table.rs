//! Tables: what a device-mapper device is made of (kernel: Documentation/admin-guide/device-mapper/{linear,cache}.rst).
//!
//! Devices are written as paths and read back as `MAJOR:MINOR`; [`Table::resolve`] makes the two comparable.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::cache::CacheTarget;
use super::info;
use super::writecache::WritecacheTarget;
use crate::error::Result as CrateResult;
use crate::model::Sectors;
use crate::sys::DevNum;

/// A device inside a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dev {
    /// As it is written.
    Path(PathBuf),
    /// As the kernel prints it.
    Num(DevNum),
}

impl Dev {
    pub(super) fn parse(word: &str) -> Result<Self, String> {
        if word.starts_with('/') {
            return Ok(Self::Path(word.into()));
        }
        word.parse()
            .map(Self::Num)
            .map_err(|error| error.to_string())
    }

    pub(super) fn resolve(self) -> CrateResult<Self> {
        match self {
            Self::Path(path) => DevNum::of(&path).map(Self::Num),
            num @ Self::Num(_) => Ok(num),
        }
    }
}

impl From<&Path> for Dev {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }
}

impl From<DevNum> for Dev {
    fn from(num: DevNum) -> Self {
        Self::Num(num)
    }
}

impl fmt::Display for Dev {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Num(num) => write!(f, "{num}"),
        }
    }
}

/// What a part of a device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A part of another device.
    Linear {
        /// Which.
        dev: Dev,
        /// From where on.
        offset: Sectors,
    },
    /// A cache.
    Cache(CacheTarget),
    /// A cache for writes.
    Writecache(WritecacheTarget),
    /// Fails every I/O.
    Error,
    /// Anything else, as the kernel prints it.
    Other {
        /// The target's name.
        name: String,
        /// Its arguments, with single spaces.
        args: String,
    },
}

/// A part of a device: where, how much, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its first sector in the device.
    pub start: Sectors,
    /// Its length.
    pub len: Sectors,
    /// What it is.
    pub target: Target,
}

/// A whole device: segments one after the other, from sector 0 on. Empty for a device that has no table (yet).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The segments.
    pub segments: Vec<Segment>,
}

impl Table {
    /// A device of one segment.
    pub fn one(len: Sectors, target: Target) -> Self {
        Self::default().then(len, target)
    }

    /// The first `len` sectors of another device.
    pub fn linear(len: Sectors, dev: impl Into<Dev>) -> Self {
        let dev = dev.into();
        Self::one(
            len,
            Target::Linear {
                dev,
                offset: Sectors(0),
            },
        )
    }

    /// Adds a segment at the end.
    #[must_use]
    pub fn then(mut self, len: Sectors, target: Target) -> Self {
        let start = self.len();
        self.segments.push(Segment { start, len, target });
        self
    }

    /// The size of the device.
    pub fn len(&self) -> Sectors {
        Sectors(self.segments.iter().map(|segment| segment.len.0).sum())
    }

    /// Whether there is no table.
    pub const fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The cache, if the device is one and nothing else.
    pub fn as_cache(&self) -> Option<&CacheTarget> {
        match &self.segments[..] {
            [
                Segment {
                    target: Target::Cache(cache),
                    ..
                },
            ] => Some(cache),
            _ => None,
        }
    }

    /// The cache for writes, if the device is one and nothing else.
    pub fn as_writecache(&self) -> Option<&WritecacheTarget> {
        match &self.segments[..] {
            [
                Segment {
                    target: Target::Writecache(cache),
                    ..
                },
            ] => Some(cache),
            _ => None,
        }
    }

    /// With every path replaced by the device's number, as the kernel prints it.
    pub fn resolve(self) -> CrateResult<Self> {
        let resolve = |segment: Segment| -> CrateResult<Segment> {
            let target = match segment.target {
                Target::Linear { dev, offset } => Target::Linear {
                    dev: dev.resolve()?,
                    offset,
                },
                Target::Cache(cache) => Target::Cache(cache.resolve()?),
                Target::Writecache(cache) => Target::Writecache(cache.resolve()?),
                other => other,
            };
            Ok(Segment { target, ..segment })
        };
        let segments = self.segments.into_iter().map(resolve);
        Ok(Self {
            segments: segments.collect::<CrateResult<_>>()?,
        })
    }
}

impl fmt::Display for Table {
    /// One line per segment, as dmsetup reads them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Segment { start, len, target } in &self.segments {
            match target {
                Target::Linear { dev, offset } => {
                    writeln!(f, "{start} {len} linear {dev} {offset}")?
                }
                Target::Cache(cache) => writeln!(f, "{start} {len} cache {cache}")?,
                Target::Writecache(cache) => writeln!(f, "{start} {len} writecache {cache}")?,
                Target::Error => writeln!(f, "{start} {len} error")?,
                Target::Other { name, args } => writeln!(f, "{start} {len} {name} {args}")?,
            }
        }
        Ok(())
    }
}

/// `dmsetup table NAME`: one line per segment, none for a device without a table.
pub(super) fn parse(text: &str) -> Result<Table, String> {
    let segments = info::segments(text);
    Ok(Table {
        segments: segments
            .iter()
            .map(|line| segment(line))
            .collect::<Result<_, _>>()?,
    })
}

/// `dmsetup table`: the same with `NAME: ` in front, for every device. Lines of devices that are not ours are not looked at.
pub(super) fn parse_all(text: &str) -> Result<BTreeMap<String, Table>, String> {
    let tables = info::by_name(text).into_iter();
    tables
        .map(|(name, text)| Ok((name.to_owned(), parse(&text)?)))
        .collect()
}

fn segment(line: &str) -> Result<Segment, String> {
    let bad = |why: &str| format!("{line:?}: {why}");
    let words: Vec<&str> = line.split_whitespace().collect();
    let [start, len, name, args @ ..] = &words[..] else {
        return Err(bad("a table line has too few words"));
    };
    let other = || Target::Other {
        name: (*name).to_owned(),
        args: args.join(" "),
    };
    let target = match (*name, args) {
        ("linear", [dev, offset]) => Target::Linear {
            dev: Dev::parse(dev).map_err(|why| bad(&why))?,
            offset: Sectors(number(offset)?),
        },
        ("linear", _) => return Err(bad("a linear target has a device and an offset")),
        ("cache", args) => {
            let cache = CacheTarget::parse(args).map_err(|why| bad(&why))?;
            cache.map_or_else(other, Target::Cache)
        }
        ("writecache", args) => {
            let cache = WritecacheTarget::parse(args).map_err(|why| bad(&why))?;
            cache.map_or_else(other, Target::Writecache)
        }
        ("error", _) => Target::Error,
        _ => other(),
    };
    Ok(Segment {
        start: Sectors(number(start)?),
        len: Sectors(number(len)?),
        target,
    })
}

/// A list with its length in front, `2 metadata2 writethrough`, and what follows it.
pub(super) fn counted<'a, 'b>(
    words: &'b [&'a str],
) -> Result<(&'b [&'a str], &'b [&'a str]), String> {
    let [count, rest @ ..] = words else {
        return Err("a count is missing".into());
    };
    let count = usize::try_from(number(count)?).unwrap_or(usize::MAX);
    rest.split_at_checked(count)
        .ok_or_else(|| format!("{count} words were announced, fewer are there"))
}

pub(super) fn number(word: &str) -> Result<u64, String> {
    word.parse()
        .map_err(|_| format!("{word:?} is not a number"))
}
