//! The registry in a file: for a single gateway, or on a file system that all of them share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Snapshot, Store};
use crate::sys::lock::DiskLock;
use crate::sys::{atomic, host};
use crate::{Error, Kind, Result};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    generation: u64,
    entries: BTreeMap<String, Value>,
}

const VERSION: u32 = 1;

/// How long the lock of the file is waited for: it is held for the moment of a read and a write only.
const PATIENCE: Duration = Duration::from_secs(30);

/// A file; changes are made under flock(2) on `FILE.lock`, which says who makes them, and the file is replaced as a whole.
#[derive(Debug, Clone)]
pub struct FileStore {
    file: PathBuf,
    patience: Duration,
}

impl FileStore {
    /// The registry in a file, which need not be there yet.
    pub const fn new(file: PathBuf) -> Self {
        Self {
            file,
            patience: PATIENCE,
        }
    }

    fn locked<T>(&self, what: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut path = self.file.clone().into_os_string();
        path.push(".lock");
        // the file may be on a file system that all gateways share: a process number alone names nobody
        let here = host::hostname().map_or_else(|_| "another host".into(), |name| name.to_string());
        let by = format!("`warmblock tgt` on {here}");
        let _lock = DiskLock::of_file(&PathBuf::from(path), &self.place(), &by, self.patience)?;
        what()
    }
}

impl Store for FileStore {
    fn read(&self) -> Result<Snapshot> {
        let Some(document) = atomic::read_json::<Document>(&self.file)? else {
            return Ok(Snapshot::default());
        };
        if document.version != VERSION {
            return Err(Error::new(
                Kind::Mismatch,
                format!(
                    "{} has version {}, and this program knows {VERSION}",
                    self.file.display(),
                    document.version
                ),
            )
            .remedy("use the warmblock that wrote it"));
        }
        Ok(Snapshot {
            generation: document.generation,
            entries: document.entries,
        })
    }

    fn generation(&self) -> Result<u64> {
        Ok(self.read()?.generation)
    }

    fn write(&self, old: u64, entries: &BTreeMap<String, Value>) -> Result<bool> {
        self.locked(|| {
            let now = self.read()?;
            if now.generation != old {
                return Ok(false);
            }
            let mut all = now.entries;
            all.extend(
                entries
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone())),
            );
            let document = Document {
                version: VERSION,
                generation: old + 1,
                entries: all,
            };
            atomic::write_json(&self.file, &document)?;
            Ok(true)
        })
    }

    fn place(&self) -> String {
        format!("the registry {}", self.file.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever was stopped in the middle of a change must not stop all gateways for ever.
    #[test]
    fn a_lock_that_is_never_let_go_is_an_error_that_names_its_holder() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore {
            file: dir.path().join("sub/registry"),
            patience: Duration::from_millis(20),
        };
        let change = || store.write(0, &BTreeMap::from([("a".to_owned(), Value::from(1))]));
        let stopped = store.locked(|| {
            let error = change().unwrap_err();
            assert_eq!(error.kind(), Kind::Busy);
            let said = error.to_string();
            let holder = format!("process {} (`warmblock tgt` on ", std::process::id());
            assert!(
                said.contains(&holder) && said.contains("sub/registry"),
                "{said}"
            );
            Ok(())
        });
        stopped.unwrap();
        assert!(change().unwrap());
    }
}
