//! What was read: files and logical lines, and where each of these began.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// A logical line, by its number in the order of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId(pub usize);

/// A line of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, as a position in [`Lines::sources`].
    pub file: usize,
    /// The line, the first being 1.
    pub line: usize,
}

/// A logical line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The text, without blanks around it.
    pub text: String,
    /// Whether it is Unicode rather than bytes.
    pub wide: bool,
    /// Where it begins.
    pub at: Place,
}

/// A file that was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its path, as it was found.
    pub path: PathBuf,
    pub(super) bytes: Vec<u8>,
    starts: Vec<usize>,
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    /// The files, in the order of reading.
    pub sources: Vec<Source>,
    /// The logical lines of all of them.
    pub logical: Vec<Line>,
}

impl Source {
    pub(super) fn new(path: PathBuf, bytes: Vec<u8>) -> Self {
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1));
        Self {
            starts: starts.collect(),
            path,
            bytes,
        }
    }

    pub(super) fn raw(&self, line: usize) -> &[u8] {
        let start = line.checked_sub(1).and_then(|at| self.starts.get(at));
        let end = self.starts.get(line).map(|end| end - 1);
        let Some(start) = start else { return &[] };
        self.bytes
            .get(*start..end.unwrap_or(self.bytes.len()))
            .unwrap_or_default()
    }

    /// A line as it stands in the file, for people.
    pub fn line(&self, line: usize) -> Cow<'_, str> {
        String::from_utf8_lossy(self.raw(line))
    }

    /// How many lines there are.
    pub fn count(&self) -> usize {
        // What follows the last line end is a line only if there is something.
        let ended = self.bytes.is_empty() || self.bytes.ends_with(b"\n");
        self.starts.len() - usize::from(ended)
    }
}

impl Lines {
    /// Where a logical line begins.
    pub fn place(&self, line: LineId) -> Option<Place> {
        Some(self.logical.get(line.0)?.at)
    }

    /// A line as it stands in its file.
    pub fn raw(&self, at: Place) -> Cow<'_, str> {
        self.sources
            .get(at.file)
            .map_or(Cow::Borrowed(""), |source| source.line(at.line))
    }

    /// The path of a file.
    pub fn path(&self, at: Place) -> &Path {
        self.sources
            .get(at.file)
            .map_or(Path::new(""), |source| &source.path)
    }
}

/// Stands between the name and the text of a here-document in its logical line.
pub(super) const HERE: &str = "ad7d7b87f5b81d2a0d5cb75294afeb91aa4801b1f8e8532dc1b633c0e1d47037";

/// What a file begins with that is read as UTF-8.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";
