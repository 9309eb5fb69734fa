//! File name patterns as Perl's `bsd_glob` has them with `GLOB_BRACE | GLOB_QUOTE`: braces, backslashes, sorted matches,
//! and nothing at all when nothing matches.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::files::Files;

/// A character of a pattern; one behind a backslash has no special meaning.
type Char = (u8, bool);

/// Alternatives in braces multiply; nobody means so many.
const MOST: usize = 10_000;

/// The paths that match, sorted within each alternative of the braces.
pub(super) fn glob(files: &dyn Files, pattern: &Path) -> Vec<PathBuf> {
    let mut alternatives = Vec::new();
    expand(&unquote(pattern.as_os_str().as_bytes()), &mut alternatives);
    let mut found = Vec::new();
    for alternative in &alternatives {
        let mut these = Vec::new();
        walk(files, Vec::new(), &compile(alternative), &mut these);
        these.sort_unstable();
        found.extend(these);
    }
    let path = |bytes| PathBuf::from(OsString::from_vec(bytes));
    found.into_iter().map(path).collect()
}

fn unquote(pattern: &[u8]) -> Vec<Char> {
    let mut chars = Vec::with_capacity(pattern.len());
    let mut bytes = pattern.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'\\' {
            chars.push((bytes.next().copied().unwrap_or(b'\\'), true));
        } else {
            chars.push((*byte, false));
        }
    }
    chars
}

const OPEN: Char = (b'{', false);
const CLOSE: Char = (b'}', false);
const COMMA: Char = (b',', false);
const SET: Char = (b'[', false);
const SET_END: Char = (b']', false);

/// The patterns that braces stand for, in order.
fn expand(pattern: &[Char], all: &mut Vec<Vec<Char>>) {
    let open = pattern.iter().position(|c| *c == OPEN);
    let open = open.filter(|_| pattern != [OPEN, CLOSE] && all.len() < MOST);
    let Some(open) = open else {
        all.push(pattern.to_vec());
        return;
    };
    let Some((close, commas)) = balanced(pattern, open) else {
        // Without its other half a brace hides everything from itself on: so it is there.
        all.push(pattern[..open].to_vec());
        return;
    };
    let mut from = open + 1;
    for to in commas.into_iter().chain([close]) {
        let one = [&pattern[..open], &pattern[from..to], &pattern[close + 1..]].concat();
        expand(&one, all);
        from = to + 1;
    }
}

/// Where the brace that is open at `open` is closed, and the commas at its level.
fn balanced(pattern: &[Char], open: usize) -> Option<(usize, Vec<usize>)> {
    let mut commas = Vec::new();
    let mut depth = 0_usize;
    let mut at = open + 1;
    while at < pattern.len() {
        match pattern[at] {
            SET => {
                let end = pattern[at..].iter().position(|c| *c == SET_END);
                at += end.unwrap_or(0);
            }
            OPEN => depth += 1,
            CLOSE if depth == 0 => return Some((at, commas)),
            CLOSE => depth -= 1,
            COMMA if depth == 0 => commas.push(at),
            _ => {}
        }
        at += 1;
    }
    None
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Byte(u8),
    One,
    Any,
    Set(bool, Vec<(u8, u8)>),
}

fn compile(pattern: &[Char]) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(pattern.len());
    let mut at = 0;
    while let Some(c) = pattern.get(at) {
        at += 1;
        match *c {
            (b'?', false) => tokens.push(Token::One),
            (b'*', false) if tokens.last() == Some(&Token::Any) => {}
            (b'*', false) => tokens.push(Token::Any),
            SET => match set(&pattern[at..]) {
                Some((token, length)) => {
                    tokens.push(token);
                    at += length;
                }
                None => tokens.push(Token::Byte(b'[')),
            },
            (byte, _) => tokens.push(Token::Byte(byte)),
        }
    }
    tokens
}

/// What follows a `[`, with its length; `None` if no `]` ends it. A `]` that comes first is a member.
fn set(pattern: &[Char]) -> Option<(Token, usize)> {
    let negated = pattern.first() == Some(&(b'!', false));
    let mut at = usize::from(negated);
    let end = pattern.get(at + 1..)?.iter().position(|c| *c == SET_END)?;
    let end = end + at + 1;
    let mut ranges = Vec::new();
    while at < end {
        let low = pattern[at].0;
        let mut high = low;
        at += 1;
        if pattern[at] == (b'-', false) && pattern.get(at + 1).is_some_and(|c| *c != SET_END) {
            high = pattern[at + 1].0;
            at += 2;
        }
        ranges.push((low, high));
    }
    Some((Token::Set(negated, ranges), at + 1))
}

/// Follows the pattern segment by segment.
fn walk(files: &dyn Files, mut base: Vec<u8>, mut pattern: &[Token], found: &mut Vec<Vec<u8>>) {
    const SLASH: Token = Token::Byte(b'/');
    loop {
        if pattern.is_empty() {
            if files.is_named(Path::new(OsStr::from_bytes(&base))) {
                found.push(base);
            }
            return;
        }
        let end = pattern.iter().position(|token| *token == SLASH);
        let (segment, rest) = pattern.split_at(end.unwrap_or(pattern.len()));
        let plain: Option<Vec<u8>> = segment.iter().map(byte).collect();
        let Some(plain) = plain else {
            return walk_directory(files, &base, segment, rest, found);
        };
        base.extend(plain);
        let slashes = rest.iter().take_while(|token| **token == SLASH).count();
        base.extend(std::iter::repeat_n(b'/', slashes));
        pattern = &rest[slashes..];
    }
}

const fn byte(token: &Token) -> Option<u8> {
    match token {
        Token::Byte(byte) => Some(*byte),
        _ => None,
    }
}

fn walk_directory(
    files: &dyn Files,
    base: &[u8],
    segment: &[Token],
    rest: &[Token],
    found: &mut Vec<Vec<u8>>,
) {
    let directory = if base.is_empty() { b"." } else { base };
    let Ok(names) = files.list(Path::new(OsStr::from_bytes(directory))) else {
        return;
    };
    // A real directory also has these two.
    let names = names.iter().map(|name| name.as_bytes());
    for name in names.chain([b".".as_slice(), b".."]) {
        let hidden = name.starts_with(b".") && segment.first() != Some(&Token::Byte(b'.'));
        if !hidden && matches(segment, name) {
            walk(files, [base, name].concat(), rest, found);
        }
    }
}

/// Whether a name matches; `*` is tried again from its last place only, so that no pattern takes for ever.
fn matches(pattern: &[Token], name: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < name.len() {
        let taken = pattern.get(at).is_some_and(|token| match token {
            Token::Byte(byte) => *byte == name[seen],
            Token::One => true,
            Token::Any => false,
            Token::Set(negated, ranges) => {
                let inside = |(low, high): &(u8, u8)| (*low..=*high).contains(&name[seen]);
                ranges.iter().any(inside) != *negated
            }
        });
        if taken {
            (at, seen) = (at + 1, seen + 1);
        } else if pattern.get(at) == Some(&Token::Any) {
            star = Some((at, seen));
            at += 1;
        } else if let Some((star_at, from)) = star {
            star = Some((star_at, from + 1));
            (at, seen) = (star_at + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|token| *token == Token::Any)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alternatives(pattern: &str) -> Vec<String> {
        let mut all = Vec::new();
        expand(&unquote(pattern.as_bytes()), &mut all);
        let text = |one: &Vec<Char>| one.iter().map(|c| char::from(c.0)).collect();
        all.iter().map(text).collect()
    }

    #[test]
    fn braces() {
        assert_eq!(alternatives("a{b,c{d,e}}f"), ["abf", "acdf", "acef"]);
        assert_eq!(alternatives("{}"), ["{}"]);
        assert_eq!(alternatives("x{a"), ["x"]);
        assert_eq!(alternatives(r"x\{a"), ["x{a"]);
        assert_eq!(alternatives("{[,],b}"), ["[,]", "b"]);
    }

    #[test]
    fn names() {
        let cases = [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf~", false),
            ("[a-c]?", "bx", true),
            ("[!a-c]", "b", false),
            ("[]]", "]", true),
            ("[x", "[x", true),
            ("a**b*", "aXbY", true),
            (r"\*", "*", true),
            (r"\*", "x", false),
        ];
        for (pattern, name, expected) in cases {
            let pattern_ = compile(&unquote(pattern.as_bytes()));
            assert_eq!(
                matches(&pattern_, name.as_bytes()),
                expected,
                "{pattern} {name}"
            );
        }
    }
}
