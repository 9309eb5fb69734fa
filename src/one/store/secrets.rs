//! What the downloader of a backup says when it fails may hold what is secret of the backup's datastore. Its document, which
//! tells what that is, is asked of oned only then: nothing else of an action needs oned.

use crate::Error;
use crate::one::backups::BackupUrl;
use crate::one::document::BackupDatastore;
use crate::one::oned::{Oned, Surroundings};

/// Takes what is secret out of the error of an action on what is at `path`.
pub(super) fn hide(oned: &Surroundings, path: Option<&str>, error: Error) -> Error {
    let Some(url) = path.and_then(|path| path.parse::<BackupUrl>().ok()) else {
        return error;
    };
    let id = url.datastore();
    let document = Oned::find(oned).datastore_document(id);
    match document.and_then(|document| BackupDatastore::parse(&document)) {
        Ok(datastore) => datastore.hide_in(&error),
        Err(unknown) => {
            let message = format!(
                "cannot use the backup {url}; why is not shown, for it may hold secrets of datastore {id}, which are not known"
            );
            Error::new(error.kind(), message).because(unknown)
        }
    }
}
