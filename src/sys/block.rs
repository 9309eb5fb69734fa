//! Block devices, as sysfs describes them (kernel: Documentation/ABI/stable/sysfs-block).

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::{Roots, wait};
use crate::error::{Error, Kind, Result};
use crate::model::{Bytes, ParseError, Sectors};

/// A device's number, `MAJOR:MINOR` as the kernel prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DevNum {
    /// Which driver.
    pub major: u32,
    /// Which of its devices.
    pub minor: u32,
}

impl DevNum {
    /// The number of a block device node; `NotFound` when there is no such node, and a plain file is refused.
    pub fn of(path: &Path) -> Result<Self> {
        let meta = path.metadata().map_err(|error| {
            let kind = match error.kind() {
                std::io::ErrorKind::NotFound => Kind::NotFound,
                _ => Kind::Failed,
            };
            Error::new(kind, format!("cannot look at {}", path.display())).because(error)
        })?;
        if !meta.file_type().is_block_device() {
            return Err(Error::new(
                Kind::Mismatch,
                format!("{} is no block device", path.display()),
            )
            .remedy("a file there hides the device: look at it, then remove it"));
        }
        Ok(Self::from_raw(meta.rdev()))
    }

    /// From a `dev_t` as stat(2) returns it.
    pub fn from_raw(raw: u64) -> Self {
        let part = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            major: part(nix::sys::stat::major(raw)),
            minor: part(nix::sys::stat::minor(raw)),
        }
    }

    /// The device's directory in sysfs, by number: right whatever its name is.
    pub fn sysfs(self, roots: &Roots) -> PathBuf {
        roots.sys.join("dev/block").join(self.to_string())
    }
}

impl fmt::Display for DevNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

impl FromStr for DevNum {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let refuse = || ParseError::new("device number", word, "is not MAJOR:MINOR");
        let (major, minor) = word.split_once(':').ok_or_else(refuse)?;
        let number = |digits: &str| match digits.chars().all(|c| c.is_ascii_digit()) {
            true => digits.parse().map_err(|_| refuse()),
            false => Err(refuse()),
        };
        Ok(Self {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

/// What sysfs says about a block device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its number.
    pub num: DevNum,
    /// Its kernel name, such as `dm-3` or `rbd0`.
    pub name: String,
    /// Its size.
    pub size: Sectors,
    /// Whether it refuses writes.
    pub read_only: bool,
    /// The smallest unit that it can address; 512 or 4096.
    pub logical_block: Bytes,
    /// Its device-mapper name and UUID, if it is such a device.
    pub dm: Option<DmIdent>,
    /// Kernel names of the devices that are built on it.
    pub holders: Vec<String>,
    /// Kernel names of the devices that it is built on.
    pub slaves: Vec<String>,
}

/// A device-mapper device's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DmIdent {
    /// The name below `/dev/mapper`.
    pub name: String,
    /// The UUID that it was created with; may be empty.
    pub uuid: String,
    /// Whether I/O to it is held back.
    pub suspended: bool,
}

impl Block {
    /// Reads what is known about a device; `None` when the kernel has none of that number.
    pub fn read(roots: &Roots, num: DevNum) -> Result<Option<Self>> {
        let dir = num.sysfs(roots);
        let Some(size) = attribute(&dir, "size") else {
            return Ok(None);
        };
        let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
        let Some(size) = number(Some(size)).map(Sectors) else {
            return Err(Error::new(
                Kind::Internal,
                format!("{}/size is no number", dir.display()),
            ));
        };
        let block = attribute(&dir, "queue/logical_block_size")
            // a partition has no queue of its own
            .or_else(|| attribute(&dir, "../queue/logical_block_size"));
        Ok(Some(Self {
            num,
            name: kernel_name(&dir),
            size,
            read_only: attribute(&dir, "ro").is_some_and(|ro| ro == "1"),
            logical_block: Bytes(number(block).unwrap_or(512)),
            dm: attribute(&dir, "dm/name").map(|name| DmIdent {
                name,
                uuid: attribute(&dir, "dm/uuid").unwrap_or_default(),
                suspended: attribute(&dir, "dm/suspended").is_some_and(|flag| flag == "1"),
            }),
            holders: entries(&dir.join("holders")),
            slaves: entries(&dir.join("slaves")),
        }))
    }

    /// Reads what is known about the device of a node.
    pub fn at(roots: &Roots, path: &Path) -> Result<Self> {
        let num = DevNum::of(path)?;
        let gone = || {
            Error::new(
                Kind::NotFound,
                format!("{} has no device behind it", path.display()),
            )
        };
        Self::read(roots, num)?.ok_or_else(gone)
    }
}

/// What was read from a device since it was made (kernel: Documentation/block/stat.rst, third field).
///
/// Errors: [`Kind::NotFound`] when the kernel has no such device.
pub fn sectors_read(roots: &Roots, num: DevNum) -> Result<Sectors> {
    counted(roots, num, 2)
}

/// What was written to a device since it was made (the seventh field).
///
/// Errors: as of [`sectors_read`].
pub fn sectors_written(roots: &Roots, num: DevNum) -> Result<Sectors> {
    counted(roots, num, 6)
}

fn counted(roots: &Roots, num: DevNum, field: usize) -> Result<Sectors> {
    let stat = attribute(&num.sysfs(roots), "stat").unwrap_or_default();
    let field = stat.split_whitespace().nth(field).map(str::parse);
    match field {
        Some(Ok(sectors)) => Ok(Sectors(sectors)),
        _ => {
            let message = format!("the kernel has no statistics of device {num}");
            Err(Error::new(Kind::NotFound, message))
        }
    }
}

/// Waits until a node is there and is a block device.
pub fn wait_for_node(path: &Path, deadline: Duration) -> Result<DevNum> {
    let what = format!("the device node {}", path.display());
    wait::until(&what, deadline, || match DevNum::of(path) {
        Ok(num) => Ok(Some(num)),
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    })
}

/// One attribute without its line end; `None` when it cannot be read, as when the device has just gone.
///
/// One read gives all of it, a page at most (kernel: filesystems/sysfs.rst). `fs::read_to_string` makes two system calls
/// more, which a thousand disks with a dozen attributes each make felt.
pub fn attribute(dir: &Path, name: &str) -> Option<String> {
    let mut page = [0; 4096];
    let len = File::open(dir.join(name)).ok()?.read(&mut page).ok()?;
    let text = std::str::from_utf8(page.get(..len)?).ok()?;
    Some(text.trim_end_matches('\n').to_owned())
}

/// The names in a directory, sorted; none when it is not there.
pub fn entries(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// `/sys/dev/block/M:N` is a link to the device's own directory, whose name is the kernel's (with `!` for `/`).
fn kernel_name(dir: &Path) -> String {
    let target = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    name.replace('!', "/")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Makes a device in a sysfs of files: attributes as `name=value`, names ending in `/` are directories.
    pub(crate) fn fake(roots: &Roots, num: &str, name: &str, attributes: &[(&str, &str)]) {
        let dir = roots.sys.join("devices/virtual/block").join(name);
        std::fs::create_dir_all(&dir).unwrap();
        for (attribute, value) in attributes {
            let path = dir.join(attribute);
            if attribute.ends_with('/') {
                std::fs::create_dir_all(path).unwrap();
                continue;
            }
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            crate::sys::atomic::write(&path, format!("{value}\n").as_bytes()).unwrap();
        }
        let by_number = roots.sys.join("dev/block").join(num);
        crate::sys::atomic::symlink(&dir, &by_number).unwrap();
    }

    #[test]
    fn a_device_is_read_from_sysfs() {
        let root = tempfile::tempdir().unwrap();
        let roots = Roots::at(root.path());
        fake(
            &roots,
            "253:2",
            "dm-2",
            &[
                ("size", "524288"),
                ("ro", "0"),
                ("queue/logical_block_size", "4096"),
                ("dm/name", "wb-801945f3-3-ab"),
                ("dm/uuid", "WARMBLOCK-1-front-801945f3-3-ab"),
                ("dm/suspended", "1"),
                ("holders/dm-3/", ""),
                ("slaves/rbd0/", ""),
            ],
        );
        let block = Block::read(&roots, "253:2".parse().unwrap())
            .unwrap()
            .unwrap();
        assert_eq!(
            (block.name.as_str(), block.size),
            ("dm-2", Sectors(524_288))
        );
        assert_eq!(block.logical_block, Bytes(4096));
        assert_eq!(
            (block.holders, block.slaves),
            (vec!["dm-3".into()], vec!["rbd0".into()])
        );
        assert!(block.dm.unwrap().suspended);
        assert_eq!(Block::read(&roots, "253:3".parse().unwrap()).unwrap(), None);
    }

    #[test]
    fn numbers_are_strict() {
        assert_eq!("254:16".parse::<DevNum>().unwrap().to_string(), "254:16");
        for bad in ["", "254", "254:", ":1", "a:b", "1:2:3", "+1:2"] {
            assert!(bad.parse::<DevNum>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_plain_file_is_no_device() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(DevNum::of(file.path()).unwrap_err().kind(), Kind::Mismatch);
        let none = wait_for_node(Path::new("/nonexistent"), Duration::ZERO);
        assert_eq!(none.unwrap_err().kind(), Kind::Timeout);
    }
}
