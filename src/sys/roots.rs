//! Where the machine's directories are; all of them can be moved below a prefix, for tests.

use std::path::{Path, PathBuf};

/// The directories that this program reads and writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// The kernel's objects, `/sys`.
    pub sys: PathBuf,
    /// The kernel's processes and mounts, `/proc`.
    pub proc: PathBuf,
    /// Device nodes, `/dev`.
    pub dev: PathBuf,
    /// Configuration, `/etc/warmblock`.
    pub etc: PathBuf,
    /// What outlives a boot: the records, `/var/lib/warmblock`.
    pub state: PathBuf,
    /// What does not: the locks, `/run/warmblock`.
    pub run: PathBuf,
    /// udev's run-time directory, `/run/udev`.
    pub udev: PathBuf,
    /// What libvirt knows of the guests of QEMU's that run, `/run/libvirt/qemu`.
    pub guests: PathBuf,
}

impl Roots {
    /// Every directory below a prefix; `/` for the machine's own.
    pub fn at(prefix: impl AsRef<Path>) -> Self {
        let below = |path: &str| prefix.as_ref().join(path);
        Self {
            sys: below("sys"),
            proc: below("proc"),
            dev: below("dev"),
            etc: below("etc/warmblock"),
            state: below("var/lib/warmblock"),
            run: below("run/warmblock"),
            udev: below("run/udev"),
            guests: below("run/libvirt/qemu"),
        }
    }

    /// The node of a device-mapper device, `/dev/mapper/NAME`.
    pub fn mapper(&self, name: impl std::fmt::Display) -> PathBuf {
        self.dev.join("mapper").join(name.to_string())
    }
}

impl Default for Roots {
    fn default() -> Self {
        Self::at("/")
    }
}
