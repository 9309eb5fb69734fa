//! Attributes of bcache in sysfs, as they were read at one moment.
//!
//! The kernel takes its registration lock for each of them (`SHOW_LOCKED` in drivers/md/bcache/sysfs.h). There is one for the whole
//! host; it is kept while a device is taken up, for as long as that hangs; and who waits for it cannot be killed. So they are read by
//! grep(1), all at once: a process that can be left behind.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::exec::{Cmd, Exec, ExecError, Output};
use crate::model::Bytes;
use crate::{Error, Kind, Result};

/// So many files are asked for at once: their names are far from what the kernel takes as arguments, 2 MiB.
const AT_ONCE: usize = 8192;
/// No attribute is larger than a page.
const PAGE: u64 = 4096;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Attributes(HashMap<PathBuf, String>);

impl Attributes {
    /// Reads files; those that are not there, or have just gone, are left out. Starts no process for none.
    ///
    /// Errors: [`Kind::Timeout`] while the kernel takes up a device that hangs.
    pub(super) fn read(exec: &Exec, files: &[PathBuf], deadline: Duration) -> Result<Self> {
        let mut found = HashMap::new();
        for some in files.chunks(AT_ONCE) {
            // 1: all are empty; 2: one is not there.
            let cmd = Cmd::query("grep")
                .args(["-s", "-a", "-H", "--null", "--", ""])
                .args(some)
                .ok_codes(&[1, 2])
                .stdout_limit(Bytes(PAGE * AT_ONCE as u64))
                .deadline(deadline);
            let output = exec.run(&cmd).map_err(|error| silent(error, deadline))?;
            parse(&output, &mut found)?;
        }
        Ok(Self(found))
    }

    /// One of them, without its line end.
    pub(super) fn text(&self, file: &Path) -> Option<&str> {
        self.0.get(file).map(String::as_str)
    }

    /// One of those in a directory.
    pub(super) fn get(&self, dir: &Path, name: &str) -> Option<&str> {
        self.text(&dir.join(name))
    }

    /// One of them, as a number.
    pub(super) fn number(&self, dir: &Path, name: &str) -> Option<u64> {
        self.get(dir, name)?.parse().ok()
    }
}

/// Nothing is wrong with a cache of which the kernel does not speak.
fn silent(error: ExecError, deadline: Duration) -> Error {
    if !matches!(error, ExecError::Timeout { .. }) {
        return error.into();
    }
    let deadline = humantime::format_duration(deadline);
    let message = format!("the kernel has said nothing of its bcaches for {deadline}");
    Error::new(Kind::Timeout, message).remedy(
        "nothing is lost: it says nothing of any of this host's while it takes up a device that hangs; see whether Ceph answers \
         (`ceph -s`), then run the same command again",
    )
}

/// Each line is that of a file, with its name and a NUL before it.
fn parse(output: &Output, found: &mut HashMap<PathBuf, String>) -> Result<(), ExecError> {
    let lines = output.stdout.split(|byte| *byte == b'\n');
    for line in lines.filter(|line| !line.is_empty()) {
        let end = line.iter().position(|byte| *byte == 0);
        let (file, text) = end
            .and_then(|end| Some((line.get(..end)?, line.get(end + 1..)?)))
            .ok_or_else(|| output.bad("a line without a file's name"))?;
        let text = std::str::from_utf8(text).map_err(|error| output.bad(error.to_string()))?;
        let file = PathBuf::from(OsString::from_vec(file.to_vec()));
        found
            .entry(file)
            .and_modify(|lines| {
                lines.push('\n');
                lines.push_str(text);
            })
            .or_insert_with(|| text.to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_read_at_once_and_what_is_not_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        let file = |name: &str| root.path().join(name);
        for (name, text) in [("a:1", "x\n"), ("two lines", "b\n\nc: d\n"), ("empty", "")] {
            crate::sys::atomic::write(&file(name), text.as_bytes()).unwrap();
        }
        let files = ["a:1", "two lines", "empty", "none"].map(file);
        let read = |files: &[PathBuf]| {
            Attributes::read(&Exec::default(), files, Duration::from_secs(60)).unwrap()
        };
        let found = read(&files);
        let get = |name| found.get(root.path(), name);
        assert_eq!(get("a:1"), Some("x"));
        assert_eq!(get("two lines"), Some("b\n\nc: d"));
        assert_eq!((get("empty"), get("none")), (None, None));
        assert_eq!(read(&files[3..]), Attributes::default());
        // Not even looked for.
        let nothing = Attributes::read(&Exec::new([]), &[], Duration::from_secs(60));
        assert_eq!(nothing.unwrap(), Attributes::default());
    }
}
