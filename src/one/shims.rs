//! The scripts that oned calls, as they stand in `one-datastore/` and `one-tm/`: two lines each, which exec this program.

/// A script's name and its text.
pub type Shim = (&'static str, &'static str);

macro_rules! shims {
    ($dir:literal: $($name:literal)*) => {
        [$(($name, include_str!(concat!("../../", $dir, "/", $name)))),*]
    };
}

/// Those of the datastore driver.
pub const DATASTORE: [Shim; 10] = shims!("one-datastore":
    "clone" "cp" "export" "mkfs" "monitor" "rm" "snap_delete" "snap_flatten" "snap_revert" "stat");

/// Those of the transfer-manager driver. Scripts with a suffix (`clone.ssh`) are not needed: where there is none, oned's
/// drivers take the plain one.
pub const TRANSFER: [Shim; 25] = shims!("one-tm":
    "activate" "clone" "context" "cpds" "delete" "failmigrate" "ln" "mkimage" "mkswap" "monitor" "monitor_ds" "mv" "mvds"
    "postbackup" "postbackup_live" "postmigrate" "prebackup" "prebackup_live" "premigrate" "resize" "restore"
    "snap_create" "snap_create_live" "snap_delete" "snap_revert");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;
    use crate::one::call::{DsAction, TmCall};

    /// What stands in a directory of the sources must be what is embedded: executable, two lines, nothing else.
    fn check(dir: &str, family: &str, shims: &[Shim]) -> BTreeSet<String> {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(dir);
        let mut names = BTreeSet::new();
        for entry in std::fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o111, 0o111, "{name} cannot be run");
            let text = std::fs::read_to_string(entry.path()).unwrap();
            assert_eq!(
                text,
                format!("#!/bin/sh\nexec warmblock one {family} {name} \"$@\"\n")
            );
            assert!(
                shims.contains(&(name.as_str(), text.as_str())),
                "{name} is not embedded"
            );
            names.insert(name);
        }
        assert_eq!(names.len(), shims.len());
        names
    }

    #[test]
    fn every_action_has_its_shim_and_every_shim_its_action() {
        let known = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let actions: BTreeSet<String> = known(&TmCall::ACTIONS);
        assert_eq!(check("one-tm", "tm", &TRANSFER), actions);
        let actions: BTreeSet<String> = known(&DsAction::ALL.map(|(name, _)| name));
        assert_eq!(check("one-datastore", "ds", &DATASTORE), actions);
    }
}
