//! What the reader noticed: places where a file is read otherwise than it looks.

use std::path::PathBuf;

use super::lines::{LineId, Place};

/// An oddity and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// What.
    pub what: Oddity,
    /// Where.
    pub at: Place,
}

/// What is odd. Numbers in brackets are the cases of facts table 1.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Oddity {
    /// `a#1`: a comment begins without a blank in front of it, or inside quotes (B14, B16).
    HashInValue {
        /// What is left of the line.
        kept: String,
        /// What is lost.
        cut: String,
        /// Whether a quote was open.
        quoted: bool,
    },
    /// `rbd/a/*x*/b`: a C comment is cut out of the middle of a value (B18).
    CommentInValue {
        /// What is left of the line.
        kept: String,
    },
    /// A C comment begins and no line ends it: the rest of the file is not read.
    CommentNeverEnds,
    /// `*/` without a beginning: what stands in front of it is lost.
    CommentNeverBegan,
    /// A here-document (E20).
    HereDocument,
    /// A here-document that no line ends: it and the rest of the file are lost.
    HereDocumentNeverEnds {
        /// The line that would end it.
        end: String,
    },
    /// A backslash at the end of the file's last line: the line is lost.
    ContinuedIntoNothing,
    /// The line before ends with a backslash and swallows this one (B26).
    Swallowed,
    /// `<x y/>` with blanks (or a carriage return) behind it: the slash becomes part of the name.
    SlashKept,
    /// `option <x/>`: an empty block in a value, whose invented end closes the block around it.
    EmptyBlockInValue,
    /// A pattern that matches no file (D02).
    IncludesNothing {
        /// The pattern.
        pattern: String,
    },
    /// A file that was read before; it is read only once (D13).
    IncludedAgain {
        /// The file.
        path: PathBuf,
    },
    /// A whole directory (D05).
    IncludesDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// A file that looks like the backup of an editor or a package is read as well (D05).
    IncludesBackup {
        /// The file.
        path: PathBuf,
    },
    /// A pattern matches a link to nothing, which is skipped (D17).
    SkipsDangling {
        /// The link.
        path: PathBuf,
    },
    /// A path that is looked for in the working directory first (D15).
    IncludesRelative {
        /// The path as it was given.
        path: String,
    },
    /// A block is closed by a tag of another name (E09).
    ClosedByOther {
        /// The line that opened the block.
        opened: LineId,
        /// The name of the block.
        block: String,
        /// The tag that closed it.
        tag: String,
    },
    /// A block goes on in the next file.
    BlockCrossesFiles {
        /// The line that opened it.
        opened: LineId,
    },
}
