//! `one install`: the driver into an OpenNebula, and nothing else of it changed. Run again, it mends what is missing.

pub(super) mod conf;
mod execrc;
mod files;
mod oned_conf;
mod settings;
mod uninstall;

use std::borrow::Cow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::User;
use serde::Serialize;

pub use execrc::lacks as lacks_of_execrc;
pub use oned_conf::{CACHE_ATTRIBUTES, Lack, NAME, TRANSFER, lacks};
pub use settings::Settings;
pub use uninstall::uninstall;

use super::shims::{self, Shim};
use super::tree::Tree;
use crate::doctor::sudoers;
use crate::model::Change;
use crate::{Context, Result};

/// Who runs oned: whose its drivers are. Packages have them for oneadmin.
fn runs_oned(tree: &Tree) -> String {
    let owner = std::fs::metadata(&tree.remotes).ok();
    let owner = owner.filter(|owner| owner.uid() != 0);
    let user = owner.and_then(|owner| User::from_uid(owner.uid().into()).ok().flatten());
    user.map_or_else(|| "oneadmin".to_owned(), |user| user.name)
}

/// What was installed, or taken out again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct InstallReport {
    /// The version of this format.
    pub version: u32,
    /// Whether it only says what would be done.
    pub dry_run: bool,
    /// The files, in the order in which they were looked at.
    pub files: Vec<InstalledFile>,
    /// What is to be done by hand now.
    pub next: Vec<String>,
    /// What was found otherwise than it should be, and was left.
    pub warnings: Vec<String>,
}

/// A file of the installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct InstalledFile {
    /// The file.
    pub path: PathBuf,
    /// What happened to it, or would.
    pub change: Change,
    /// What it lacked, or had if that was taken out: of a file of which only a part is ours.
    pub lacked: Vec<String>,
    /// Where the file is kept as it was before.
    pub backup: Option<PathBuf>,
}

impl InstallReport {
    /// The version that this program writes.
    pub const VERSION: u32 = 1;

    const fn new(dry_run: bool) -> Self {
        Self {
            version: Self::VERSION,
            dry_run,
            files: Vec::new(),
            next: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

/// Installs into a tree.
///
/// # Errors
/// [`Kind::NotFound`](crate::Kind::NotFound) if there is no OpenNebula; `Kind::Config` for settings that cannot be read; `Kind::Failed` for a
/// file that cannot be written. Nothing is written before everything was read.
pub fn install(tree: &Tree, dry_run: bool) -> Result<InstallReport> {
    let mut report = InstallReport::new(dry_run);
    let oned = Settings::read(&tree.oned_conf())?;
    let lacks = lacks(&oned.text);
    let lacks = lacks.context(|| cannot_change(&oned))?;
    let execrc = Settings::read(&tree.execrc())?;
    let lacked = execrc::lacks(&execrc.text).context(|| cannot_change(&execrc))?;
    let snapshots = execrc::mended(&execrc.text)?;
    for (path, text, mode) in wanted(tree) {
        let put = || files::put(&path, text.as_bytes(), mode, dry_run);
        let change = files::as_owner(&tree.remotes, put)?;
        report.files.push(InstalledFile {
            path,
            change,
            lacked: Vec::new(),
            backup: None,
        });
    }
    let (mended, left): (Vec<Lack>, Vec<Lack>) = lacks.into_iter().partition(Lack::is_mended);
    let text = (!mended.is_empty()).then(|| oned_conf::mended(&oned.text, &mended));
    let what = mended.into_iter().map(|lack| lack.what).collect();
    edit(&mut report, &oned, text, what)?;
    let lacked = lacked.into_iter();
    let lacked = lacked.map(|word| format!("LIVE_DISK_SNAPSHOTS lacks {word}"));
    edit(&mut report, &execrc, snapshots, lacked.collect())?;
    let file = oned.path.display().to_string();
    report.warnings = left
        .into_iter()
        .map(|lack| format!("{file}: {}; it is left as it is", lack.what))
        .collect();
    report.next = next(tree, &report);
    Ok(report)
}

fn cannot_change(file: &Settings) -> String {
    format!("cannot change {}", file.path.display())
}

/// The files that are ours as a whole: path, text, mode.
pub(super) fn wanted(tree: &Tree) -> Vec<(PathBuf, Cow<'static, str>, u32)> {
    let scripts = |dir: &str, shims: &'static [Shim]| {
        let dir = tree.remotes.join(dir).join(NAME);
        let script = move |(name, text): &Shim| (dir.join(name), Cow::from(*text), 0o755);
        shims.iter().map(script).collect::<Vec<_>>()
    };
    let mut all = scripts("datastore", &shims::DATASTORE);
    all.extend(scripts("tm", &shims::TRANSFER));
    all
}

/// Writes a file of OpenNebula's own anew, and keeps what it was.
fn edit(
    report: &mut InstallReport,
    file: &Settings,
    text: Option<String>,
    lacked: Vec<String>,
) -> Result<()> {
    let (change, backup) = match text {
        None => (Change::Kept, None),
        Some(_) if report.dry_run => (Change::Altered, None),
        Some(text) => (
            Change::Altered,
            Some(files::rewrite(&file.path, &file.encode(&text))?),
        ),
    };
    report.files.push(InstalledFile {
        path: file.path.clone(),
        change,
        lacked,
        backup,
    });
    Ok(())
}

fn restart(tree: &Tree) -> String {
    let how = match tree.etc == Path::new("/etc/one") {
        true => "systemctl restart opennebula",
        false => "`one stop` and `one start`",
    };
    format!("restart oned, which reads its settings only then: {how}")
}

/// What only a person can do, if anything changed.
fn next(tree: &Tree, report: &InstallReport) -> Vec<String> {
    let changed = |below: &Path| {
        let altered =
            |file: &&InstalledFile| file.path.starts_with(below) && file.change != Change::Kept;
        report.files.iter().any(|file| altered(&file))
    };
    let mut next = Vec::new();
    if changed(&tree.etc) {
        next.push(restart(tree));
        next.push("datastores of this driver that there are already take new settings over at their next update: `onedatastore update ID`, and save".into());
    }
    if changed(&tree.remotes) {
        next.push("bring the scripts to the hosts, as oneadmin: `onehost sync --force`".into());
        next.push(format!(
            "on every host and bridge host, install this release of warmblock, and {}",
            sudoers::install(&runs_oned(tree))
        ));
    }
    if !next.is_empty() {
        next.push("do the same on each other front-end of a high-availability zone, for any of them may come to lead; followers are restarted first".into());
        next.push("then see that all is well: `warmblock one doctor`".into());
    }
    next
}

#[cfg(test)]
mod tests;
