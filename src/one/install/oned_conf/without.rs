//! oned.conf without what the installer put there, wherever that stands by now.

use std::ops::Range;

use super::{ACCESS_ATTRIBUTES, CACHE_ATTRIBUTES, LISTS, MADE_BY, NAME, REGISTERED, list_words};
use crate::Result;
use crate::one::install::conf::{Attribute, parse};

/// A part of the file that goes, and what it is.
type Cut = (Range<usize>, String);

/// The file without it, and what that was.
///
/// # Errors
/// [`Kind::Config`](crate::Kind::Config) for a file that is not understood.
pub fn without(text: &str) -> Result<(String, Vec<String>)> {
    let all = parse(text)?;
    let mut cuts: Vec<Cut> = Vec::new();
    for (daemon, option, who) in LISTS {
        cuts.extend(word(&all, daemon, option, who));
    }
    cuts.extend(attributes(text, &all));
    let what = cuts.iter().map(|(_, what)| what.clone()).collect();
    cuts.extend(headings(text).map(|at| (at, String::new())));
    // From the end, so that places before stay what they are.
    cuts.sort_by_key(|(at, _)| std::cmp::Reverse(at.start));
    let mut left = text.to_owned();
    for (at, _) in cuts {
        left.replace_range(at, "");
    }
    Ok((left, what))
}

/// The driver's name in a list. One that is alone there stays: without it the daemon would take any driver.
fn word(all: &[Attribute], daemon: &str, option: &str, who: &str) -> Option<Cut> {
    let mut known = all.iter().filter(|one| one.name == daemon);
    let arguments = known.find_map(|one| one.element("ARGUMENTS"))?;
    let (at, list) = list_words(&arguments.text, option)?;
    let mut from = arguments.at.start + at;
    let words: Vec<&str> = list.split(',').collect();
    let ours = words.iter().position(|word| *word == NAME)?;
    from += words
        .iter()
        .take(ours)
        .map(|word| word.len() + 1)
        .sum::<usize>();
    let cut = match (ours, words.len()) {
        (_, 1) => return None,
        (0, _) => from..from + NAME.len() + 1,
        _ => from - 1..from + NAME.len(),
    };
    Some((
        cut,
        format!("{NAME} in the list of {who} ({daemon}, {option})"),
    ))
}

/// The attributes that are about the driver, and those that the installer made beside them: what the file had of these before
/// stands elsewhere.
fn attributes(text: &str, all: &[Attribute]) -> Vec<Cut> {
    let mut cuts = Vec::new();
    let (mut end, mut in_part) = (0, false);
    for one in all {
        let gap = text.get(end..one.at.start).unwrap_or_default();
        let begins = gap.lines().any(|line| line.trim() == MADE_BY);
        let goes_on = in_part && gap.trim().is_empty();
        let access = registers(one, &ACCESS_ATTRIBUTES);
        in_part = (begins || goes_on) && (is_about_us(one) || access);
        if in_part || is_about_us(one) {
            let what = one.single().map_or_else(
                || format!("{} of {NAME}", one.name),
                |value| format!("{value} ({})", one.name),
            );
            cuts.push((whole_line(text, &one.at), what));
        }
        end = one.at.end;
    }
    cuts
}

fn is_about_us(one: &Attribute) -> bool {
    match one.name.as_str() {
        "TM_MAD_CONF" | "DS_MAD_CONF" => one.element("NAME").is_some_and(|name| name.text == NAME),
        _ => registers(one, &CACHE_ATTRIBUTES),
    }
}

/// Whether it registers one of these names.
fn registers(one: &Attribute, names: &[&str]) -> bool {
    let known = REGISTERED
        .iter()
        .find(|(attribute, ..)| *attribute == one.name);
    let name = known.and_then(|(_, prefix, _)| one.single()?.strip_prefix(prefix));
    name.is_some_and(|name| names.contains(&name))
}

/// The lines that say who made what follows, with the empty ones before them.
fn headings(text: &str) -> impl Iterator<Item = Range<usize>> {
    let lines = text.split_inclusive('\n').scan(0, |end, line| {
        let start = *end;
        *end += line.len();
        Some((start, line))
    });
    lines
        .filter(|(_, line)| line.trim() == MADE_BY)
        .map(|(start, line)| {
            let before = text.get(..start).unwrap_or_default();
            let gap = usize::from(before.ends_with("\n\n"));
            start - gap..start + line.len()
        })
}

/// A place with the rest of its lines, unless there is something else.
fn whole_line(text: &str, at: &Range<usize>) -> Range<usize> {
    let before = text.get(..at.start).unwrap_or_default();
    let after = text.get(at.end..).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let len = after.find('\n').map_or(after.len(), |end| end + 1);
    let blank = |part: Option<&str>| part.is_some_and(|part| part.trim().is_empty());
    match blank(before.get(start..)) && blank(after.get(..len)) {
        true => start..at.end + len,
        false => at.clone(),
    }
}
