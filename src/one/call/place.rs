//! Where a thing is: `HOST:/var/lib/one//datastores/100/12/disk.0`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::model::ParseError;
use crate::one::{DatastoreId, DiskId, VmId};

/// A host as oned calls it: the name or address that ssh takes. Not the name that the host has for itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node(String);

impl Node {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Node {
    type Err = ParseError;
    /// What a name or an address has, and no hyphen at the start: ssh would take that for an option.
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let wrong = |why| ParseError::new("host", word, why);
        let fits = |c: char| c.is_ascii_alphanumeric() || ".-_[]%".contains(c);
        if word.is_empty() || word.starts_with('-') || word.len() > 255 {
            return Err(wrong("is no host's name"));
        }
        match word.chars().find(|c| !fits(*c)) {
            Some(_) => Err(wrong("has a character that no host's name has")),
            None => Ok(Self(word.to_owned())),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The directory of a VM in a system datastore, without doubled slashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VmDir {
    /// Where datastores are, such as `/var/lib/one/datastores`.
    pub datastores: PathBuf,
    /// The system datastore.
    pub datastore: DatastoreId,
    /// The VM.
    pub vm: VmId,
}

impl VmDir {
    /// As a path.
    pub fn path(&self) -> PathBuf {
        self.datastores
            .join(self.datastore.to_string())
            .join(self.vm.to_string())
    }
}

impl FromStr for VmDir {
    type Err = ParseError;
    /// Reads `…/SYSTEM_DS/VM`. A path that is not of that shape is refused: what is below it gets removed.
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let parts = parts(word)?;
        let [above @ .., datastore, vm] = parts.as_slice() else {
            return Err(ParseError::new("VM directory", word, "is too short"));
        };
        if above.is_empty() {
            return Err(ParseError::new(
                "VM directory",
                word,
                "lies in no directory of datastores",
            ));
        }
        let dir = Self {
            datastores: above
                .iter()
                .fold(PathBuf::from("/"), |path, part| path.join(part)),
            datastore: datastore.parse()?,
            vm: vm.parse()?,
        };
        // `05` would be another directory than was named.
        if dir.datastore.to_string() != *datastore || dir.vm.to_string() != *vm {
            let why = "has a number that is written otherwise";
            return Err(ParseError::new("VM directory", word, why));
        }
        Ok(dir)
    }
}

/// The parts of an absolute path; doubled slashes count once, and there is no way up.
fn parts(path: &str) -> Result<Vec<&str>, ParseError> {
    let wrong = |why| ParseError::new("path", path, why);
    if !path.starts_with('/') {
        return Err(wrong("is not absolute"));
    }
    if path.chars().any(char::is_control) {
        return Err(wrong("has a control character"));
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.iter().any(|part| matches!(*part, "." | "..")) {
        return Err(wrong("has a `.` or `..`"));
    }
    Ok(parts)
}

/// What stands at a place in a VM's directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The directory itself.
    Directory(VmDir),
    /// `disk.N`
    Disk(DiskPlace),
    /// `kernel` or `initrd`, which have no number.
    File {
        /// The directory.
        dir: VmDir,
        /// The file's name.
        name: String,
    },
}

/// The link that a VM opens as its disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiskPlace {
    /// The directory.
    pub dir: VmDir,
    /// The disk.
    pub disk: DiskId,
}

impl DiskPlace {
    /// As a path.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join(format!("disk.{}", self.disk))
    }
}

impl FromStr for Place {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let parts = parts(word)?;
        let last = parts.last().copied().unwrap_or_default();
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return word.parse().map(Self::Directory);
        }
        let dir = format!("/{}", parts[..parts.len() - 1].join("/")).parse()?;
        match (last, last.strip_prefix("disk.")) {
            (_, Some(number)) => Ok(Self::Disk(DiskPlace {
                dir,
                disk: number.parse()?,
            })),
            ("kernel" | "initrd", None) => Ok(Self::File {
                dir,
                name: last.to_owned(),
            }),
            _ => Err(ParseError::new(
                "place",
                word,
                "is neither a VM's directory nor a disk in it",
            )),
        }
    }
}

/// A host and a place on it: `HOST:PATH`, apart at the first colon (contract, 9.3).
pub(super) fn on_host<T>(word: &str) -> Result<(Node, T), ParseError>
where
    T: FromStr<Err = ParseError>,
{
    let (host, path) = word
        .split_once(':')
        .ok_or_else(|| ParseError::new("HOST:PATH", word, "has no colon"))?;
    Ok((host.parse()?, path.parse()?))
}

/// What a disk is made from: the SOURCE of its image, `pool/image` or the path of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source(String);

impl Source {
    /// Reads `FE:SOURCE`, where a SOURCE that has a colon of its own comes without `FE:` (contract, 1.5). The two cannot
    /// be told apart by their looks, but one of ours has no colon.
    pub(super) fn after_host(word: &str) -> Result<Self, ParseError> {
        word.split_once(':')
            .map_or(word, |(_, source)| source)
            .parse()
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Source {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        if word.is_empty() || word.chars().any(char::is_control) {
            return Err(ParseError::new(
                "SOURCE",
                word,
                "is empty or has a control character",
            ));
        }
        Ok(Self(word.to_owned()))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
