//! Files to logical lines: comments, here-documents, continued lines, empty blocks, includes.
//!
//! The order of the steps is what makes the traps: a comment ends a value inside quotes, because quotes are looked at much
//! later, and only round a whole value (facts 1.1).

use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::files::Files;
use super::lines::{BOM, HERE, Line, Lines, Place, Source};
use super::marks::{c_comment, continued, ends_here, here_document, odd_quotes};
use super::oddity::{Odd, Oddity};
use super::text::{decode, is_space, is_true, trim, trim_end, trim_start};
use super::{Died, include};

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
        let taken = continue_line(state, text, at)
            || self.empty_block(state, text, at)
            || self.begin_here(state, text, at)
            || self.end_long(state, text, at);
        if taken || trim(text, state.wide).is_empty() {
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

    fn begin_here(&mut self, state: &mut State, text: &str, at: Place) -> bool {
        let Some((name, end)) = here_document(text, state.wide) else {
            return false;
        };
        self.note(Oddity::HereDocument, at);
        // A here-document called 0 is taken for none: so the script says.
        state.here = is_true(name).then(|| Here {
            name: name.to_owned(),
            end: end.to_owned(),
            body: Vec::new(),
            at,
        });
        true
    }

    /// The last part of a continued line.
    fn end_long(&mut self, state: &mut State, text: &str, at: Place) -> bool {
        if !is_true(&state.long) {
            return false;
        }
        let long = std::mem::take(&mut state.long) + trim_start(text, state.wide);
        let from = state.long_at.take().unwrap_or(at);
        self.push(&long, state.wide, from);
        true
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

/// Keeps a line that ends with a backslash for the next one.
fn continue_line(state: &mut State, text: &str, at: Place) -> bool {
    let Some(part) = continued(text) else {
        return false;
    };
    if !is_true(&state.long) {
        state.long_at = Some(at);
    }
    state.long.push_str(trim_start(part, state.wide));
    true
}
