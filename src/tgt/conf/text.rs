//! Text as Perl sees it.
//!
//! A file is read as bytes, and a byte is a character: so a line becomes a `String` whose characters are U+0000 to U+00FF.
//! Only a file that begins with a UTF-8 byte order mark is read as UTF-8; such a line is `wide`, and more characters
//! count as blanks in it.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The bytes of a line as characters.
pub fn decode(bytes: &[u8], wide: bool) -> String {
    if wide || bytes.is_ascii() {
        String::from_utf8_lossy(bytes).into_owned()
    } else {
        bytes.iter().map(|byte| char::from(*byte)).collect()
    }
}

/// The bytes that Perl prints for a text: one per character, unless one of them does not fit.
pub fn encode(text: &str) -> Cow<'_, [u8]> {
    if text.is_ascii() {
        return Cow::Borrowed(text.as_bytes());
    }
    let bytes: Result<Vec<u8>, _> = text.chars().map(|c| u8::try_from(u32::from(c))).collect();
    bytes.map_or_else(|_| Cow::Borrowed(text.as_bytes()), Cow::Owned)
}

/// A text for people: bytes that are UTF-8 are shown as what they mean.
pub fn show(text: &str) -> String {
    String::from_utf8_lossy(&encode(text)).into_owned()
}

/// The path that a text names.
pub fn to_path(text: &str, wide: bool) -> PathBuf {
    let bytes = if wide {
        Cow::Borrowed(text.as_bytes())
    } else {
        encode(text)
    };
    Path::new(OsStr::from_bytes(&bytes)).to_path_buf()
}

/// What `\s` matches.
pub const fn is_space(c: char, wide: bool) -> bool {
    match c {
        '\t' | '\n' | '\x0b' | '\x0c' | '\r' | ' ' => true,
        _ => wide && !c.is_ascii() && c.is_whitespace(),
    }
}

/// Without the blanks in front.
pub fn trim_start(text: &str, wide: bool) -> &str {
    text.trim_start_matches(|c| is_space(c, wide))
}

/// Without the blanks at the end.
pub fn trim_end(text: &str, wide: bool) -> &str {
    text.trim_end_matches(|c| is_space(c, wide))
}

/// Without the blanks at both ends.
pub fn trim(text: &str, wide: bool) -> &str {
    trim_end(trim_start(text, wide), wide)
}

/// What `\s*(.+?)\s*$` captures: the text without blanks around it, or the last blank if there is nothing else.
pub fn captured(text: &str, wide: bool) -> Option<&str> {
    let inner = trim(text, wide);
    if inner.is_empty() {
        let last = text.char_indices().next_back()?.0;
        return Some(&text[last..]);
    }
    Some(inner)
}

/// What Perl takes for true.
pub fn is_true(text: &str) -> bool {
    !matches!(text, "" | "0")
}

/// Splits at the first `=` (with blanks around it) or the first blanks: `a = b`, `a=b`, `a b`. `None` when there is neither.
pub fn split_option(text: &str, wide: bool) -> (&str, Option<&str>) {
    let Some(at) = text.find(|c| c == '=' || is_space(c, wide)) else {
        return (text, None);
    };
    let (option, rest) = text.split_at(at);
    let rest = trim_start(rest, wide);
    let value = match rest.strip_prefix('=') {
        Some(value) => trim_start(value, wide),
        None => rest,
    };
    (option, Some(value))
}

/// The length of a pair of quotes that is taken off: 1 if the value begins and ends with one.
pub fn unquote(value: &str) -> &str {
    if !(value.starts_with('"') && value.ends_with('"')) {
        return value;
    }
    let inner = &value[1..];
    inner.strip_suffix('"').unwrap_or(inner)
}

/// `\$`, `\\`, `\"` and `\#` lose their backslash.
pub fn unescape(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut plain = String::with_capacity(value.len());
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(next @ ('$' | '\\' | '"' | '#')) if c == '\\' => {
                plain.push(*next);
                chars.next();
            }
            _ => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_split_at_the_first_blank_or_equals_sign() {
        let cases = [
            ("a b=c", ("a", Some("b=c"))),
            ("a = b", ("a", Some("b"))),
            ("a=b c", ("a", Some("b c"))),
            ("a  =  ", ("a", Some(""))),
            ("=b", ("", Some("b"))),
            ("a", ("a", None)),
            ("a = = b", ("a", Some("= b"))),
            ("", ("", None)),
        ];
        for (text, expected) in cases {
            assert_eq!(split_option(text, false), expected, "{text:?}");
        }
    }

    #[test]
    fn quotes_and_backslashes() {
        assert_eq!(unquote("\"a b\""), "a b");
        assert_eq!(unquote("\""), "");
        assert_eq!(unquote("\"a"), "\"a");
        assert_eq!(unescape(r"a\$b\\c\#\d\"), r"a$b\c#\d\");
        assert_eq!(captured("  x y ", false), Some("x y"));
        assert_eq!(captured("\t ", false), Some(" "));
        assert_eq!(captured("", false), None);
    }

    #[test]
    fn bytes_survive() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(*encode(&decode(&bytes, false)), *bytes);
        assert_eq!(show(&decode("ä".as_bytes(), false)), "ä");
    }
}
