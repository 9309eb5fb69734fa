//! A backup as oned tells it, and as the driver of its datastore is asked about it.

use super::xml::{at, parse, required, text};
use crate::model::DriverName;
use crate::one::{DatastoreId, SnapshotId};
use crate::{Error, Result};

/// The documents that an action of a backup datastore needs, as oned gives them.
#[derive(Clone, Copy)]
pub struct BackupImage<'a> {
    /// The VM.
    pub vm: &'a str,
    /// The backup, which is an image.
    pub image: &'a str,
    /// Its datastore, with what is secret of it.
    pub datastore: &'a str,
}

impl std::fmt::Debug for BackupImage<'_> {
    /// The datastore's document holds passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BackupImage")
    }
}

impl BackupImage<'_> {
    /// The document of an action. The increment stands in it as well as in the action's words: the drivers find the end of the
    /// chain by the one, and the files by the other.
    pub fn action(&self, increment: Option<SnapshotId>) -> String {
        let inner = [self.datastore, self.vm, self.image].map(without_declaration);
        let increment = increment.map_or_else(String::new, |id| {
            format!("<TEMPLATE><INCREMENT_ID>{id}</INCREMENT_ID></TEMPLATE>")
        });
        format!(
            "<DS_DRIVER_ACTION_DATA>{}{increment}</DS_DRIVER_ACTION_DATA>\n",
            inner.concat()
        )
    }
}

/// A document that is to stand in another one.
fn without_declaration(text: &str) -> &str {
    let text = text.trim();
    match text.strip_prefix("<?xml") {
        Some(rest) => rest.split_once("?>").map_or(text, |(_, rest)| rest),
        None => text,
    }
}

/// The datastore of an image. `image` is what `one.image.info` answers.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage).
pub fn datastore_of(image: &str) -> Result<DatastoreId> {
    required(parse(image, "IMAGE")?.root_element(), "DATASTORE_ID")
}

/// A backup datastore, as we need it.
#[derive(Clone, PartialEq, Eq)]
pub struct BackupDatastore {
    /// Its driver.
    pub driver: DriverName,
    /// What its driver or the downloader may say in an error, and nobody is to read.
    secrets: Vec<String>,
}

impl std::fmt::Debug for BackupDatastore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BackupDatastore({})", self.driver)
    }
}

impl BackupDatastore {
    /// Reads what `one.datastore.info` answers.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage).
    pub fn parse(datastore: &str) -> Result<Self> {
        let document = parse(datastore, "DATASTORE")?;
        let root = document.root_element();
        let attributes = at(root, "TEMPLATE")
            .into_iter()
            .flat_map(|all| all.children());
        let secret = |name: &str| {
            ["PASSWORD", "SECRET", "TOKEN", "KEY"]
                .iter()
                .any(|word| name.contains(word))
        };
        let secrets = attributes
            .filter(|attribute| secret(attribute.tag_name().name()))
            .filter_map(|attribute| attribute.text())
            .map(|value| value.trim().to_owned());
        let mut secrets: Vec<String> = secrets.filter(|value| !value.is_empty()).collect();
        // One may begin another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Ok(Self {
            driver: required(root, "DS_MAD")?,
            secrets,
        })
    }

    /// A text without what is secret.
    pub fn hide(&self, text: &str) -> String {
        let hidden = |text: String, secret: &String| text.replace(secret, "***");
        self.secrets.iter().fold(text.to_owned(), hidden)
    }

    /// An error without what is secret.
    pub fn hide_in(&self, error: &Error) -> Error {
        let cleanup = error.cleanup_errors();
        let cleanup: Vec<Error> = cleanup
            .into_iter()
            .map(|error| self.hidden(error))
            .collect();
        let hidden = self.hidden(error);
        cleanup.into_iter().fold(hidden, |error, cleanup| {
            error.and_then_cleanup(Err(cleanup))
        })
    }

    fn hidden(&self, error: &Error) -> Error {
        let told = Error::new(error.kind(), self.hide(&error.chain()));
        match error.remedy_text() {
            None => told,
            Some(remedy) => told.remedy(self.hide(remedy)),
        }
    }
}

/// The format of a backup: `raw`, whose files are qcow2, or `rbd`. `image` is what `one.image.info` answers.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage).
pub fn format_of(image: &str) -> Result<Option<String>> {
    let document = parse(image, "IMAGE")?;
    Ok(text(document.root_element(), "FORMAT").map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn documents_stand_in_one() {
        let backup = BackupImage {
            vm: "<?xml version=\"1.0\"?>\n<VM><ID>1</ID></VM>",
            image: "<IMAGE><DATASTORE_ID>3</DATASTORE_ID></IMAGE>\n",
            datastore: "<DATASTORE><DS_MAD>rsync</DS_MAD></DATASTORE>",
        };
        let inside = |text: &str| {
            let read = roxmltree::Document::parse(text).unwrap();
            let names = read
                .root_element()
                .children()
                .filter(roxmltree::Node::is_element);
            let names: Vec<_> = names
                .map(|node| node.tag_name().name().to_owned())
                .collect();
            names.join(" ")
        };
        assert_eq!(inside(&backup.action(None)), "DATASTORE VM IMAGE");
        let increment = backup.action(Some(SnapshotId(2)));
        assert_eq!(inside(&increment), "DATASTORE VM IMAGE TEMPLATE");
        assert_eq!(datastore_of(backup.image).unwrap(), DatastoreId(3));
        assert!(!format!("{backup:?}").contains("rsync"));
    }

    #[test]
    fn no_secret_is_told() {
        let datastore = BackupDatastore::parse(
            "<DATASTORE><DS_MAD>restic</DS_MAD><TEMPLATE><RESTIC_PASSWORD><![CDATA[Pass w0rd]]></RESTIC_PASSWORD>\
             <RESTIC_SFTP_SERVER>backup1</RESTIC_SFTP_SERVER></TEMPLATE></DATASTORE>",
        )
        .unwrap();
        assert_eq!(datastore.driver.as_str(), "restic");
        assert_eq!(
            datastore.hide("backup1: RESTIC_PASSWORD=Pass w0rd: refused"),
            "backup1: RESTIC_PASSWORD=***: refused"
        );
        assert!(!format!("{datastore:?}").contains("w0rd"));
        let said = Error::new(Kind::Failed, "Pass w0rd").remedy("not `restic -p 'Pass w0rd'`");
        let hidden = datastore.hide_in(&Error::new(Kind::Cancelled, "cannot read").because(said));
        assert_eq!(hidden.chain(), "cannot read: ***");
        assert_eq!(hidden.remedy_text(), Some("not `restic -p '***'`"));
        assert_eq!(hidden.kind(), Kind::Cancelled);
        let plain = Error::new(Kind::Failed, "a").because(Error::new(Kind::Failed, "b"));
        assert_eq!(datastore.hide_in(&plain).chain(), "a: b");
        let left = Error::new(Kind::Failed, "Pass w0rd stays");
        let both = datastore.hide_in(&plain.and_then_cleanup(Err(left)));
        assert_eq!(both.cleanup_errors()[0].chain(), "*** stays");
    }
}
