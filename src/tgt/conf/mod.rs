//! What tgt-admin reads out of a configuration file, and what it does with it.
//!
//! tgt-admin reads its files with the Perl module Config::General (options `UseApacheInclude`, `IncludeDirectories`,
//! `IncludeGlob`, `MergeDuplicateBlocks`) and walks the hashes that it gets in the order of their sorted keys. Both are
//! done here as they are done there, mistakes included, in three steps:
//!
//! 1. `scan`: files to logical [`lines`]. Comments, continued lines, here-documents, includes.
//! 2. [`blocks`]: logical lines to a tree of options and blocks ([`Value`]).
//! 3. [`plan`]: the tree to the commands that `tgt-admin --pretend --execute` (or `--update ALL`) prints.
//!
//! Everything remembers where it was read, and what was read otherwise than it looks is kept as an [`Oddity`]. What to think of
//! all that is the business of [`check`](super::check). The ground is the behaviour of tgt 1.0.85 and of
//! Config::General 2.65; the test `tgt_conf` compares with both.

pub mod blocks;
pub mod files;
mod glob;
mod include;
pub mod lines;
mod marks;
mod number;
pub mod oddity;
mod paths;
pub mod plan;
mod scan;
mod text;
pub mod tree;

#[cfg(test)]
pub(crate) mod tests;

pub use files::{Disk, FileKind, Files};
pub use lines::{Line, LineId, Lines, Place};
pub use oddity::{Odd, Oddity};
pub use plan::{Plan, Run};
pub(crate) use text::show;
pub use tree::{Map, Value};

use std::path::Path;

/// A configuration as tgt-admin has it in its hands after reading.
#[derive(Debug)]
pub struct Conf {
    /// The logical lines, and the files they came from.
    pub lines: Lines,
    /// What is odd, in the order of reading.
    pub oddities: Vec<Odd>,
    /// The tree, or why the script dies before it has one. It then has done nothing at all.
    pub tree: Result<Map, Died>,
}

/// The script ends with a Perl error: nothing that follows is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Died {
    /// Where, if a line is to blame.
    pub at: Option<Place>,
    /// Why, in words of our own.
    pub why: String,
}

impl Died {
    pub(crate) fn new(at: Option<Place>, why: impl Into<String>) -> Self {
        Self {
            at,
            why: why.into(),
        }
    }
}

/// Reads a file as `tgt-admin -c PATH` does, with everything that it includes.
pub fn read(files: &dyn Files, path: &Path) -> Conf {
    let (lines, mut oddities, end) = scan::read(files, path);
    let tree = end.and_then(|()| blocks::parse(&lines.logical, &mut oddities));
    Conf {
        lines,
        oddities,
        tree,
    }
}
