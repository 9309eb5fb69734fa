//! Where backups are made on hosts, if not in the VMs' directories: `BACKUP_BASE_PATH` in oned's `datastore.conf`. What brings a
//! backup to its datastore looks for it there.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::shell;
use crate::model::PlainPath;
use crate::{Error, Kind, Result};

/// What is set below oned's directory; the last assignment counts, as in a shell, whose syntax the file has.
///
/// # Errors
/// [`Kind::Config`] for what only a shell could evaluate, and for what is no absolute path.
pub(super) fn find(var: &Path) -> Result<Option<PathBuf>> {
    let file = var.join("remotes/etc/datastore/datastore.conf");
    let wrong = |why: String| {
        let message = format!("BACKUP_BASE_PATH in {} {why}", file.display());
        Error::new(Kind::Config, message)
            .remedy("set it to an absolute path without variables, or leave it out")
    };
    let text = match std::fs::read_to_string(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|error| wrong("cannot be read".into()).because(error))?,
    };
    let Some(set) = shell::assigned(&text, "BACKUP_BASE_PATH") else {
        return Ok(None);
    };
    let Some(path) = set.value else {
        let why = format!("is {}, which only a shell understands", set.written);
        return Err(wrong(why));
    };
    let path = PathBuf::from(path);
    match path {
        path if path.as_os_str().is_empty() => Ok(None),
        path if PlainPath::of(&path, 1).is_some() => Ok(Some(path)),
        path => Err(wrong(format!(
            "is {}, which is no absolute path",
            path.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_as_a_shell_has_it() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(find(dir.path()).unwrap(), None, "no such file");
        let file = dir.path().join("remotes/etc/datastore/datastore.conf");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let set = |text: &str| {
            crate::sys::atomic::write(&file, text.as_bytes()).unwrap();
            find(dir.path())
        };
        for (text, path) in [
            ("SUPPORTED_FS=ext4,xfs\n# BACKUP_BASE_PATH=/a\n", None),
            (
                "BACKUP_BASE_PATH=\"/var/tmp/backups\"",
                Some("/var/tmp/backups"),
            ),
            (
                "BACKUP_BASE_PATH=/a\n export BACKUP_BASE_PATH='/b c' # mine\n",
                Some("/b c"),
            ),
            ("BACKUP_BASE_PATH=\n", None),
            ("BACKUP_BASE_PATH=''\n", None),
        ] {
            assert_eq!(set(text).unwrap().as_deref(), path.map(Path::new), "{text}");
        }
        for bad in ["backups", "$HOME/b", "`pwd`", "/a/../b", "/", "'/a", "/a b"] {
            let error = set(&format!("BACKUP_BASE_PATH={bad}")).unwrap_err();
            assert_eq!(error.kind(), Kind::Config, "{bad}");
        }
    }
}
