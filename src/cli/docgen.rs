//! The documents that are made from the types: man pages, completions, JSON schemas. They are committed in `docs/`, and a
//! test compares; `make docs` writes them anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use schemars::JsonSchema;

use super::args::Cli;
use super::render::error::ErrorReport;
use super::{exit, output};
use crate::cache::DriverList;
use crate::cache::external::protocol;
use crate::config::Config;
use crate::conform::ConformReport;
use crate::disk::StatusReport;
use crate::doctor::Findings;
use crate::job::{Answer, Job};
use crate::model::Lease;
use crate::one::install::InstallReport;
use crate::progress::ProgressLine;
use crate::tgt::check::CheckReport;
use crate::tgt::daemon::apply::ApplyReport;
use crate::tgt::failover::{FailoverReport, ReleaseReport};
use crate::tgt::inventory::reference;
use crate::tgt::render::RenderReport;
use crate::tgt::report::InventoryReport;
use crate::tgt::resize::ResizeReport;
use crate::tgt::status::TgtStatus;
use crate::tgt::verify::VerifyReport;
use crate::{Error, Kind, Result};

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Where it belongs below `docs/`.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// Every document, sorted by path.
pub fn documents() -> Result<Vec<Document>> {
    let mut all = Vec::new();
    let mut command = Cli::command();
    command.build();
    man_pages(&command, &mut all)?;
    all.push(inventory_page());
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        all.push(completion(shell)?);
    }
    all.extend(schemas()?);
    all.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(all)
}

/// Writes every document below `dir`.
pub fn write(dir: &Path) -> Result<()> {
    for document in documents()? {
        crate::sys::atomic::write(&dir.join(&document.path), document.text.as_bytes())?;
    }
    Ok(())
}

fn man_pages(command: &Command, all: &mut Vec<Document>) -> Result<()> {
    let man = Man::new(command.clone()).manual("warmblock");
    let path = Path::new("man").join(man.get_filename());
    all.push(Document {
        path,
        text: man_page(&man, command).map_err(internal)?,
    });
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        man_pages(sub, all)?;
    }
    Ok(())
}

fn man_page(
    man: &Man,
    command: &Command,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut page = String::from_utf8(page)?;
    // clap_mangen would fill the lines of examples into one paragraph.
    if let Some(notes) = command.get_after_help() {
        page.push_str(&verbatim("NOTES", &notes.to_string()));
    }
    let main = !command
        .get_display_name()
        .is_some_and(|name| name.contains('-'));
    let of_targets = command
        .get_display_name()
        .is_some_and(|name| name.starts_with("warmblock-tgt"));
    page.push_str(&match (main, of_targets) {
        (true, _) => main_sections(),
        (_, true) => verbatim("SEE ALSO", "warmblock(1), warmblock-tgt.toml(5)"),
        _ => verbatim("SEE ALSO", "warmblock(1)"),
    });
    Ok(page)
}

/// What only the main page has.
fn main_sections() -> String {
    let mut exit = String::from(".SH EXIT STATUS\n");
    for (code, meaning) in exit::codes() {
        let _infallible = writeln!(exit, ".TP 5\n{code}\n{}", roff(meaning));
    }
    exit + &verbatim("ENVIRONMENT", ENVIRONMENT) + &verbatim("FILES", FILES)
}

const ENVIRONMENT: &str = "\
WARMBLOCK_CONFIG  as --config
WARMBLOCK_ROOT    as --root
WARMBLOCK_LOG     what is told on standard error, such as warmblock=debug;
                  beats -v and -q
NO_COLOR          no colours";

const FILES: &str = "\
/etc/warmblock/warmblock.toml  configuration
/etc/warmblock/conf.d/*.toml   read after it, in the order of their names
/var/lib/warmblock             what is wanted of each disk
/run/warmblock                 locks";

/// A section whose lines stay as they are.
fn verbatim(title: &str, text: &str) -> String {
    let lines: Vec<String> = text.lines().map(roff).collect();
    format!(".SH {}\n.nf\n{}\n.fi\n", roff(title), lines.join("\n"))
}

/// A line for roff: no escapes, no requests, hyphens that can be pasted.
fn roff(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    if line.starts_with(['.', '\'']) {
        format!("\\&{line}")
    } else {
        line
    }
}

/// The page of the inventory: every key, and an example.
fn inventory_page() -> Document {
    let mut page = String::from(
        ".TH warmblock\\-tgt.toml 5\n.SH NAME\nwarmblock\\-tgt.toml \\- the inventory of iSCSI targets\n.SH DESCRIPTION\n\
         /etc/warmblock/tgt.toml and, after it, /etc/warmblock/tgt.d/*.toml in the order of their names. Clients and gateways may \
         be in any of them, every other section in one only. `warmblock tgt inventory` and `warmblock tgt check` say what is \
         wrong with it.\n",
    );
    for section in reference::reference() {
        let title = roff(section.header);
        let _infallible = writeln!(page, ".SH {title}\n{}", roff(&section.about));
        for (key, about) in section.keys {
            let _infallible = writeln!(page, ".TP\n\\fB{}\\fR\n{}", roff(&key), roff(&about));
        }
    }
    page.push_str(&verbatim("EXAMPLE", reference::EXAMPLE.trim_end()));
    page.push_str(&verbatim("SEE ALSO", "warmblock-tgt(1)"));
    Document {
        path: Path::new("man").join("warmblock-tgt.toml.5"),
        text: page,
    }
}

fn completion(shell: Shell) -> Result<Document> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "warmblock", &mut text);
    let name = match shell {
        Shell::Zsh => "_warmblock",
        Shell::Fish => "warmblock.fish",
        _ => "warmblock.bash",
    };
    let text = String::from_utf8(text).map_err(|error| internal(error.into()))?;
    Ok(Document {
        path: Path::new("completions").join(name),
        text,
    })
}

fn schemas() -> Result<Vec<Document>> {
    Ok(vec![
        schema::<Answer>("answer")?,
        schema::<Config>("config")?,
        schema::<protocol::Answer>("driver-answer")?,
        schema::<ConformReport>("driver-check")?,
        schema::<DriverList>("driver-ls")?,
        schema::<protocol::Request>("driver-request")?,
        schema::<ErrorReport>("error")?,
        schema::<InstallReport>("one-install")?,
        schema::<Findings>("doctor")?,
        schema::<Job>("job")?,
        schema::<Lease>("lease")?,
        schema::<ProgressLine>("progress")?,
        schema::<StatusReport>("status")?,
        schema::<ApplyReport>("tgt-apply")?,
        schema::<CheckReport>("tgt-check")?,
        schema::<FailoverReport>("tgt-failover")?,
        schema::<InventoryReport>("tgt-inventory")?,
        schema::<ReleaseReport>("tgt-release")?,
        schema::<RenderReport>("tgt-render")?,
        schema::<ResizeReport>("tgt-resize")?,
        schema::<TgtStatus>("tgt-status")?,
        schema::<VerifyReport>("tgt-verify")?,
    ])
}

fn schema<T: JsonSchema>(name: &str) -> Result<Document> {
    let path = Path::new("schema").join(format!("{name}.json"));
    Ok(Document {
        path,
        text: output::json(&schemars::schema_for!(T))?,
    })
}

fn internal(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::new(Kind::Internal, "cannot make the documents").because(error)
}
