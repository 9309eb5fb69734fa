//! Files to logical lines: comments, here-documents, continued lines, empty blocks, includes.
//!
//! The order of the steps is what makes the traps: a comment ends a value inside quotes, because quotes are looked at much
//! later, and only round a whole value (facts 1.1).

use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::files::Files;
use super::oddity::{Odd, Oddity};
use super::text::{captured, decode, is_space, is_true, trim, trim_end, trim_start};
use super::{Died, include};

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
    bytes: Vec<u8>,
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
    fn new(path: PathBuf, bytes: Vec<u8>) -> Self {
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1));
        Self {
            starts: starts.collect(),
            path,
            bytes,
        }
    }

    fn raw(&self, line: usize) -> &[u8] {
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

/// Reads a file with its includes. What was read before an error is kept.
pub fn read(files: &dyn Files, path: &Path) -> (Lines, Vec<Odd>, Result<(), Died>) {
    let mut reader = Reader {
        files,
        lines: Lines::default(),
        odd: Vec::new(),
        seen: HashSet::new(),
        config_path: include::config_path(path),
        depth: 0,
    };
    let end = include::open_main(&mut reader, path);
    (reader.lines, reader.odd, end)
}

/// The state of a run over all files.
pub(super) struct Reader<'a> {
    pub files: &'a dyn Files,
    pub lines: Lines,
    pub odd: Vec<Odd>,
    /// The paths that were read, letter by letter: `a` and `./a` are two.
    pub seen: HashSet<OsString>,
    /// Where files are looked for that the working directory does not have.
    pub config_path: Option<PathBuf>,
    /// How many files are being read at once.
    pub depth: usize,
}

/// The state of a run over one file. What is open at its end is lost.
#[derive(Default)]
struct State {
    wide: bool,
    /// Where an open C comment began.
    comment: Option<Place>,
    /// What lines that end with a backslash have gathered, and where the first one is.
    long: String,
    long_at: Option<Place>,
    here: Option<Here>,
}

struct Here {
    name: String,
    end: String,
    body: Vec<String>,
    at: Place,
}

/// Stands between the name and the text of a here-document in its logical line.
pub(super) const HERE: &str = "ad7d7b87f5b81d2a0d5cb75294afeb91aa4801b1f8e8532dc1b633c0e1d47037";

const BOM: &[u8] = b"\xef\xbb\xbf";

impl Reader<'_> {
    pub(super) fn note(&mut self, what: Oddity, at: Place) {
        self.odd.push(Odd { what, at });
    }

    /// Reads one file line by line.
    pub(super) fn read_file(&mut self, path: PathBuf, bytes: Vec<u8>) -> Result<(), Died> {
        let file = self.lines.sources.len();
        let source = Source::new(path, bytes);
        let count = source.count();
        let mut state = State {
            wide: source.bytes.starts_with(BOM),
            ..State::default()
        };
        self.lines.sources.push(source);
        for line in 1..=count {
            let raw = self.lines.sources[file].raw(line);
            let raw = if line == 1 {
                raw.strip_prefix(BOM).unwrap_or(raw)
            } else {
                raw
            };
            let text = decode(raw, state.wide);
            self.line(&mut state, &text, Place { file, line })?;
        }
        self.at_end(&state, Place { file, line: count });
        Ok(())
    }

    fn at_end(&mut self, state: &State, last: Place) {
        if let Some(here) = &state.here {
            let end = here.end.clone();
            self.note(Oddity::HereDocumentNeverEnds { end }, here.at);
        }
        if let Some(at) = state.comment {
            self.note(Oddity::CommentNeverEnds, at);
        }
        if is_true(&state.long) {
            self.note(Oddity::ContinuedIntoNothing, state.long_at.unwrap_or(last));
        }
    }

    fn line(&mut self, state: &mut State, raw: &str, at: Place) -> Result<(), Died> {
        if state.here.is_some() {
            self.here_line(state, raw);
            return Ok(());
        }
        let Some(text) = self.without_c_comments(state, raw, at) else {
            return Ok(());
        };
        let text = self.without_comment(&text, at);
        if is_true(&state.long) && !trim(text, state.wide).is_empty() {
            self.note(Oddity::Swallowed, at);
        }
        if let Some(part) = continued(text) {
            if !is_true(&state.long) {
                state.long_at = Some(at);
            }
            state.long.push_str(trim_start(part, state.wide));
            return Ok(());
        }
        if self.empty_block(state, text, at) {
            return Ok(());
        }
        if let Some((name, end)) = here_document(text, state.wide) {
            self.note(Oddity::HereDocument, at);
            // A here-document called 0 is taken for none: so the script says.
            state.here = is_true(name).then(|| Here {
                name: name.to_owned(),
                end: end.to_owned(),
                body: Vec::new(),
                at,
            });
            return Ok(());
        }
        if is_true(&state.long) {
            let long = std::mem::take(&mut state.long) + trim_start(text, state.wide);
            let from = state.long_at.take().unwrap_or(at);
            self.push(&long, state.wide, from);
            return Ok(());
        }
        if trim(text, state.wide).is_empty() {
            return Ok(());
        }
        match include::statement(text, state.wide) {
            Some(path) => include::open(self, &path, at),
            None => {
                self.push(text, state.wide, at);
                Ok(())
            }
        }
    }

    fn push(&mut self, text: &str, wide: bool, at: Place) {
        self.lines.logical.push(Line {
            text: trim(text, wide).to_owned(),
            wide,
            at,
        });
    }

    fn here_line(&mut self, state: &mut State, raw: &str) {
        let Some(here) = &mut state.here else { return };
        let Some(indent) = ends_here(raw, &here.end, state.wide) else {
            here.body.push(raw.to_owned());
            return;
        };
        let mut text = format!("{} {HERE}", here.name);
        if indent.is_empty() {
            text.push_str(&here.body.join("\n"));
        } else {
            for line in &here.body {
                text.push_str(line.strip_prefix(indent).unwrap_or(line));
                text.push('\n');
            }
        }
        let at = here.at;
        state.here = None;
        self.push(&text, state.wide, at);
    }

    /// `None` for a line inside a comment.
    fn without_c_comments<'t>(
        &mut self,
        state: &mut State,
        text: &'t str,
        at: Place,
    ) -> Option<Cow<'t, str>> {
        let mut text = Cow::Borrowed(text);
        if !text.contains("/*") && !text.contains("*/") {
            return state.comment.is_none().then_some(text);
        }
        if let Some((from, to)) = c_comment(&text) {
            let before = trim_end(&text[..from], state.wide);
            let after = trim_start(&text[to..], state.wide);
            let inside = !before.is_empty() && (before.len() == from || !after.is_empty());
            let kept = format!("{before}{after}");
            if inside && state.comment.is_none() && !before.contains('#') {
                let kept = kept.clone();
                self.note(Oddity::CommentInValue { kept }, at);
            }
            text = Cow::Owned(kept);
        } else if trim_start(&text, state.wide).starts_with("/*") {
            // "/*/" ends a comment and begins none; the line itself is read.
            let ends = trim_end(&text, state.wide).ends_with("*/");
            state.comment = (!ends).then_some(state.comment.unwrap_or(at));
        } else if let Some(end) = text.rfind("*/") {
            if state.comment.is_none() {
                self.note(Oddity::CommentNeverBegan, at);
            }
            state.comment = None;
            text = Cow::Owned(text[end + 2..].to_owned());
        }
        state.comment.is_none().then_some(text)
    }

    /// A `#` begins a comment wherever it is, unless a backslash stands in front of it.
    fn without_comment<'t>(&mut self, text: &'t str, at: Place) -> &'t str {
        let bytes = text.as_bytes();
        let starts = |at: &usize| bytes[*at] == b'#' && (*at == 0 || bytes[at - 1] != b'\\');
        let Some(hash) = (0..bytes.len()).find(starts) else {
            return text;
        };
        let (kept, cut) = text.split_at(hash);
        let last = kept.chars().next_back();
        let quoted = odd_quotes(kept);
        let glued = last.is_some_and(|c| !is_space(c, false) && c != '>');
        if quoted || glued {
            let (kept, cut) = (kept.to_owned(), cut.to_owned());
            self.note(Oddity::HashInValue { kept, cut, quoted }, at);
        }
        kept
    }

    /// `<x y/>` becomes `<x y>` and `</x>`; whatever stands in front of it stays there.
    fn empty_block(&mut self, state: &State, text: &str, at: Place) -> bool {
        let wide = state.wide;
        let ended = trim_end(text, wide);
        let Some(body) = ended.strip_suffix("/>") else {
            return false;
        };
        let opens = |(at, _): &(usize, &str)| {
            let inner = &body[at + 1..];
            !inner.is_empty() && !inner.starts_with('/')
        };
        let Some((open, _)) = body.match_indices('<').find(opens) else {
            return false;
        };
        let inner = &body[open + 1..];
        let word = inner.find(|c| is_space(c, wide)).unwrap_or(inner.len());
        let end = format!("</{}>", &inner[..word]);
        if !trim(&body[..open], wide).is_empty() {
            self.note(Oddity::EmptyBlockInValue, at);
        }
        if ended.len() == text.len() {
            self.push(&format!("{body}>"), wide, at);
        } else {
            self.note(Oddity::SlashKept, at);
            self.push(text, wide, at);
        }
        self.push(&end, wide, at);
        true
    }
}

/// Whether a double quote is open at the end of a text.
fn odd_quotes(text: &str) -> bool {
    let mut open = false;
    let mut before = ' ';
    for c in text.chars() {
        open ^= c == '"' && before != '\\';
        before = c;
    }
    open
}

/// The bytes of a comment that begins and ends on this line: from the first `/*` to the last `*/`.
fn c_comment(text: &str) -> Option<(usize, usize)> {
    let from = text.find("/*")?;
    let to = text.rfind("*/")?;
    (to >= from + 2).then_some((from, to + 2))
}

/// A line that ends with one backslash, without it.
fn continued(text: &str) -> Option<&str> {
    let part = text.strip_suffix('\\')?;
    (!part.ends_with('\\')).then_some(part)
}

/// `NAME = <<END` or `NAME <<END`.
fn here_document(text: &str, wide: bool) -> Option<(&str, &str)> {
    if !text.contains("<<") {
        return None;
    }
    with_equals(text, wide).or_else(|| with_blanks(text, wide))
}

fn with_equals(text: &str, wide: bool) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once('=')?;
    let end = trim_start(rest, wide).strip_prefix("<<")?;
    Some((captured(name, wide)?, captured(end, wide)?))
}

fn with_blanks(text: &str, wide: bool) -> Option<(&str, &str)> {
    let text = trim_start(text, wide);
    let blank = text.find(|c| is_space(c, wide))?;
    let (name, rest) = text.split_at(blank);
    let end = trim_start(rest, wide).strip_prefix("<<")?;
    Some((name, captured(end, wide)?))
}

/// The indentation of the line that ends a here-document, if this is it.
fn ends_here<'t>(text: &'t str, end: &str, wide: bool) -> Option<&'t str> {
    let blanks = text.len() - trim_start(text, wide).len();
    let mut starts: Vec<usize> = text[..blanks].char_indices().map(|(at, _)| at).collect();
    starts.push(blanks);
    let is_end = |at: &&usize| {
        text[**at..]
            .strip_prefix(end)
            .is_some_and(|rest| trim(rest, wide).is_empty())
    };
    starts.iter().rev().find(is_end).map(|at| &text[..*at])
}
