//! A file in a VM's directory, such as its context CD.

use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::VmDirReport;
use super::vm_dir;
use crate::image::chunks::Chunks;
use crate::model::{Change, is_number};
use crate::sys::atomic;
use crate::{Error, Kind, Result};

/// `put-file`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PutFile {
    /// `…/DATASTORE/VM/disk.N`
    pub path: PathBuf,
    /// What it is to hold, in base64.
    pub content: String,
    /// What it is to hold comes on standard input instead, in chunks.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub chunked: bool,
    /// Where whoever asks for it has that. It goes to no host.
    #[serde(skip)]
    pub from: Option<PathBuf>,
}

impl std::fmt::Debug for PutFile {
    /// A context CD holds passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PutFile({})", self.path.display())
    }
}

/// Puts the file there as a whole, for whoever asks and nobody else.
///
/// # Errors
/// [`Kind::Usage`] for a path that is no file of a VM's directory.
pub(super) fn put(job: &PutFile, dry_run: bool) -> Result<VmDirReport> {
    let wrong = |why: &str| Error::new(Kind::Usage, format!("{} {why}", job.path.display()));
    let name = job.path.file_name().and_then(|name| name.to_str());
    let number = name.and_then(|name| name.strip_prefix("disk."));
    let dir = job.path.parent().filter(|_| number.is_some_and(is_number));
    vm_dir::check(dir.ok_or_else(|| wrong("is no disk in a VM's directory"))?)?;
    let content = BASE64_STANDARD
        .decode(&job.content)
        .map_err(|error| wrong("has a content that is no base64").because(error))?;
    match (dry_run, job.chunked) {
        (true, _) => {}
        (false, true) => {
            let mut content = Chunks::new(std::io::stdin().lock());
            atomic::write_from(&job.path, &mut content, 0o600)?;
        }
        (false, false) => atomic::write_mode(&job.path, &content, 0o600)?,
    }
    Ok(vm_dir::report(&job.path, Change::Made, false))
}
