//! All images, as oned lists them.

use super::xml::{parse, required, text};
use crate::Result;
use crate::one::ids::{DatastoreId, ImageNumber};

/// An image in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRow {
    /// Its number.
    pub id: ImageNumber,
    /// Its name.
    pub name: String,
    /// Its datastore.
    pub datastore: DatastoreId,
    /// How VMs open it, if that is not as a block device; by the name that templates have for it.
    pub opened_as: Option<&'static str>,
}

/// The types of disks, in the order of their numbers (contract, 2.1).
const TYPES: [&str; 11] = [
    "FILE",
    "CD_ROM",
    "BLOCK",
    "RBD",
    "RBD_CDROM",
    "GLUSTER",
    "GLUSTER_CDROM",
    "SHEEPDOG",
    "SHEEPDOG_CDROM",
    "ISCSI",
    "FILESYSTEM",
];

/// Reads an `IMAGE_POOL`. Backups are left out: they are no disks.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage).
pub fn parse_images(document: &str) -> Result<Vec<ImageRow>> {
    let document = parse(document, "IMAGE_POOL")?;
    let rows = document.root_element().children();
    let rows = rows.filter(|node| node.has_tag_name("IMAGE"));
    let row = |node| {
        // oned has a type of its own for CDROMs of files, which the hypervisor takes for what they are.
        let is_cdrom = text(node, "TYPE") == Some("1");
        let number = text(node, "DISK_TYPE").and_then(|number| number.parse::<usize>().ok());
        let word = number.and_then(|number| TYPES.get(number).copied());
        let well = |word: &&str| *word == "BLOCK" || (is_cdrom && *word == "CD_ROM");
        Ok(ImageRow {
            id: required(node, "ID")?,
            name: text(node, "NAME").unwrap_or_default().to_owned(),
            datastore: required(node, "DATASTORE_ID")?,
            opened_as: word.filter(|word| !well(word)),
        })
    };
    let is_backup = |node: &roxmltree::Node<'_, '_>| text(*node, "TYPE") == Some("6");
    rows.filter(|node| !is_backup(node)).map(row).collect()
}
