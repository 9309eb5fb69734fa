//! Backups, as the datastores that hold them have them: what is in one, and its bytes.
//!
//! Both are asked as oned's own drivers ask. `ls` of the datastore's driver names the disks of a backup by their URLs. The
//! downloader that comes with oned reads one: it puts the increments of a chain together, at the backup server, and gives one
//! qcow2 file that has all. It ends with success and without a byte if it could not do that.

mod url;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

pub(super) use url::BackupUrl;

use super::document::BackupImage;
use super::{DiskId, Remote, SnapshotId};
use crate::exec::Reading;
use crate::model::{Bytes, DriverName};
use crate::{Context, Error, Kind, Result};

/// How long a datastore may take to say what it has.
const LISTING: Duration = Duration::from_secs(300);
/// How long the downloader may be silent: it puts a chain of increments together before its first byte.
const SILENCE: Duration = Duration::from_secs(4 * 3600);

/// How much of a backup's disk is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All.
    Whole,
    /// Its first bytes, that soon. The downloader is told: one that is stopped does not clean up behind itself.
    Head(Bytes, Duration),
}

/// The bytes of a backup's disk, as they are stored: a qcow2 file. `var` is oned's own directory.
///
/// # Errors
/// The downloader is not there. What it says when it fails is the error of the reading.
pub(super) fn download(
    remote: &Remote,
    url: &BackupUrl,
    part: Part,
    var: &Path,
) -> Result<Reading> {
    let (url, script) = (url.to_string(), var.join("remotes/datastore/downloader.sh"));
    let (head, patience) = match part {
        Part::Whole => (None, SILENCE),
        Part::Head(bytes, patience) => (Some(bytes.0.to_string()), patience),
    };
    let limit = head.iter().flat_map(|bytes| ["--max-size", bytes.as_str()]);
    let words: Vec<&str> = ["--nodecomp"]
        .into_iter()
        .chain(limit)
        .chain([url.as_str(), "-"])
        .collect();
    let reading = remote.read_script(&script, &words, patience);
    reading.context(|| format!("cannot read the backup {url}"))
}

/// The disks of a backup, by their numbers in the VM.
///
/// # Errors
/// Those of the datastore's driver; [`Kind::Usage`] for a backup that we cannot read, [`Kind::Failed`] for an answer that is
/// not understood.
pub(super) fn list(
    remote: &Remote,
    var: &Path,
    driver: &DriverName,
    backup: &BackupImage<'_>,
    increment: Option<SnapshotId>,
) -> Result<BTreeMap<DiskId, BackupUrl>> {
    let word = increment.map_or_else(|| "-1".to_owned(), |id| id.to_string());
    let script = var.join(format!("remotes/datastore/{driver}/ls"));
    let answer = remote.ask_script(
        &script,
        &["-i", &word],
        backup.action(increment).as_bytes(),
        LISTING,
    );
    let answer = answer.context(|| "cannot list what is in the backup".into())?;
    read(&answer).context(|| format!("cannot use what datastore/{driver}/ls answers"))
}

fn read(text: &str) -> Result<BTreeMap<DiskId, BackupUrl>> {
    let listed: BTreeMap<String, String> = serde_json::from_str(text).map_err(|error| {
        Error::new(Kind::Failed, "it is no list of disks and URLs").because(error)
    })?;
    let entry = |(disk, url): (&String, &String)| {
        let (disk, url): (DiskId, BackupUrl) = (disk.parse()?, url.parse()?);
        match url.disk() == disk {
            true => Ok((disk, url)),
            false => Err(Error::new(
                Kind::Failed,
                format!("it says that disk {disk} is {url}"),
            )),
        }
    };
    listed.iter().map(entry).collect()
}

#[cfg(test)]
mod tests;
