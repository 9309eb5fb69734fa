//! An inventory of `warmblock` itself: what its own reader refuses, in particular images with two writers.

use std::path::Path;

use super::{Checked, Finding, Rule, Severity};
use crate::Result;
use crate::tgt::inventory::{self, Inventory, Problem};

/// Whether a path is that of an inventory; tgt-admin's files are in no such format.
pub fn is_inventory(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "toml")
}

/// Checks an inventory with its drop-ins. What makes it unusable is a danger.
pub fn check_inventory(path: &Path) -> Result<Checked> {
    let (found, problems) = Inventory::examine(path)?;
    let targets = || found.iter().flat_map(Inventory::targets);
    Ok(Checked {
        path: path.to_owned(),
        read: Inventory::files(path)?,
        targets: targets().count(),
        luns: targets().map(|(_, target)| target.luns.len()).sum(),
        complete: found.is_some(),
        findings: problems.0.iter().map(finding).collect(),
        commands: None,
    })
}

fn finding(problem: &Problem) -> Finding {
    let place = problem.place.as_ref();
    Finding {
        rule: Rule::Inventory,
        severity: match problem.severity {
            inventory::Severity::Error => Severity::Danger,
            inventory::Severity::Warning => Severity::Warning,
        },
        file: place.map(|place| place.file.to_path_buf()),
        line: place.map(|place| place.line),
        text: None,
        target: None,
        message: problem.message.clone(),
        mended: Some(problem.remedy.clone()),
    }
}
