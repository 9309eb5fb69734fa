//! Logical lines to the tree of options and blocks.

use std::ops::Range;

use super::Died;
use super::lines::{HERE, Line, LineId};
use super::oddity::{Odd, Oddity};
use super::text::{is_space, is_true, show, split_option, trim_end, trim_start, unescape, unquote};
use super::tree::{Map, Value};

/// Blocks inside blocks, so many deep. Config::General goes on until memory ends.
const DEEPEST: usize = 200;

/// Makes the tree.
pub(super) fn parse(lines: &[Line], odd: &mut Vec<Odd>) -> Result<Map, Died> {
    let mut parser = Parser {
        lines,
        odd,
        depth: 0,
    };
    let whole = parser.read_into(Value::Block(Map::default()), 0..lines.len())?;
    match whole {
        Value::Block(map) => Ok(map),
        _ => Ok(Map::default()),
    }
}

struct Parser<'a> {
    lines: &'a [Line],
    odd: &'a mut Vec<Odd>,
    depth: usize,
}

/// A block whose end has not come yet. The names are `None` where Perl has no value: a quoted "0" is such a case.
#[derive(Default)]
struct Open {
    block: Option<String>,
    name: Option<String>,
    line: usize,
    depth: usize,
}

impl Parser<'_> {
    /// Reads lines into a value that is there already, which need not be a block.
    fn read_into(&mut self, base: Value, range: Range<usize>) -> Result<Value, Died> {
        self.depth += 1;
        if self.depth > DEEPEST {
            let why = format!("more than {DEEPEST} blocks inside each other");
            return Err(self.died(range.start, why));
        }
        let mut base = base;
        let mut open = Open::default();
        for at in range {
            self.line(&mut base, &mut open, at)?;
        }
        if let Some(block) = open.block.filter(|block| is_true(block)) {
            let why = format!("the block <{}> is never closed", show(&block));
            return Err(self.died(open.line, why));
        }
        self.depth -= 1;
        Ok(base)
    }

    fn died(&self, line: usize, why: impl Into<String>) -> Died {
        Died::new(self.lines.get(line).map(|line| line.at), why)
    }

    fn line(&mut self, base: &mut Value, open: &mut Open, at: usize) -> Result<(), Died> {
        let line = &self.lines[at];
        let starts = start_tag(&line.text);
        let ends = end_tag(&line.text);
        if open.block.is_none() {
            if let Some(inner) = starts {
                let (block, name) = block_names(inner, line.wide);
                open.block = block;
                // Without a name of its own it may get that of a block before it whose kind was lost.
                open.name = name.unwrap_or_else(|| open.name.take());
                open.line = at;
            } else if let Some(tag) = ends {
                let why = format!("</{}> closes a block that was never opened", show(tag));
                return Err(self.died(at, why));
            } else {
                let map = self.block_of(base, at)?;
                add_option(map, line, LineId(at));
            }
        } else if starts.is_some() {
            open.depth += 1;
        } else if let Some(tag) = ends {
            if open.depth > 0 {
                open.depth -= 1;
            } else {
                self.note_end(open, tag, at);
                self.close(base, std::mem::take(open), at)?;
            }
        }
        Ok(())
    }

    /// The block that a value must be. What has no value yet becomes one.
    fn block_of<'v>(&self, value: &'v mut Value, at: usize) -> Result<&'v mut Map, Died> {
        if matches!(value, Value::Undef(_)) {
            *value = Value::Block(Map::default());
        }
        match value {
            Value::Block(map) => Ok(map),
            _ => Err(self.died(at, "this stands in a block whose name is an option, too")),
        }
    }

    fn note_end(&mut self, open: &Open, tag: &str, at: usize) {
        let (opened, closed) = (self.lines[open.line].at, self.lines[at].at);
        let block = open.block.clone().unwrap_or_default();
        if opened.file != closed.file {
            let what = Oddity::BlockCrossesFiles {
                opened: LineId(open.line),
            };
            self.odd.push(Odd { what, at: closed });
        } else if tag != block {
            let what = Oddity::ClosedByOther {
                opened: LineId(open.line),
                block,
                tag: tag.to_owned(),
            };
            self.odd.push(Odd { what, at: closed });
        }
    }

    /// Puts a block that is complete where it belongs: into the block of its name, if there is one.
    fn close(&mut self, base: &mut Value, open: Open, at: usize) -> Result<(), Died> {
        let inside = open.line + 1..at;
        let block = open.block.unwrap_or_default();
        let map = self.block_of(base, at)?;
        if let Some(Value::Undef(_) | Value::Text(..)) = map.get(&block) {
            let why = format!("<{}> is an option already", show(&block));
            return Err(self.died(open.line, why));
        }
        let Some(name) = open.name else {
            let merged = self.merged(map.entries.remove(&block), open.line, inside)?;
            map.entries.insert(block, merged);
            return Ok(());
        };
        let why = format!("<{} …> stands beside plain lines of its name", show(&block));
        let entry = map.entries.entry(block);
        let Value::Block(named) = entry.or_insert_with(|| Value::Block(Map::default())) else {
            return Err(self.died(open.line, why));
        };
        let merged = self.merged(named.entries.remove(&name), open.line, inside)?;
        named.entries.insert(name, merged);
        Ok(())
    }

    fn merged(
        &mut self,
        there: Option<Value>,
        line: usize,
        inside: Range<usize>,
    ) -> Result<Value, Died> {
        let there = there.unwrap_or_else(|| Value::Block(Map::default()));
        let mut merged = self.read_into(there, inside)?;
        if let Value::Block(map) = &mut merged {
            map.opened.push(LineId(line));
        }
        Ok(merged)
    }
}

fn add_option(map: &mut Map, line: &Line, at: LineId) {
    let (option, value) = option_of(line);
    let value = value.map_or(Value::Undef(at), |value| {
        Value::Text(unescape(unquote(value)).into_owned(), at)
    });
    match map.entries.get_mut(option) {
        None => {
            map.entries.insert(option.to_owned(), value);
        }
        Some(Value::Array(values)) => values.push(value),
        Some(there) => {
            let first = std::mem::replace(there, Value::Undef(at));
            *there = Value::Array(vec![first, value]);
        }
    }
}

/// The name of an option and its value, before quotes and backslashes are taken off.
pub(crate) fn option_of(line: &Line) -> (&str, Option<&str>) {
    match line.text.split_once(HERE) {
        Some((name, text)) => (trim_end(name, line.wide), Some(trim_start(text, line.wide))),
        None => split_option(&line.text, line.wide),
    }
}

/// What stands in `<…>`, unless it is an end tag. A line end may stand only in front of the first slash.
fn start_tag(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('<')?.strip_suffix('>')?;
    let slash = inner.find('/').unwrap_or(inner.len());
    let fits = !inner.is_empty() && slash > 0 && inner.rfind('\n').is_none_or(|end| end < slash);
    fits.then_some(inner)
}

/// What stands in `</…>`.
fn end_tag(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("</")?.strip_suffix('>')?;
    (!inner.is_empty() && !inner.contains('\n')).then_some(inner)
}

/// The kind in a start tag, and the name if one was looked for. Both may be quoted; without quotes blanks belong to the name.
fn block_names(inner: &str, wide: bool) -> (Option<String>, Option<Option<String>>) {
    if let Some(whole) = quoted(inner) {
        return (Some(whole.to_owned()), None);
    }
    let Some((block, rest)) = first_word(inner, wide) else {
        return (Some(inner.to_owned()), None);
    };
    let name = rest.and_then(|rest| {
        let name = trim_start(rest, wide);
        match quoted(name) {
            Some(name) => is_true(name).then(|| name.to_owned()),
            None => Some(name.to_owned()),
        }
    });
    (block, Some(name))
}

/// The kind of a block, and what follows it; `None` if there is no telling them apart.
fn first_word(inner: &str, wide: bool) -> Option<(Option<String>, Option<&str>)> {
    let ends_well = |rest: &str| {
        let blank = rest.starts_with(|c| is_space(c, wide));
        rest.is_empty() || (blank && !trim_start(rest, wide).contains('\n'))
    };
    if let Some((word, rest)) = inner.strip_prefix('"').and_then(|s| s.split_once('"'))
        && !word.is_empty()
        && ends_well(rest)
    {
        let word = is_true(word).then(|| word.to_owned());
        return Some((word, (!rest.is_empty()).then_some(rest)));
    }
    let end = inner.find(|c| is_space(c, wide)).unwrap_or(inner.len());
    let (word, rest) = inner.split_at(end);
    (end > 0 && ends_well(rest))
        .then(|| (Some(word.to_owned()), (!rest.is_empty()).then_some(rest)))
}

/// A text that is one pair of quotes with something in it.
fn quoted(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    (!inner.is_empty() && !inner.contains('"')).then_some(inner)
}
