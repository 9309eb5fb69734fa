//! `one uninstall`: the driver out of an OpenNebula that has no datastore of it any more, and nothing else of it changed.

use std::path::Path;

use super::files;
use super::settings::Settings;
use super::{
    InstallReport, InstalledFile, NAME, cannot_change, edit, execrc, oned_conf, restart, wanted,
};
use crate::model::Change;
use crate::one::document::parse_datastores;
use crate::one::oned::Oned;
use crate::one::tree::Tree;
use crate::{Context, Error, Kind, Result};

/// Takes out what `one install` put in; what somebody else put beside it stays.
///
/// # Errors
/// [`Kind::Busy`] while oned has datastores of this driver; those of asking it, for what is not known may be there;
/// [`Kind::NotFound`] if there is no OpenNebula; [`Kind::Config`] for settings that cannot be read; [`Kind::Failed`] for a file that
/// cannot be written or removed. Nothing is changed before everything was read.
pub fn uninstall(tree: &Tree, oned: &Oned, dry_run: bool) -> Result<InstallReport> {
    out(tree, &oned.datastores()?, dry_run)
}

/// The same, with what oned says of its datastores.
fn out(tree: &Tree, datastores: &str, dry_run: bool) -> Result<InstallReport> {
    refuse_in_use(datastores)?;
    let mut report = InstallReport::new(dry_run);
    let conf = Settings::read(&tree.oned_conf())?;
    let (text, had) = oned_conf::without(&conf.text).context(|| cannot_change(&conf))?;
    let execrc = Settings::read(&tree.execrc())?;
    let snapshots = execrc::without(&execrc.text).context(|| cannot_change(&execrc))?;
    edit(&mut report, &conf, (text != conf.text).then_some(text), had)?;
    let had = snapshots
        .iter()
        .map(|_| format!("{NAME} in LIVE_DISK_SNAPSHOTS"));
    let had = had.collect();
    edit(&mut report, &execrc, snapshots, had)?;
    files::as_owner(&tree.remotes, || remove(tree, &mut report))?;
    report.next = next(tree, &report);
    Ok(report)
}

/// Without its driver a datastore's disks can be neither used nor deleted.
fn refuse_in_use(datastores: &str) -> Result<()> {
    let rows = parse_datastores(datastores)?;
    let ours = rows.iter().filter(|row| row.is_of(NAME));
    let names: Vec<String> = ours
        .map(|row| format!("{} ({})", row.id, row.name))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let message = format!(
        "OpenNebula has datastores of this driver: {}",
        names.join(", ")
    );
    Err(Error::new(Kind::Busy, message).remedy(
        "delete their VMs and images, or `oneimage clone` what is to stay into another datastore; then `onedatastore delete` each",
    ))
}

/// The files that are ours as a whole go, and their directories if nothing else is in them.
fn remove(tree: &Tree, report: &mut InstallReport) -> Result<()> {
    for (path, ..) in wanted(tree) {
        let change = match path.symlink_metadata() {
            Ok(_) => Change::Removed,
            Err(_) => Change::Absent,
        };
        if change == Change::Removed && !report.dry_run {
            std::fs::remove_file(&path).map_err(|error| files::failed("remove", &path, error))?;
        }
        report.files.push(InstalledFile {
            path,
            change,
            lacked: Vec::new(),
            backup: None,
        });
    }
    for dir in ["datastore", "tm"].map(|dir| tree.remotes.join(dir).join(NAME)) {
        if !report.dry_run && dir.exists() && std::fs::remove_dir(&dir).is_err() {
            let left = format!("{} is left: somebody put something into it", dir.display());
            report.warnings.push(left);
        }
    }
    Ok(())
}

/// What only a person can do, if anything changed.
fn next(tree: &Tree, report: &InstallReport) -> Vec<String> {
    let changed = |file: &InstalledFile| file.change.is_change();
    if !report.files.iter().any(changed) {
        return Vec::new();
    }
    let sudoers = Path::new("/etc/sudoers.d").join(NAME);
    vec![
        restart(tree),
        "take the scripts away from the hosts, as oneadmin: `onehost sync --force`".into(),
        format!(
            "on every host and bridge host, see by `warmblock status` that no disk is attached; then remove {}, disable \
             warmblock-recover.service, and remove the program",
            sudoers.display()
        ),
        "the same on each other front-end of a high-availability zone".into(),
    ]
}

#[cfg(test)]
mod tests;
