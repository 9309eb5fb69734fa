//! Several files at once: each is the old or the new one, and all of them are on disk in the end.
//!
//! One after the other each file costs two commits of the file system's journal (2.5 ms on an SSD, 2.5 s for a thousand
//! files). All are written before the first is made durable, and several are made durable at a time, so that they share commits.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{cannot, sync_dir, temp_name};
use crate::error::Result;

/// How many are open at a time; a process may have 1024.
const OPEN: usize = 256;
/// How many are made durable at a time.
const AT_ONCE: usize = 8;

/// A file that is to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewFile<'a> {
    /// Where.
    pub path: &'a Path,
    /// What.
    pub bytes: &'a [u8],
    /// Its mode, whatever the umask.
    pub mode: u32,
}

/// Writes files. After an error some may be new and the others old, but none is half of either.
pub fn write_all(files: &[NewFile<'_>]) -> Result<()> {
    let mut prepared = Prepared(Vec::new());
    for part in files.chunks(OPEN) {
        prepared.write(part)?;
    }
    for file in files {
        crate::fault::step(&format!("prepare {}", file.path.display()));
    }
    prepared.rename(files)?;
    let dirs: BTreeSet<Option<&Path>> = files.iter().map(|file| file.path.parent()).collect();
    let one_of_each = dirs.iter().filter_map(|dir| {
        let mut inside = files.iter().filter(|file| file.path.parent() == *dir);
        inside.next()
    });
    for file in one_of_each {
        sync_dir(file.path).map_err(|error| cannot("write", file.path, error))?;
    }
    Ok(())
}

/// Temporary files beside those that they are to become; removed unless they became them.
struct Prepared(Vec<PathBuf>);

impl Prepared {
    /// Writes some under temporary names, and makes them durable.
    fn write(&mut self, files: &[NewFile<'_>]) -> Result<()> {
        let mut open = Vec::with_capacity(files.len());
        for file in files {
            let written = self.one(file);
            open.push(written.map_err(|error| cannot("write", file.path, error))?);
        }
        let share = files.len().div_ceil(AT_ONCE).max(1);
        let synced = |(file, open): (&NewFile<'_>, &File)| {
            open.sync_all()
                .map_err(|error| cannot("write", file.path, error))
        };
        let sync =
            |files: &[NewFile<'_>], open: &[File]| files.iter().zip(open).try_for_each(synced);
        if files.len() < AT_ONCE {
            return sync(files, &open);
        }
        std::thread::scope(|scope| {
            let parts = files.chunks(share).zip(open.chunks(share));
            let threads: Vec<_> = parts
                .map(|(files, open)| scope.spawn(move || sync(files, open)))
                .collect();
            threads
                .into_iter()
                .try_for_each(|thread| match thread.join() {
                    Ok(done) => done,
                    Err(panic) => std::panic::resume_unwind(panic),
                })
        })
    }

    fn one(&mut self, file: &NewFile<'_>) -> io::Result<File> {
        if let Some(dir) = file.path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        let temp = temp_name(file.path);
        let mut options = OpenOptions::new();
        let mut open = options
            .write(true)
            .create_new(true)
            .mode(file.mode)
            .open(&temp)?;
        self.0.push(temp);
        // A service reads what an operator writes, whose umask may be stricter than the mode.
        open.set_permissions(Permissions::from_mode(file.mode))?;
        open.write_all(file.bytes)?;
        Ok(open)
    }

    /// Gives all of them their names.
    fn rename(&mut self, files: &[NewFile<'_>]) -> Result<()> {
        self.0.reverse();
        for file in files {
            let Some(temp) = self.0.last() else { break };
            std::fs::rename(temp, file.path).map_err(|error| cannot("write", file.path, error))?;
            self.0.pop();
            crate::fault::step(&format!("write {}", file.path.display()));
        }
        Ok(())
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        for temp in &self.0 {
            // the first error is the one to tell; a file that stays is found by sweep()
            let _swept = std::fs::remove_file(temp);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(dir: &Path) -> usize {
        std::fs::read_dir(dir).unwrap().count()
    }

    #[test]
    fn many_are_written_with_their_modes() {
        let dir = tempfile::tempdir().unwrap();
        let count = OPEN * 2 + 3;
        let names: Vec<PathBuf> = (0..count)
            .map(|n| dir.path().join(format!("d{}/f{n}", n % 2)))
            .collect();
        for round in ["old", "new"] {
            let texts: Vec<String> = (0..count).map(|n| format!("{round} {n}")).collect();
            let files = names.iter().zip(&texts).map(|(path, text)| NewFile {
                path,
                bytes: text.as_bytes(),
                // More than most umasks leave.
                mode: 0o666,
            });
            write_all(&files.collect::<Vec<_>>()).unwrap();
            for (path, text) in names.iter().zip(&texts) {
                assert_eq!(std::fs::read_to_string(path).unwrap(), *text);
                assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o666);
            }
        }
        assert_eq!(
            entries(&dir.path().join("d0")) + entries(&dir.path().join("d1")),
            count,
            "no temporary file is left"
        );
        write_all(&[]).unwrap();
    }

    #[test]
    fn none_is_new_when_one_cannot_be_prepared() {
        let dir = tempfile::tempdir().unwrap();
        super::super::write(&dir.path().join("file"), b"x").unwrap();
        let (good, bad) = (dir.path().join("good"), dir.path().join("file/below"));
        let new = |path| NewFile {
            path,
            bytes: b"y",
            mode: 0o600,
        };
        assert!(write_all(&[new(&good), new(&bad)]).is_err());
        assert_eq!(entries(dir.path()), 1, "only what was there");
    }
}
