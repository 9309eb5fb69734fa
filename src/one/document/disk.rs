//! A disk of a VM as oned tells it: whose it is, what is behind it, and how that is reached.

use roxmltree::Node;

use super::words::CacheWords;
use super::xml::{access, required, text, value, yes};
use crate::model::{Access, ParseError, Sharing};
use crate::one::call::Source;
use crate::one::{DatastoreId, DiskId, ImageNumber, Mad, Megabytes};
use crate::{Error, Kind, Result};

/// A disk of a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Its number in the VM.
    pub id: DiskId,
    /// What it is.
    pub kind: DiskKind,
    /// The driver of its datastore; a volatile disk has none of its own.
    pub driver: Option<Mad>,
    /// Its datastore; likewise.
    pub datastore: Option<DatastoreId>,
    /// Its size.
    pub size: Option<Megabytes>,
    /// The size of its image, where the disk is larger.
    pub original_size: Option<Megabytes>,
    /// How Ceph is reached for it, as the VM inherited it from the datastore; a volatile disk inherits nothing. Or why its words cannot
    /// be used, which one disk's are not the others' matter: see [`Disk::reached`].
    pub access: Result<Option<Access>, String>,
    /// The file system of a volatile disk.
    pub fs: Option<String>,
    /// The format that the hypervisor takes it for, such as `raw`.
    pub format: Option<String>,
    /// Whether it is for reading only.
    pub read_only: bool,
    /// Whether several VMs may have it at once.
    pub shareable: bool,
    /// As what the hypervisor opens it, such as `BLOCK`, `FILE` or `RBD` (contract, 4.2); `None` where oned does not say.
    pub opened_as: Option<String>,
    /// What was asked for its cache.
    pub cache: CacheWords,
}

/// What a disk is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskKind {
    /// The image itself.
    Linked {
        /// The image.
        image: ImageNumber,
        /// Its name in Ceph.
        source: Source,
    },
    /// A clone of an image.
    Cloned {
        /// The image.
        image: ImageNumber,
        /// Its name in Ceph.
        source: Source,
    },
    /// Made for the VM, and gone with it.
    Volatile,
    /// Another driver's, which we do not look into.
    Others,
}

impl Disk {
    /// What several VMs may do with its image at once, if they may have it at once: a SHAREABLE one, a CDROM or an IMMUTABLE
    /// one (contract, 4.3.8). What is made for one VM is never shared. One VM that only reads a SHAREABLE image has it with
    /// others that write.
    pub fn sharing(&self) -> Option<Sharing> {
        match (&self.kind, self.shareable, self.read_only) {
            (DiskKind::Linked { .. }, true, _) => Some(Sharing::ReadWrite),
            (DiskKind::Linked { .. }, false, true) => Some(Sharing::ReadOnly),
            _ => None,
        }
    }

    /// How Ceph is reached for it.
    ///
    /// # Errors
    /// [`Kind::Usage`] for words that cannot be used.
    pub fn reached(&self) -> Result<Option<&Access>> {
        self.access.as_ref().map(Option::as_ref).map_err(|why| {
            let message = format!("disk {} cannot be reached: {why}", self.id);
            Error::new(Kind::Usage, message).remedy(
                "mend it in the datastore, for what is made from now on; a VM keeps the words that it was made with: detach the disk \
                 and attach it, or make the VM anew",
            )
        })
    }

    pub(super) fn read(node: Node<'_, '_>) -> Result<Self> {
        let own = |path| text(node, path).map(str::to_owned);
        let driver: Option<Mad> = value(node, "TM_MAD")?;
        if let Some(driver) = driver.clone().filter(|driver| !driver.is_us()) {
            return Self::of_others(node, driver);
        }
        let kind = match (value(node, "IMAGE_ID")?, value(node, "SOURCE")?) {
            (Some(image), Some(source)) if yes(node, "CLONE") => DiskKind::Cloned { image, source },
            (Some(image), Some(source)) => DiskKind::Linked { image, source },
            (None, _) => DiskKind::Volatile,
            (Some(image), None) => {
                return Err(ParseError::new(
                    "image",
                    image.to_string(),
                    "has no SOURCE in the VM's document",
                )
                .into());
            }
        };
        Ok(Self {
            id: required(node, "DISK_ID")?,
            kind,
            driver,
            datastore: value(node, "DATASTORE_ID")?,
            size: value(node, "SIZE")?,
            original_size: value(node, "ORIGINAL_SIZE")?,
            access: access(node, "").map_err(|error| error.chain()),
            fs: own("FS").or_else(|| own("FORMAT").filter(|_| yes(node, "FORMATTED"))),
            format: own("DRIVER"),
            read_only: yes(node, "READONLY"),
            shareable: yes(node, "SHAREABLE"),
            // TYPE says of a volatile disk and of a CDROM what it is, and not how it is opened.
            opened_as: match (own("TYPE"), own("IMAGE_ID")) {
                (Some(what), Some(_)) if what != "CDROM" => Some(what),
                _ => own("DISK_TYPE"),
            },
            cache: CacheWords::below(node, ""),
        })
    }

    /// What another driver means by its words is none of ours: only whose the disk is.
    fn of_others(node: Node<'_, '_>, driver: Mad) -> Result<Self> {
        Ok(Self {
            id: required(node, "DISK_ID")?,
            kind: DiskKind::Others,
            driver: Some(driver),
            datastore: None,
            size: None,
            original_size: None,
            access: Ok(None),
            fs: None,
            format: None,
            read_only: yes(node, "READONLY"),
            shareable: false,
            opened_as: None,
            cache: CacheWords::default(),
        })
    }
}
