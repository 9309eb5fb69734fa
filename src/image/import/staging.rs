//! A file of a stream, for a format that cannot be read from the front to the end.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::tap::{fill, unreadable};
use super::zero;
use crate::host::Host;
use crate::{Error, Kind, Result};

const PIECE: usize = 4 << 20;

/// Where staged files are, unless the job says otherwise. `/tmp` is often in memory, `/var/tmp` is not.
fn directory(asked: Option<&Path>) -> PathBuf {
    let from_env = || std::env::var_os("TMPDIR").map(PathBuf::from);
    asked
        .map(Path::to_owned)
        .or_else(from_env)
        .unwrap_or_else(|| PathBuf::from("/var/tmp"))
}

/// A file that has no name, so that it is gone with the process whatever happens to that.
pub(super) fn file(asked: Option<&Path>, host: &Host) -> Result<File> {
    let directory = directory(asked);
    let failed = |error| failed(&directory, error);
    host.as_caller(|| tempfile::tempfile_in(&directory).map_err(failed))
}

fn failed(directory: &Path, error: std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Kind::NoSpace,
        _ => Kind::Failed,
    };
    Error::new(kind, format!("cannot stage the source in {}", directory.display()))
        .because(error)
        .remedy(
            "only raw disks are read from a stream: choose another --staging-dir (STAGING_DIR of OpenNebula's datastore), or \
             import an unpacked file",
        )
}

/// Reads a stream into such a file.
pub(super) fn stage(from: &mut dyn Read, asked: Option<&Path>, host: &Host) -> Result<File> {
    let file = file(asked, host)?;
    let failed = |error| failed(&directory(asked), error);
    let mut buffer = vec![0; PIECE];
    let mut at = 0;
    loop {
        host.cancel.check()?;
        let filled = fill(from, &mut buffer).map_err(unreadable)?;
        let piece = buffer.get(..filled).unwrap_or_default();
        for range in zero::data(piece) {
            let part = piece.get(range.clone()).unwrap_or_default();
            file.write_all_at(part, at + range.start as u64)
                .map_err(failed)?;
        }
        at += filled as u64;
        if filled < PIECE {
            file.set_len(at).map_err(failed)?;
            return Ok(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::Cancel;
    use crate::config::Config;
    use crate::progress::ProgressMode;
    use crate::sys::Roots;

    fn host() -> Host {
        let roots = Roots::at(Path::new("/nowhere"));
        Host::new(Config::default(), roots, ProgressMode::Quiet, Cancel::new())
    }

    #[test]
    fn a_staged_file_is_what_came() {
        let mut bytes = vec![0; PIECE + zero::GRAIN * 3 + 5];
        bytes[PIECE + 1] = 7;
        let dir = tempfile::tempdir().unwrap();
        let file = stage(&mut &bytes[..], Some(dir.path()), &host()).unwrap();
        let mut back = vec![1; bytes.len() + 1];
        assert_eq!(file.read_at(&mut back, 0).unwrap(), bytes.len());
        assert_eq!(back[..bytes.len()], bytes);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn no_directory_is_an_error_that_names_it() {
        let error = stage(&mut &b"x"[..], Some(Path::new("/no/such")), &host()).unwrap_err();
        assert!(error.chain().contains("/no/such"));
    }
}
