//! Files on disk: written where they differ, removed where their client is gone, others' never touched.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Templates, diff, view};
use crate::model::{Change, HostName};
use crate::sys::atomic::{self, NewFile};
use crate::tgt::Site;
use crate::tgt::inventory::{ClientRole, Inventory};
use crate::tgt::registry::Identities;
use crate::{Error, Kind, Result};

/// The first line of every file of ours begins so, whatever the template: that is how they are known.
const MARK: &str = "# warmblock: ";

/// What `tgt render` did.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct RenderReport {
    /// The version of this document.
    pub version: u32,
    /// The gateway, where the inventory has any.
    pub gateway: Option<HostName>,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Identities that were given anew, in words.
    pub registered: Vec<String>,
    /// The files.
    pub files: Vec<FileReport>,
}

/// What happened to one file.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct FileReport {
    /// The client.
    pub client: String,
    /// The file.
    pub path: PathBuf,
    /// What happened, or would.
    pub change: Change,
    /// What this gateway does for the client; absent for a client that is gone.
    pub role: Option<ClientRole>,
    /// Its lines that differ, secrets masked; empty where nothing does.
    pub diff: String,
}

/// A file as it should be.
#[derive(Debug)]
struct Rendered {
    role: ClientRole,
    text: String,
    secret: bool,
}

impl Rendered {
    const fn mode(&self) -> u32 {
        if self.secret { 0o600 } else { 0o644 }
    }

    const fn at<'a>(&'a self, path: &'a Path) -> NewFile<'a> {
        NewFile {
            path,
            bytes: self.text.as_bytes(),
            mode: self.mode(),
        }
    }
}

/// The text of every client that this gateway knows, by name.
pub fn rendered(
    inventory: &Inventory,
    gateway: Option<&HostName>,
    identities: &Identities,
    templates: &Templates,
) -> Result<BTreeMap<String, String>> {
    let all = all(inventory, gateway, identities, templates)?;
    Ok(all
        .into_iter()
        .map(|(name, file)| (name, file.text))
        .collect())
}

fn all(
    inventory: &Inventory,
    gateway: Option<&HostName>,
    identities: &Identities,
    templates: &Templates,
) -> Result<BTreeMap<String, Rendered>> {
    let mut files = BTreeMap::new();
    for client in &inventory.clients {
        let view = view(inventory, client, gateway, identities)?;
        if view.role == ClientRole::Elsewhere || view.targets.is_empty() {
            continue;
        }
        let mut text = templates.client(&view)?;
        if !text.starts_with(MARK) {
            text = format!("{MARK}client {}\n{text}", view.client);
        }
        let secret = view.chap.is_some() || view.chap_mutual.is_some();
        files.insert(
            client.name.clone(),
            Rendered {
                role: view.role,
                text,
                secret,
            },
        );
    }
    Ok(files)
}

/// Renders into a directory: all clients, or `only` one of them. Nothing is written in a dry run.
pub fn render(site: &Site, dir: &Path, only: Option<&str>, dry_run: bool) -> Result<RenderReport> {
    let (inventory, gateway) = (&site.inventory, site.gateway.as_ref());
    let wanted = all(inventory, gateway, &site.identities, &site.templates)?;
    if !dry_run {
        // a run that was killed left files that nobody reads, with secrets
        atomic::sweep(dir)?;
    }
    let mut files = Vec::new();
    let meant = |client: &str| only.is_none_or(|only| only == client);
    for (client, file) in wanted.iter().filter(|(client, _)| meant(client)) {
        files.push(compare(client, dir.join(format!("{client}.conf")), file)?);
    }
    if !dry_run {
        let changed = files.iter().filter(|report| report.change.is_change());
        let new = changed.filter_map(|report| Some(wanted.get(&report.client)?.at(&report.path)));
        atomic::write_all(&new.collect::<Vec<_>>())?;
    }
    for (client, path) in stale(dir, &wanted)? {
        if !meant(&client) {
            continue;
        }
        if !dry_run {
            atomic::remove(&path)?;
        }
        files.push(FileReport {
            client,
            path,
            change: Change::Removed,
            role: None,
            diff: String::new(),
        });
    }
    Ok(RenderReport {
        version: 1,
        gateway: gateway.cloned(),
        dry_run,
        registered: site.identities.news.clone(),
        files,
    })
}

/// What is to be done with a client's file.
fn compare(client: &str, path: PathBuf, file: &Rendered) -> Result<FileReport> {
    let before = read(&path)?;
    if let Some((text, _)) = &before
        && !text.starts_with(MARK)
    {
        return Err(Error::new(
            Kind::Exists,
            format!("{} is there, and not of warmblock's making", path.display()),
        )
        .remedy("move it away, or rename the client in the inventory"));
    }
    let change = match &before {
        None => Change::Made,
        // a mode that is stricter than ours is somebody's wish
        Some((text, has)) if *text == file.text && has & 0o777 & !file.mode() == 0 => Change::Kept,
        Some(_) => Change::Altered,
    };
    let old = before.as_ref().map_or("", |(text, _)| text.as_str());
    Ok(FileReport {
        client: client.to_owned(),
        diff: diff::lines(old, &file.text),
        path,
        change,
        role: Some(file.role),
    })
}

/// A file's text and mode, if it is there.
fn read(path: &Path) -> Result<Option<(String, u32)>> {
    let cannot =
        |error| Error::new(Kind::Failed, format!("cannot read {}", path.display())).because(error);
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot(error)),
    };
    let mode = path.metadata().map_err(cannot)?.permissions().mode();
    Ok(Some((text, mode)))
}

/// Files of ours whose client this gateway does not know any more.
fn stale(dir: &Path, wanted: &BTreeMap<String, Rendered>) -> Result<Vec<(String, PathBuf)>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(
                Error::new(Kind::Failed, format!("cannot read {}", dir.display())).because(error),
            );
        }
    };
    let mut stale = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let Some(client) = name.as_deref().and_then(|name| name.strip_suffix(".conf")) else {
            continue;
        };
        if wanted.contains_key(client) || !path.is_file() {
            continue;
        }
        if read(&path)?.is_some_and(|(text, _)| text.starts_with(MARK)) {
            stale.push((client.to_owned(), path));
        }
    }
    stale.sort();
    Ok(stale)
}
