//! The man pages of the commands, from the command line's types.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, ArgAction, Command};
use clap_mangen::Man;

use super::{Document, internal};
use crate::Result;
use crate::cli::exit;

/// The pages of a command and of those below it.
pub(super) fn pages(command: &Command, all: &mut Vec<Document>) -> Result<()> {
    page_and_below(command, None, all)
}

fn page_and_below(
    command: &Command,
    above: Option<&Command>,
    all: &mut Vec<Document>,
) -> Result<()> {
    let man = Man::new(command.clone()).manual("warmblock");
    all.push(Document {
        path: Path::new("man").join(man.get_filename()),
        text: page(&man, command, above).map_err(internal)?,
    });
    for sub in shown(command) {
        page_and_below(sub, Some(command), all)?;
    }
    Ok(())
}

/// The commands below one that have a page.
fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    let subs = command.get_subcommands();
    subs.filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
}

fn page(
    man: &Man,
    command: &Command,
    above: Option<&Command>,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    let mut page = String::from_utf8(page)? + &synopsis(command);
    let notes = command.get_after_help().map(ToString::to_string);
    let notes = Notes::of(notes.as_deref().unwrap_or_default());
    page += &description(command, above, &notes);
    let mut rest = Vec::new();
    man.render_options_section(&mut rest)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut rest)?;
    }
    page += &String::from_utf8(rest)?;
    if !notes.exit.is_empty() {
        page += &verbatim("EXIT STATUS", &notes.exit);
    }
    if !notes.examples.is_empty() {
        page += &verbatim("EXAMPLES", &notes.examples);
    }
    if above.is_none() {
        page += &main_sections();
    }
    Ok(page + &verbatim("SEE ALSO", &see_also(command, above)))
}

/// What stands below the options of `--help`, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
struct Notes {
    prose: Vec<String>,
    exit: String,
    examples: String,
}

impl Notes {
    fn of(text: &str) -> Self {
        let mut notes = Self::default();
        for part in text.split("\n\n").filter(|part| !part.trim().is_empty()) {
            match part.split_once('\n') {
                Some(("Example:" | "Examples:", lines)) => notes.examples = lines.to_owned(),
                Some(("Exit status:", lines)) => notes.exit = lines.to_owned(),
                _ => notes.prose.push(part.to_owned()),
            }
        }
        notes
    }
}

/// One line of use: each option with its value, those of every command in one word.
fn synopsis(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let mut line = format!("\\fB{}\\fR", roff(name));
    let own = |arg: &&Arg| !arg.is_hide_set() && !arg.is_global_set() && !is_built_in(arg);
    let (positionals, options): (Vec<_>, Vec<_>) = command
        .get_arguments()
        .filter(own)
        .partition(|arg| arg.is_positional());
    for arg in options.into_iter().chain(positionals) {
        let _infallible = write!(line, " {}", bracketed(arg));
    }
    if command.has_subcommands() {
        line += " \\fICOMMAND\\fR";
    }
    format!(".SH SYNOPSIS\n{line} [\\fIGLOBAL OPTIONS\\fR]\n")
}

/// Whether every command has it.
fn is_built_in(arg: &Arg) -> bool {
    matches!(
        arg.get_action(),
        ArgAction::Help | ArgAction::HelpLong | ArgAction::HelpShort | ArgAction::Version
    )
}

fn bracketed(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let names: Vec<_> = names.iter().map(|name| roff(name)).collect();
    let value = format!("\\fI{}\\fR", names.join(" "));
    let takes = arg.get_num_args().unwrap_or_default();
    let text = match arg.get_long() {
        None => value,
        Some(long) if !takes.takes_values() => format!("\\fB\\-\\-{}\\fR", roff(long)),
        Some(long) if takes.min_values() == 0 => {
            format!("\\fB\\-\\-{}\\fR[={value}]", roff(long))
        }
        Some(long) => format!("\\fB\\-\\-{}\\fR {value}", roff(long)),
    };
    let several = matches!(arg.get_action(), ArgAction::Append) || takes.max_values() > 1;
    let dots = if several { "..." } else { "" };
    if arg.is_required_set() {
        format!("{text}{dots}")
    } else {
        format!("[{text}]{dots}")
    }
}

/// What is more than the name says; of a command with others below it, which those are.
fn description(command: &Command, above: Option<&Command>, notes: &Notes) -> String {
    let mut prose = notes.prose.clone();
    if above.is_none() {
        prose.extend(DESCRIPTION.split("\n\n").map(str::to_owned));
    } else if command.has_subcommands() {
        let names: Vec<_> = shown(command).map(Command::get_name).collect();
        prose.push(format!("One of the commands {}.", names.join(", ")));
    }
    if prose.is_empty() {
        return String::new();
    }
    let lines = |part: &String| part.lines().map(roff).collect::<Vec<_>>().join("\n");
    let parts: Vec<_> = prose.iter().map(lines).collect();
    format!(".SH DESCRIPTION\n{}\n", parts.join("\n.PP\n"))
}

/// The pages above, below and beside one, and the files that it reads.
fn see_also(command: &Command, above: Option<&Command>) -> String {
    let page = |command: &Command| {
        let name = command.get_display_name();
        format!("{}(1)", name.unwrap_or_else(|| command.get_name()))
    };
    let own = page(command);
    let beside = above.into_iter().flat_map(shown).map(page);
    let mut pages: Vec<_> = above.map(page).into_iter().collect();
    pages.extend(shown(command).map(page));
    pages.extend(beside.filter(|page| *page != own));
    pages.push("warmblock.toml(5)".into());
    if own.starts_with("warmblock-tgt") || above.is_none() {
        pages.push("warmblock-tgt.toml(5)".into());
    }
    let mut lines = vec![String::new()];
    for page in pages {
        match lines.last_mut() {
            Some(line) if line.is_empty() => *line = page,
            Some(line) if line.len() + page.len() < 70 => {
                let _infallible = write!(line, ", {page}");
            }
            last => {
                if let Some(line) = last {
                    line.push(',');
                }
                lines.push(page);
            }
        }
    }
    lines.join("\n")
}

/// What only the main page has.
fn main_sections() -> String {
    let mut exit = String::from(".SH EXIT STATUS\n");
    for (code, meaning) in exit::codes() {
        let _infallible = writeln!(exit, ".TP 5\n{code}\n{}", roff(meaning));
    }
    exit + &verbatim("ENVIRONMENT", ENVIRONMENT) + &verbatim("FILES", FILES)
}

const DESCRIPTION: &str = "\
attach maps an RBD image, carves a slice of the host's SSD as its cache, fills
that with the data that the image has, and prints one device to open. That
device stays the same whatever is done beneath it: bypass takes the cache out
of the path and insert puts it in again under a running machine. detach writes
back what is dirty, proves that nothing is left, and removes every layer.

A command that was interrupted is simply run again; recover finishes what a
crash or a power cut left. image imports and clones what is to be attached, one
serves OpenNebula, tgt exports images to ESXi. doctor says what a host lacks.";

const ENVIRONMENT: &str = "\
WARMBLOCK_CONFIG  as --config
WARMBLOCK_ROOT    as --root
WARMBLOCK_LOG     what is told on standard error, such as warmblock=debug;
                  beats -v and -q
NO_COLOR          no colours";

const FILES: &str = "\
/etc/warmblock/warmblock.toml  configuration, warmblock.toml(5)
/etc/warmblock/conf.d/*.toml   read after it, in the order of their names
/etc/warmblock/tgt.toml        inventory of iSCSI targets, warmblock-tgt.toml(5)
/var/lib/warmblock             what is wanted of each disk
/run/warmblock                 locks";

/// A section whose lines stay as they are.
pub(super) fn verbatim(title: &str, text: &str) -> String {
    let lines: Vec<String> = text.lines().map(roff).collect();
    format!(".SH {}\n.nf\n{}\n.fi\n", roff(title), lines.join("\n"))
}

/// A line for roff: no escapes, no requests, hyphens that can be pasted.
pub(super) fn roff(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) {
        format!("\\&{line}")
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_taken_apart() {
        let notes =
            Notes::of("Some\nwords.\n\nExit status:\n  0  well\n\nMore.\n\nExample:\n  x y");
        assert_eq!(notes.prose, ["Some\nwords.", "More."]);
        assert_eq!(
            (notes.exit.as_str(), notes.examples.as_str()),
            ("  0  well", "  x y")
        );
    }

    #[test]
    fn a_synopsis_shows_values_and_what_can_be_left_out() {
        let command = Command::new("x")
            .arg(Arg::new("size").long("size").value_name("SIZE"))
            .arg(Arg::new("dry").long("dry-run").action(ArgAction::SetTrue))
            .arg(Arg::new("image").value_name("IMAGE").required(true));
        let mut command = command;
        command.build();
        assert_eq!(
            synopsis(&command)
                .replace("\\fB", "")
                .replace("\\fI", "")
                .replace("\\fR", ""),
            ".SH SYNOPSIS\nx [\\-\\-size SIZE] [\\-\\-dry\\-run] IMAGE [GLOBAL OPTIONS]\n"
        );
    }

    #[test]
    fn every_page_that_one_leads_to_is_there() {
        let all = super::super::documents().unwrap();
        let pages: Vec<_> = all
            .iter()
            .filter(|document| document.path.starts_with("man"))
            .collect();
        for page in &pages {
            let (_, led) = page.text.split_once(".SH SEE ALSO\n.nf\n").unwrap();
            let led = led.replace("\\-", "-").replace(".fi", "");
            for name in led
                .split([',', '\n'])
                .map(str::trim)
                .filter(|name| !name.is_empty())
            {
                let file = name.replace('(', ".").replace(')', "");
                let is = |page: &&Document| page.path.ends_with(&file);
                assert!(pages.iter().any(is), "{}: {name}", page.path.display());
            }
        }
    }
}
