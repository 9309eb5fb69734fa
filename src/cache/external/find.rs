//! Where drivers from outside are, and whether they may be run: a driver runs as root, so nobody else may be able to
//! exchange it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::model::DriverName;
use crate::sys::trust::{self, Trust};
use crate::{Error, Kind, Result};

/// The executable in a driver's directory.
pub const EXECUTABLE: &str = "driver";

/// A driver's directory.
#[derive(Debug)]
pub struct Found {
    /// The directory.
    pub dir: PathBuf,
    /// Its executable, or why it is not run.
    pub program: Result<PathBuf>,
}

/// The drivers in these directories by name, the first that has one wins. Nothing is run. What is no directory of a
/// driver (no `driver` in it, a name that none can have) is passed by.
pub fn find(dirs: &[PathBuf]) -> BTreeMap<DriverName, Found> {
    let mut found = BTreeMap::new();
    for dir in dirs {
        for name in crate::sys::block::entries(dir) {
            let Ok(name) = name.parse::<DriverName>() else {
                continue;
            };
            let dir = dir.join(name.as_str());
            if dir.join(EXECUTABLE).symlink_metadata().is_ok() {
                let program = program(&dir);
                found.entry(name).or_insert(Found { dir, program });
            }
        }
    }
    found
}

/// The executable of a driver's directory, as it is without symbolic links.
///
/// Errors: [`Kind::NotFound`] if there is none, [`Kind::Config`] if somebody else could exchange it.
pub fn program(dir: &Path) -> Result<PathBuf> {
    let file = dir.join(EXECUTABLE);
    let path = file.canonicalize().map_err(|error| {
        Error::new(
            Kind::NotFound,
            format!("cannot find the driver's executable {}", file.display()),
        )
        .because(error)
        .remedy("a driver is a directory with an executable file `driver` in it")
    })?;
    let judged = trust::judge(&path).map_err(|error| {
        Error::new(Kind::Failed, format!("cannot look at {}", path.display())).because(error)
    })?;
    if let Trust::Exchangeable { part, why } = judged {
        let (dir, part) = (dir.display(), part.display());
        let message = format!("the driver {dir} is not run: {part} {why}");
        return Err(Error::new(Kind::Config, message).remedy(format!(
            "`chown root: {part}; chmod go-w {part}`, once you know who put it there"
        )));
    }
    if path
        .metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    {
        return Ok(path);
    }
    Err(Error::new(
        Kind::Config,
        format!("{} is no executable file", path.display()),
    )
    .remedy(format!("`chmod 755 {}`", path.display())))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    fn driver(root: &Path, name: &str, mode: u32) -> PathBuf {
        let dir = root.join(name);
        crate::sys::atomic::write_mode(&dir.join(EXECUTABLE), b"#!/bin/sh\n", 0o755).unwrap();
        std::fs::set_permissions(dir.join(EXECUTABLE), Permissions::from_mode(mode)).unwrap();
        dir
    }

    #[test]
    fn the_first_directory_wins_and_others_are_passed_by() {
        let root = tempfile::tempdir().unwrap();
        let (a, b) = (root.path().join("a"), root.path().join("b"));
        driver(&a, "one", 0o755);
        driver(&b, "one", 0o755);
        driver(&b, "two", 0o755);
        driver(&b, "Odd name", 0o755);
        std::fs::create_dir_all(b.join("three")).unwrap();
        let found = find(&[a.clone(), b, root.path().join("none")]);
        assert_eq!(
            found.keys().map(DriverName::as_str).collect::<Vec<_>>(),
            ["one", "two"]
        );
        let one = &found[&"one".parse().unwrap()];
        assert_eq!(one.dir, a.join("one"));
        assert!(one.program.is_ok());
    }

    #[test]
    fn what_others_can_exchange_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let refused = |dir: &Path| program(dir).unwrap_err();
        let dir = driver(root.path(), "group", 0o775);
        assert_eq!(refused(&dir).kind(), Kind::Config);
        assert!(refused(&dir).remedy_text().unwrap().contains("chmod go-w"));
        let dir = driver(root.path(), "dir", 0o755);
        std::fs::set_permissions(&dir, Permissions::from_mode(0o777)).unwrap();
        assert!(refused(&dir).to_string().contains("mode 777"));
        let dir = driver(root.path(), "plain", 0o644);
        assert!(refused(&dir).to_string().contains("no executable"));
        assert_eq!(refused(root.path()).kind(), Kind::NotFound);
        // a link leads to what is judged, not to itself
        let dir = root.path().join("link");
        std::fs::create_dir(&dir).unwrap();
        let target = driver(root.path(), "world", 0o757).join(EXECUTABLE);
        crate::sys::atomic::symlink(&target, &dir.join(EXECUTABLE)).unwrap();
        assert!(refused(&dir).to_string().contains("mode 757"));
    }
}
