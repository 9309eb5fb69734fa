//! mkfs(8) and mkswap(8): a file system on a device or in a file.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::exec::{Cmd, Exec, ExecError};
use crate::model::ParseError;

/// Writing the structures of a large ext4 takes its time.
const DEADLINE: Duration = Duration::from_secs(600);

/// What a disk is formatted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileSystem {
    /// ext2
    Ext2,
    /// ext3
    Ext3,
    /// ext4
    Ext4,
    /// XFS
    Xfs,
    /// btrfs
    Btrfs,
    /// FAT
    Vfat,
    /// NTFS
    Ntfs,
    /// Swap space
    Swap,
}

impl FileSystem {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Ext2,
        Self::Ext3,
        Self::Ext4,
        Self::Xfs,
        Self::Btrfs,
        Self::Vfat,
        Self::Ntfs,
        Self::Swap,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ext2 => "ext2",
            Self::Ext3 => "ext3",
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
            Self::Vfat => "vfat",
            Self::Ntfs => "ntfs",
            Self::Swap => "swap",
        }
    }

    /// The tool that makes it, and how that is made to ask nothing.
    fn command(self) -> Cmd {
        let args: &[&str] = match self {
            Self::Ext2 | Self::Ext3 | Self::Ext4 => &["-q", "-F"],
            Self::Xfs | Self::Btrfs => &["-q", "-f"],
            Self::Ntfs => &["-Q", "-F"],
            Self::Vfat => &[],
            Self::Swap => return Cmd::change("mkswap").deadline(DEADLINE),
        };
        Cmd::change(&format!("mkfs.{self}"))
            .args(args)
            .deadline(DEADLINE)
    }
}

impl FromStr for FileSystem {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let found = Self::ALL
            .into_iter()
            .find(|fs| fs.as_str().eq_ignore_ascii_case(word));
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            ParseError::new("file system", word, format!("is not one of {known}"))
        })
    }
}

impl fmt::Display for FileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Formats what is at a path.
pub fn make(exec: &Exec, fs: FileSystem, on: &Path) -> Result<(), ExecError> {
    exec.run(&fs.command().arg(on)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_ask_nothing() {
        let shown = FileSystem::ALL.map(|fs| fs.command().arg("/dev/x").to_string());
        insta::assert_snapshot!(shown.join("\n"), @r"
        mkfs.ext2 -q -F /dev/x
        mkfs.ext3 -q -F /dev/x
        mkfs.ext4 -q -F /dev/x
        mkfs.xfs -q -f /dev/x
        mkfs.btrfs -q -f /dev/x
        mkfs.vfat /dev/x
        mkfs.ntfs -Q -F /dev/x
        mkswap /dev/x
        ");
        assert_eq!("EXT4".parse::<FileSystem>().unwrap(), FileSystem::Ext4);
        assert!("ext4 -E x".parse::<FileSystem>().is_err());
    }
}
