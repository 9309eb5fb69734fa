//! Where an OpenNebula front-end keeps its things.

use std::path::{Path, PathBuf};

use super::voice::Dialect;

/// The directories of an OpenNebula.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Drivers, which go to the hosts as well.
    pub remotes: PathBuf,
    /// Settings.
    pub etc: PathBuf,
    /// oned's own.
    pub var: PathBuf,
}

impl Tree {
    /// The packages' tree, or the self-contained one at `$ONE_LOCATION`.
    pub fn find() -> Self {
        let location = std::env::var_os("ONE_LOCATION").filter(|at| !at.is_empty());
        location.map_or_else(Self::packaged, Self::at)
    }

    /// What packages of distributions install.
    fn packaged() -> Self {
        Self {
            remotes: "/var/lib/one/remotes".into(),
            etc: "/etc/one".into(),
            var: "/var/lib/one".into(),
        }
    }

    /// A self-contained installation.
    pub fn at(location: impl AsRef<Path>) -> Self {
        let location = location.as_ref();
        Self {
            remotes: location.join("var/remotes"),
            etc: location.join("etc"),
            var: location.join("var"),
        }
    }

    /// The settings of oned.
    pub fn oned_conf(&self) -> PathBuf {
        self.etc.join("oned.conf")
    }

    /// The settings of the hypervisors' driver.
    pub fn execrc(&self) -> PathBuf {
        self.etc.join("vmm_exec/vmm_execrc")
    }

    /// The release, as far as it can be told.
    pub fn version(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.remotes.join("VERSION")).ok()?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// How its release wants to be spoken to.
    pub fn dialect(&self) -> Dialect {
        Dialect::of(&self.version().unwrap_or_default())
    }
}
