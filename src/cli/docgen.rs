//! The documents that are made from the types: man pages, completions, JSON schemas. They are committed in `docs/`, and a
//! test compares; `make docs` writes them anew.

mod files;
mod man;

use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_complete::Shell;
use schemars::JsonSchema;

use super::args::Cli;
use super::output;
use super::render::error::ErrorReport;
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
    man::pages(&command, &mut all)?;
    all.push(files::inventory_page());
    all.push(files::config_page());
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
