//! The marks that the reader looks for in a line: quotes, comments, backslashes, here-documents.

use super::text::{captured, is_space, trim, trim_start};

/// Whether a double quote is open at the end of a text.
pub(super) fn odd_quotes(text: &str) -> bool {
    let mut open = false;
    let mut before = ' ';
    for c in text.chars() {
        open ^= c == '"' && before != '\\';
        before = c;
    }
    open
}

/// The bytes of a comment that begins and ends on this line: from the first `/*` to the last `*/`.
pub(super) fn c_comment(text: &str) -> Option<(usize, usize)> {
    let from = text.find("/*")?;
    let to = text.rfind("*/")?;
    (to >= from + 2).then_some((from, to + 2))
}

/// A line that ends with one backslash, without it.
pub(super) fn continued(text: &str) -> Option<&str> {
    let part = text.strip_suffix('\\')?;
    (!part.ends_with('\\')).then_some(part)
}

/// `NAME = <<END` or `NAME <<END`.
pub(super) fn here_document(text: &str, wide: bool) -> Option<(&str, &str)> {
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
pub(super) fn ends_here<'t>(text: &'t str, end: &str, wide: bool) -> Option<&'t str> {
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
