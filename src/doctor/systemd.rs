//! Units, read as systemd.unit(5) has it: no systemd is needed for that.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Where units lie, the first before the next, and (in the first) the links that enable them.
const DIRS: [&str; 5] = [
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];

/// Where the unit of this name lies, be it a link to nothing.
pub(super) fn place(root: &Path, name: &str) -> Option<PathBuf> {
    let mut places = DIRS.iter().map(|dir| root.join(dir).join(name));
    places.find(|unit| unit.symlink_metadata().is_ok())
}

/// The drop-ins of a unit, in their order: by the files' names, whatever directory they are in. One of an earlier directory stands for
/// those of its name in later ones.
pub(super) fn drop_ins(root: &Path, name: &str) -> Vec<PathBuf> {
    let mut by_name: BTreeMap<OsString, PathBuf> = BTreeMap::new();
    for dir in DIRS {
        let entries = fs::read_dir(root.join(dir).join(format!("{name}.d")));
        for entry in entries.into_iter().flatten().flatten() {
            let is_conf = entry.path().extension().is_some_and(|end| end == "conf");
            if is_conf {
                by_name.entry(entry.file_name()).or_insert(entry.path());
            }
        }
    }
    by_name.into_values().collect()
}

/// What a unit says, its drop-ins after it; none if it is not there or cannot be read.
pub(super) fn text(root: &Path, name: &str) -> Option<String> {
    let mut text = fs::read_to_string(place(root, name)?).ok()?;
    for file in drop_ins(root, name) {
        text.push('\n');
        text.push_str(&fs::read_to_string(file).unwrap_or_default());
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::atomic;

    #[test]
    fn a_drop_in_of_the_administrator_stands_for_the_packages() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let put =
            |path: &str, text: &str| atomic::write(&root.join(path), text.as_bytes()).unwrap();
        assert_eq!(text(root, "a.service"), None);
        put("usr/lib/systemd/system/a.service", "package");
        put("usr/lib/systemd/system/a.service.d/20-two.conf", "hidden");
        put("usr/lib/systemd/system/a.service.d/30-three.conf", "three");
        put("etc/systemd/system/a.service.d/20-two.conf", "two");
        put("run/systemd/system/a.service.d/10-one.conf", "one");
        put("etc/systemd/system/a.service.d/README", "no drop-in");
        assert_eq!(text(root, "a.service").unwrap(), "package\none\ntwo\nthree");
        put("etc/systemd/system/a.service", "own");
        assert_eq!(text(root, "a.service").unwrap(), "own\none\ntwo\nthree");
    }
}
