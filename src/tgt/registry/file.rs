//! The registry in a file: for a single gateway, or on a file system that all of them share.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Snapshot, Store};
use crate::sys::atomic;
use crate::{Error, Kind, Result};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    generation: u64,
    entries: BTreeMap<String, Value>,
}

const VERSION: u32 = 1;

/// A file; changes are made under flock(2) on `FILE.lock`, and the file is replaced as a whole.
#[derive(Debug, Clone)]
pub struct FileStore(PathBuf);

impl FileStore {
    /// The registry in a file, which need not be there yet.
    pub const fn new(file: PathBuf) -> Self {
        Self(file)
    }

    fn locked<T>(&self, what: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut path = self.0.clone().into_os_string();
        path.push(".lock");
        let path = PathBuf::from(path);
        let cannot = |error| {
            Error::new(Kind::Failed, format!("cannot lock {}", path.display())).because(error)
        };
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(cannot)?;
        }
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(cannot)?;
        // held for the moment of a read and a write only, and the kernel lets go of a dead holder's
        file.lock().map_err(cannot)?;
        what()
    }
}

impl Store for FileStore {
    fn read(&self) -> Result<Snapshot> {
        let Some(document) = atomic::read_json::<Document>(&self.0)? else {
            return Ok(Snapshot::default());
        };
        if document.version != VERSION {
            return Err(Error::new(
                Kind::Mismatch,
                format!(
                    "{} has version {}, and this program knows {VERSION}",
                    self.0.display(),
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
            atomic::write_json(&self.0, &document)?;
            Ok(true)
        })
    }

    fn place(&self) -> String {
        format!("the registry {}", self.0.display())
    }
}
