//! `warmblock tgt check`: needs neither root nor a configuration nor Ceph.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::args::{Global, TgtCheckArgs};
use super::output::{Output, to_stdout};
use super::{render, settings};
use crate::tgt::check::{self, CheckReport};
use crate::tgt::conf::{Disk, Files};
use crate::tgt::inventory::Inventory;
use crate::{Error, Kind, Result};

/// Checks, tells, and gives the code that says how bad it is.
pub(super) fn run(global: &Global, output: &Output, args: &TgtCheckArgs) -> Result<ExitCode> {
    let (inventories, mut paths): (Vec<_>, Vec<_>) = args
        .paths
        .iter()
        .cloned()
        .partition(|path| check::is_inventory(path));
    let mut report = CheckReport::default();
    if args.paths.is_empty() {
        let etc = settings::roots(global).etc;
        if global.root.is_some() {
            paths.push(etc.with_file_name("tgt/targets.conf"));
        }
        there(
            paths
                .first()
                .map_or(Path::new(check::DEFAULT_PATH), PathBuf::as_path),
        )?;
        let inventory = etc.join(Inventory::FILE);
        if inventory.exists() {
            report.checked.push(check::check_inventory(&inventory)?);
        }
    }
    for inventory in &inventories {
        report.checked.push(check::check_inventory(inventory)?);
    }
    for path in &paths {
        there(path)?;
    }
    if args.paths.is_empty() || !paths.is_empty() {
        let files = check::check(&Disk, &paths, args.commands);
        report.checked.extend(files.checked);
    }
    if args.commands && !output.json {
        to_stdout(&commands(&report))?;
        output.note(|paint| render::tgt_check::sum(&report, paint));
    } else {
        output.answer(&report, render::tgt_check::human)?;
    }
    Ok(ExitCode::from(report.exit_code()))
}

fn there(path: &Path) -> Result<()> {
    if Disk.kind(path).is_some() {
        return Ok(());
    }
    let message = format!("there is no {}", path.display());
    Err(Error::new(Kind::NotFound, message).remedy("name the file that tgt-admin is to read"))
}

fn commands(report: &CheckReport) -> String {
    let lines = report
        .checked
        .iter()
        .flat_map(|one| one.commands.iter().flatten());
    lines.map(|line| format!("{line}\n")).collect()
}
