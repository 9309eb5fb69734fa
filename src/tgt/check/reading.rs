//! What was odd while the files were read.

use super::finding::Rule;
use super::look::Look;
use super::words::{self, Scope};
use crate::tgt::conf::lines::Place;
use crate::tgt::conf::plan::{self, Run, Stop};
use crate::tgt::conf::{Odd, Oddity, show};

pub(super) fn look(look: &mut Look<'_>) {
    for odd in &look.conf.oddities {
        match &odd.what {
            Oddity::HashInValue { .. } | Oddity::CommentInValue { .. } => in_value(look, odd),
            Oddity::CommentNeverEnds | Oddity::CommentNeverBegan => comment(look, odd),
            Oddity::HereDocument
            | Oddity::HereDocumentNeverEnds { .. }
            | Oddity::ContinuedIntoNothing
            | Oddity::Swallowed => lines(look, odd),
            Oddity::SlashKept | Oddity::EmptyBlockInValue => short_block(look, odd),
            Oddity::ClosedByOther { .. } | Oddity::BlockCrossesFiles { .. } => closing(look, odd),
            _ => include(look, odd),
        }
    }
    stop(look);
}

fn in_value(look: &mut Look<'_>, odd: &Odd) {
    let raw = look.conf.lines.raw(odd.at).into_owned();
    match &odd.what {
        Oddity::HashInValue { quoted, cut, .. } => {
            let how = if *quoted {
                "quotes do not protect it, and the opening quote stays"
            } else {
                "no blank is needed in front of it"
            };
            let message = format!("\"#\" begins a comment here and cuts the value: {how}");
            let cut = show(cut);
            let escaped = raw.replacen(cut.trim_end(), &format!("\\{}", cut.trim_end()), 1);
            look.danger(Rule::Comment, odd.at, message).mended(escaped);
        }
        _ => {
            let message =
                "\"/* … */\" is cut out of the middle of a value, with the blanks around it";
            look.danger(Rule::Comment, odd.at, message);
        }
    }
}

fn comment(look: &mut Look<'_>, odd: &Odd) {
    if odd.what == Oddity::CommentNeverEnds {
        let message = "this comment is never closed: the rest of the file is not read";
        look.danger(Rule::Comment, odd.at, message)
            .mended("/* … */");
    } else {
        let message = "\"*/\" ends a comment that never began: what stands in front of it is lost";
        look.warn(Rule::Comment, odd.at, message);
    }
}

fn lines(look: &mut Look<'_>, odd: &Odd) {
    match &odd.what {
        Oddity::HereDocumentNeverEnds { end } => {
            let message = format!(
                "no line \"{}\" ends this: it and the rest of the file are lost without a word",
                show(end)
            );
            look.danger(Rule::HereDocument, odd.at, message);
        }
        Oddity::HereDocument => {
            let message = "a here-document: it is read, but hardly anybody expects one here";
            look.note(Rule::HereDocument, odd.at, message);
        }
        Oddity::ContinuedIntoNothing => {
            let message = "the file ends after a backslash: this line is lost";
            look.danger(Rule::LineLost, odd.at, message);
        }
        _ => swallowed(look, odd.at),
    }
}

/// A line that follows a backslash is part of the value; that is wrong if it looks like an option or a tag.
fn swallowed(look: &mut Look<'_>, at: Place) {
    let raw = look.conf.lines.raw(at).trim().to_owned();
    let first = raw.split([' ', '\t', '=']).next().unwrap_or_default();
    let known = Scope::ALL
        .iter()
        .any(|scope| words::is_known(first, *scope));
    if known || raw.starts_with('<') {
        let message = "the line before ends with a backslash, so this one is part of its value";
        look.danger(Rule::LineLost, at, message);
    }
}

fn short_block(look: &mut Look<'_>, odd: &Odd) {
    if odd.what == Oddity::SlashKept {
        let message =
            "a blank or carriage return behind \"/>\": the slash becomes part of the name";
        let line = look.conf.lines.raw(odd.at).trim().replace("/>", ">");
        let word = line.trim_start_matches('<').split([' ', '\t', '>']).next();
        let end = format!("</{}>", word.unwrap_or_default());
        look.danger(Rule::ShortBlock, odd.at, message)
            .mended(format!("{line}\n{end}"));
    } else {
        let message = "\"/>\" at the end makes a closing tag, which closes the block around it";
        look.danger(Rule::ShortBlock, odd.at, message);
    }
}

fn closing(look: &mut Look<'_>, odd: &Odd) {
    match &odd.what {
        Oddity::ClosedByOther { block, tag, opened } => {
            let line = look.conf.lines.place(*opened).map_or(0, |at| at.line);
            let message = format!(
                "</{}> closes <{}> of line {line}: the name in a closing tag is not looked at",
                show(tag),
                show(block)
            );
            let end = format!("</{}>", show(block));
            look.warn(Rule::ClosingTag, odd.at, message).mended(end);
        }
        Oddity::BlockCrossesFiles { opened } => {
            let lines = &look.conf.lines;
            let from = lines.place(*opened).unwrap_or(odd.at);
            let message = format!(
                "this closes a block of another file ({} line {}): all between them is one block",
                lines.path(from).display(),
                from.line
            );
            look.danger(Rule::ClosingTag, odd.at, message);
        }
        _ => {}
    }
}

fn include(look: &mut Look<'_>, odd: &Odd) {
    match &odd.what {
        Oddity::IncludesNothing { pattern } => {
            let message = format!("no file matches {pattern}; nobody is told");
            look.note(Rule::Include, odd.at, message);
        }
        Oddity::IncludedAgain { path } => {
            let message = format!(
                "{} was read before and is not read again: what it would give is missing here",
                path.display()
            );
            look.danger(Rule::IncludedAgain, odd.at, message);
        }
        Oddity::IncludesDirectory { path } => {
            let message = "every file in the directory is read, backups and hidden files too";
            let line = format!("include {}/*.conf", path.display()).replace("//", "/");
            look.warn(Rule::Include, odd.at, message).mended(line);
        }
        Oddity::IncludesBackup { path } => {
            let message = format!(
                "{} looks like a backup, and is read: its targets are merged with the others",
                path.display()
            );
            look.danger(Rule::Include, odd.at, message);
        }
        Oddity::SkipsDangling { path } => {
            let message = format!("{} is a link to nothing; it is passed over", path.display());
            look.warn(Rule::Include, odd.at, message);
        }
        Oddity::IncludesRelative { path } => {
            let message = format!(
                "{path} is looked for where tgt-admin is started, and only then beside the main file"
            );
            look.note(Rule::Include, odd.at, message);
        }
        _ => {}
    }
}

fn stop(look: &mut Look<'_>) {
    if let Some(stop) = &look.plan.stop {
        let how = match stop {
            Stop::Refused { .. } => "refuses this and ends with exit code 1",
            Stop::Died { .. } => "dies of this",
        };
        let message = format!("{}. tgt-admin {how}; {}", stop.why(), missing(look));
        look.danger(Rule::Stops, stop.at(), message);
        return;
    }
    let update = plan::plan(look.conf, look.files, Run::UpdateAll, None);
    if let Some(stop) = update.stop {
        let why = stop.why();
        let message = format!(
            "{why}: \"tgt-admin --update ALL\" (a reload) stops at the second target, because every target sets it anew"
        );
        look.warn(Rule::UpdateStops, stop.at(), message);
    }
}

/// Which targets are not there when it stops.
fn missing(look: &Look<'_>) -> String {
    let made = look.plan.targets.len();
    if look.conf.tree.is_err() {
        return "it does nothing at all: no target of any file is made".into();
    }
    let half = look.plan.targets.last().map(|target| show(&target.name));
    let rest: Vec<_> = look
        .targets()
        .skip(made)
        .map(|(name, _)| show(name))
        .collect();
    let half = half.map_or_else(String::new, |name| format!("{name} stays half made, "));
    match rest.as_slice() {
        [] => format!("{half}no further target is missing"),
        [first, ..] => format!("{half}{} targets are not made, {first} first", rest.len()),
    }
}
