//! flashcache's tools: `flashcache_create`, `flashcache_load`, and what its target and its files below /proc tell. Facts:
//! flashcache's own sources, last changed in 2017; no kernel after 4.7 builds it.
//!
//! `flashcache_destroy` is not used: it does no more than zero the superblock, which the wipe of a slice does as well, also where there
//! is none; and it refuses a cache that is dirty, which after `--discard-dirty` is to go, and before is never wiped.
//!
//! The force flag `-f` is never given. What it would skip is dealt with before: an old superblock is wiped by
//! whoever owns the slice, and the sizes that make the tool ask on its terminal are refused in words.

mod figures;

use std::path::Path;

use crate::error::{Error, Kind};
use crate::exec::{Cmd, Exec, ExecError};
use crate::model::{Bytes, CacheMode, DmName};
use crate::sys::Roots;
use crate::tools::udev;

pub use figures::{Conf, Counters, parse_conf, parse_counters, parse_errors, parse_proc};

/// The cache block: what it caches, and nothing smaller.
pub const BLOCK: Bytes = Bytes::kib(4);
/// Blocks of a set. A set holds a contiguous stretch of the disk, `BLOCK` × `ASSOCIATIVITY`.
pub const ASSOCIATIVITY: u64 = 512;
/// What a block costs of the kernel's memory.
const MEMORY_OF_A_BLOCK: u64 = 22;

/// How flashcache treats writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Acknowledged by the SSD.
    Back,
    /// Acknowledged by the disk, and cached.
    Through,
    /// Acknowledged by the disk, and not cached.
    Around,
}

impl Mode {
    /// The word of `-p`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Back => "back",
            Self::Through => "thru",
            Self::Around => "around",
        }
    }
}

impl From<Mode> for CacheMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Back => Self::Writeback,
            Mode::Through => Self::Writethrough,
            Mode::Around => Self::Writearound,
        }
    }
}

/// flashcache's mode for one of ours; `None` for no cache at all.
pub const fn mode(mode: CacheMode) -> Option<Mode> {
    match mode {
        CacheMode::Writeback => Some(Mode::Back),
        CacheMode::Writethrough => Some(Mode::Through),
        CacheMode::Writearound => Some(Mode::Around),
        CacheMode::None => None,
    }
}

/// What the tools refuse.
#[derive(Debug, thiserror::Error)]
pub enum FlashcacheError {
    /// There is a superblock on the SSD: it may hold dirty data.
    #[error("there is a flashcache on {0} already")]
    Exists(String),
    /// The tool asked on its terminal whether to go on.
    #[error("flashcache_create asks before it makes such a cache: {0}")]
    Asks(String),
    /// The sizes are not those of the superblock, or it is none.
    #[error("the cache on {ssd} cannot be loaded: {why}")]
    Unloadable {
        /// The SSD.
        ssd: String,
        /// What the tool said.
        why: String,
    },
    /// A tool failed otherwise.
    #[error(transparent)]
    Exec(#[from] ExecError),
}

impl From<FlashcacheError> for Error {
    fn from(error: FlashcacheError) -> Self {
        let message = error.to_string();
        match error {
            FlashcacheError::Exists(_) => Self::new(Kind::Exists, message)
                .remedy("it is loaded and written back if its lease says that it is dirty, and wiped otherwise: attach again"),
            FlashcacheError::Asks(_) => {
                Self::new(Kind::Usage, message).remedy("choose a smaller slice with --size, or the driver dm-cache")
            }
            FlashcacheError::Unloadable { .. } => Self::new(Kind::Dirty, message)
                .remedy("flashcache needs SSD and disk of the very sizes that it was made with"),
            FlashcacheError::Exec(error) => error.into(),
        }
    }
}

/// flashcache's tools on this host.
#[derive(Debug, Clone, Copy)]
pub struct Tools<'a> {
    exec: &'a Exec,
    roots: &'a Roots,
}

impl<'a> Tools<'a> {
    /// The tools, run by `exec`.
    pub const fn new(exec: &'a Exec, roots: &'a Roots) -> Self {
        Self { exec, roots }
    }

    /// Makes a cache of the whole SSD, as the device-mapper device `name`, which has no UUID then.
    pub fn create(
        &self,
        mode: Mode,
        name: &DmName,
        ssd: &Path,
        disk: &Path,
    ) -> Result<(), FlashcacheError> {
        match self.run(create(mode, name, ssd, disk)) {
            Err(error) if error.says("Valid Flashcache already exists") => {
                Err(FlashcacheError::Exists(ssd.display().to_string()))
            }
            Err(error) if error.says("Are you sure you want to proceed") => {
                let said = error.stderr().lines().next().unwrap_or_default().to_owned();
                Err(FlashcacheError::Asks(said))
            }
            ran => Ok(ran?),
        }
    }

    /// Brings a write-back cache back as its superblock has it: the disk's path and both sizes.
    pub fn load(&self, name: &DmName, ssd: &Path) -> Result<(), FlashcacheError> {
        self.run(load(name, ssd)).map_err(|error| match &error {
            ExecError::Failed { stderr, .. } => FlashcacheError::Unloadable {
                ssd: ssd.display().to_string(),
                why: stderr
                    .lines()
                    .next()
                    .unwrap_or("it does not say why")
                    .to_owned(),
            },
            _ => error.into(),
        })
    }

    fn run(&self, cmd: Cmd) -> Result<(), ExecError> {
        self.exec.run(&udev::with_dm_env(cmd, self.roots)).map(drop)
    }
}

/// Name, SSD, disk: the table of device-mapper has them the other way round.
fn create(mode: Mode, name: &DmName, ssd: &Path, disk: &Path) -> Cmd {
    Cmd::change("flashcache_create")
        .args(["-p", mode.as_str(), "-b", "4k"])
        .args(["-a", &ASSOCIATIVITY.to_string()])
        .arg(name.to_string())
        .args([ssd, disk])
}

fn load(name: &DmName, ssd: &Path) -> Cmd {
    Cmd::change("flashcache_load")
        .arg(ssd)
        .arg(name.to_string())
}

/// What a cache of a whole SSD takes of the host's memory.
pub const fn memory(ssd: Bytes) -> Bytes {
    Bytes(ssd.0 / BLOCK.0 * MEMORY_OF_A_BLOCK)
}

/// Why `flashcache_create` would ask on its terminal, which there is none of: in words, before it is run.
pub fn would_ask(ssd: Bytes, disk: Bytes, memory: Bytes) -> Option<String> {
    let needed = self::memory(ssd);
    if ssd > disk {
        return Some(format!(
            "the slice of {ssd} is larger than the image of {disk}"
        ));
    }
    (needed.0 > memory.0 / 4)
        .then(|| format!("it would take {needed} of the host's memory of {memory}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_in_their_order() {
        let key: crate::model::DiskKey = "801945f3-3-ab".parse().unwrap();
        let name = key.dm(crate::model::Role::Cache);
        let (ssd, disk) = (Path::new("/dev/ssd/s"), Path::new("/run/d"));
        assert_eq!(
            create(Mode::Through, &name, ssd, disk).to_string(),
            "flashcache_create -p thru -b 4k -a 512 wb-801945f3-3-ab-cache /dev/ssd/s /run/d"
        );
        assert_eq!(
            load(&name, ssd).to_string(),
            "flashcache_load /dev/ssd/s wb-801945f3-3-ab-cache"
        );
    }

    #[test]
    fn what_it_would_ask_about_is_known_before() {
        let ask = |ssd, disk| would_ask(ssd, disk, Bytes::gib(1));
        assert_eq!(ask(Bytes::gib(8), Bytes::gib(10)), None);
        assert!(
            ask(Bytes::gib(11), Bytes::gib(10))
                .unwrap()
                .contains("larger than the image")
        );
        assert!(
            ask(Bytes::gib(64), Bytes::gib(100))
                .unwrap()
                .contains("352 MiB")
        );
    }
}
