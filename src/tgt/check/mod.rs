//! `warmblock tgt check`: what in a configuration does something else than it looks.
//!
//! Most mistakes in these files end with exit code 0, and many open a target to everyone (facts tgt, section 0). The
//! rules look at what was odd while reading, at the options that nobody reads, and above all at what tgt-admin does in the end.

mod access;
mod chap;
mod directives;
mod finding;
mod identity;
mod inventory;
mod look;
mod luns;
mod names;
mod reading;
mod repeats;
mod shell;
mod stores;
mod values;
mod words;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use finding::{CheckReport, Checked, Finding, Rule, Severity};
pub use inventory::{check_inventory, is_inventory};

use crate::tgt::conf::plan::{self, Plan, Run};
use crate::tgt::conf::{self, Conf, Files, Map};
use look::Look;

/// What tgt-admin reads when it is told nothing else.
pub const DEFAULT_PATH: &str = "/etc/tgt/targets.conf";

/// Checks each path as `tgt-admin -c PATH` would read it; without any the default one.
pub fn check(files: &dyn Files, paths: &[PathBuf], commands: bool) -> CheckReport {
    let default = [PathBuf::from(DEFAULT_PATH)];
    let (paths, named) = if paths.is_empty() {
        (&default[..], false)
    } else {
        (paths, true)
    };
    let checked = paths
        .iter()
        .map(|path| check_one(files, path, named, commands))
        .collect();
    CheckReport {
        version: CheckReport::VERSION,
        checked,
    }
}

fn check_one(files: &dyn Files, path: &Path, named: bool, commands: bool) -> Checked {
    let conf = conf::read(files, path);
    let plan = plan::plan(&conf, files, Run::Execute, named.then_some(path));
    let findings = findings(files, &conf, &plan);
    Checked {
        path: path.to_path_buf(),
        read: conf
            .lines
            .sources
            .iter()
            .map(|source| source.path.clone())
            .collect(),
        targets: plan.targets.len(),
        luns: plan.targets.iter().map(|target| target.luns.len()).sum(),
        complete: plan.stop.is_none(),
        findings,
        commands: commands.then(|| plan.text().lines().map(str::to_owned).collect()),
    }
}

fn findings(files: &dyn Files, conf: &Conf, plan: &Plan) -> Vec<Finding> {
    let nothing = Map::default();
    let tree = conf.tree.as_ref().unwrap_or(&nothing);
    let mut look = Look {
        conf,
        files,
        tree,
        plan,
        findings: Vec::new(),
    };
    reading::look(&mut look);
    directives::look(&mut look);
    repeats::look(&mut look);
    names::look(&mut look);
    access::look(&mut look);
    chap::look(&mut look);
    luns::look(&mut look);
    stores::look(&mut look);
    identity::look(&mut look);
    values::look(&mut look);
    shell::look(&mut look);
    let mut findings = look.findings;
    findings.sort_by(|a, b| (&a.file, a.line, b.severity).cmp(&(&b.file, b.line, a.severity)));
    findings.dedup();
    findings
}
