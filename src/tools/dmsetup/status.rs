//! Status lines. dm-cache's fields are those of cache.rst, "Status"; the order is fixed, the lists carry their length.

use std::collections::BTreeMap;

use super::cache::{CacheMode, Policy};
use super::info;
use super::table::{counted, number};
use super::writecache::WritecacheStatus;
use crate::model::{Bytes, Sectors};

/// The status of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// A cache.
    Cache(CacheState),
    /// A cache for writes.
    Writecache(WritecacheStatus),
    /// Anything else, as the kernel prints it.
    Other {
        /// The target's name.
        target: String,
        /// What it says.
        text: String,
    },
}

/// Whether a cache works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheState {
    /// It does, with these figures.
    Running(CacheStatus),
    /// Its metadata failed: all I/O to it fails.
    Fail,
    /// Its status cannot be had.
    Error,
}

/// The figures of a running dm-cache. Counters begin anew at each activation, apart from hits and misses, which are kept
/// in the metadata (32 bits each).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheStatus {
    /// The size of a metadata block.
    pub meta_block: Bytes,
    /// Metadata blocks in use.
    pub meta_used: u64,
    /// Metadata blocks in all.
    pub meta_total: u64,
    /// The size of a cache block.
    pub block: Sectors,
    /// Cache blocks in use.
    pub used: u64,
    /// Cache blocks in all.
    pub total: u64,
    /// Reads served from the cache.
    pub read_hits: u64,
    /// Reads served from the origin.
    pub read_misses: u64,
    /// Writes to cached blocks.
    pub write_hits: u64,
    /// Writes to blocks that are not cached.
    pub write_misses: u64,
    /// Blocks that left the cache.
    pub demotions: u64,
    /// Blocks that came into it.
    pub promotions: u64,
    /// Blocks whose origin is older than the cache.
    pub dirty: u64,
    /// How writes are treated.
    pub mode: CacheMode,
    /// The features as the kernel prints them.
    pub features: Vec<String>,
    /// The policy; `None` for one that this program does not use.
    pub policy: Option<Policy>,
    /// How much may be migrated at once.
    pub migration_threshold: Option<Sectors>,
    /// The metadata cannot be written.
    pub read_only: bool,
    /// The metadata must be checked offline before anything else.
    pub needs_check: bool,
}

/// `dmsetup status NAME`.
pub(super) fn parse(text: &str) -> Result<Vec<Status>, String> {
    info::segments(text)
        .iter()
        .map(|line| segment(line))
        .collect()
}

/// `dmsetup status`: the same with `NAME: ` in front, for every device; only ours are looked at.
pub(super) fn parse_all(text: &str) -> Result<BTreeMap<String, Vec<Status>>, String> {
    let statuses = info::by_name(text).into_iter();
    statuses
        .map(|(name, text)| Ok((name.to_owned(), parse(&text)?)))
        .collect()
}

fn segment(line: &str) -> Result<Status, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_start, _len, target, args @ ..] = &words[..] else {
        return Err(format!("{line:?}: a status line has too few words"));
    };
    match (*target, args) {
        ("cache", ["Fail"]) => Ok(Status::Cache(CacheState::Fail)),
        ("cache", ["Error"]) => Ok(Status::Cache(CacheState::Error)),
        ("cache", args) => cache(args)
            .map(|status| Status::Cache(CacheState::Running(status)))
            .map_err(|why| format!("{line:?}: {why}")),
        ("writecache", args) => WritecacheStatus::parse(args)
            .map(Status::Writecache)
            .map_err(|why| format!("{line:?}: {why}")),
        (target, args) => Ok(Status::Other {
            target: target.to_owned(),
            text: args.join(" "),
        }),
    }
}

fn cache(args: &[&str]) -> Result<CacheStatus, String> {
    let [
        meta_block,
        meta,
        block,
        cached,
        read_hits,
        read_misses,
        write_hits,
        write_misses,
        demotions,
        promotions,
        dirty,
        rest @ ..,
    ] = args
    else {
        return Err("a cache's status has too few words".into());
    };
    let (meta_used, meta_total) = fraction(meta)?;
    let (used, total) = fraction(cached)?;
    let (features, rest) = counted(rest)?;
    let (core, rest) = counted(rest)?;
    let [policy, rest @ ..] = rest else {
        return Err("a cache's status has no policy".into());
    };
    let (_policy_options, flags) = counted(rest)?;
    Ok(CacheStatus {
        meta_block: Sectors(number(meta_block)?).bytes(),
        meta_used,
        meta_total,
        block: Sectors(number(block)?),
        used,
        total,
        read_hits: number(read_hits)?,
        read_misses: number(read_misses)?,
        write_hits: number(write_hits)?,
        write_misses: number(write_misses)?,
        demotions: number(demotions)?,
        promotions: number(promotions)?,
        dirty: number(dirty)?,
        mode: CacheMode::among(features),
        features: features.iter().map(|word| (*word).to_owned()).collect(),
        policy: Policy::parse(policy),
        migration_threshold: option(core, "migration_threshold")
            .map(number)
            .transpose()?
            .map(Sectors),
        // since 3.x the flags are the last words; a kernel that does not print them is not one that has dm-cache v2
        read_only: match flags.first() {
            Some(&"rw") => false,
            Some(&"ro") => true,
            _ => return Err("a cache's status says neither rw nor ro".into()),
        },
        needs_check: flags.get(1) == Some(&"needs_check"),
    })
}

/// The value after a name in a list of pairs.
fn option<'a>(pairs: &[&'a str], name: &str) -> Option<&'a str> {
    pairs.chunks(2).find_map(|pair| match pair {
        [key, value] if *key == name => Some(*value),
        _ => None,
    })
}

fn fraction(word: &str) -> Result<(u64, u64), String> {
    let (part, whole) = word
        .split_once('/')
        .ok_or_else(|| format!("{word:?} is no fraction"))?;
    Ok((number(part)?, number(whole)?))
}
