//! The reader of tgt-admin's files on anything at all: the first NUL divides the main file from one that it may include.

#![no_main]

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use libfuzzer_sys::fuzz_target;
use warmblock::tgt::check;
use warmblock::tgt::conf::{FileKind, Files};

const MAIN: &str = "/etc/tgt/targets.conf";
const OTHER: &str = "/etc/tgt/conf.d/a.conf";

struct Two<'a>(&'a [u8], &'a [u8]);

impl Files for Two<'_> {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        if path == Path::new(MAIN) || path == Path::new(OTHER) {
            return Some(FileKind::File);
        }
        let inside = !path.as_os_str().is_empty() && Path::new(OTHER).starts_with(path);
        inside.then_some(FileKind::Directory)
    }

    fn is_named(&self, path: &Path) -> bool {
        self.kind(path).is_some()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path {
            path if path == Path::new(MAIN) => Ok(self.0.to_vec()),
            path if path == Path::new(OTHER) => Ok(self.1.to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let name = if directory == Path::new("/etc/tgt") {
            "conf.d"
        } else {
            "a.conf"
        };
        Ok(vec![name.into()])
    }

    fn mode(&self, _path: &Path) -> Option<u32> {
        Some(0o644)
    }
}

fuzz_target!(|data: &[u8]| {
    let cut = data.iter().position(|byte| *byte == 0);
    let (main, other) = data.split_at(cut.unwrap_or(data.len()));
    check::check(&Two(main, other), &[PathBuf::from(MAIN)], true);
});
