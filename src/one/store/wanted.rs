//! Whether oned still wants what was made. An image that is deleted while it is made has no SOURCE yet, so nobody would ever be
//! asked to remove it (contract, 1.7).

use std::io::Write;

use super::bridge;
use crate::image::{ImageJob, RemoveImage};
use crate::job::{Request, StepAsk};
use crate::one::act::Site;
use crate::one::document::DatastoreJob;
use crate::one::oned::Oned;
use crate::one::voice::{Level, Voice};
use crate::{Error, Kind, Result};

/// Removes what was made if oned has the image no more. If it does not say so in so many words, that stays: what is too much can be
/// removed later.
///
/// # Errors
/// [`Kind::Cancelled`] if it was removed; those of the removal.
pub(super) fn look(
    site: &Site,
    document: &DatastoreJob,
    undo: Option<&RemoveImage>,
    voice: &mut Voice<impl Write>,
) -> Result<()> {
    // Without its number in the document nobody can tell whether the call names it by the one that oned knows.
    let id = document.image.as_ref().and_then(|image| image.id);
    let (Some(id), Some(undo)) = (id, undo) else {
        return Ok(());
    };
    match Oned::find(&site.oned).image_document(id) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == Kind::NotFound => {}
        Err(error) => {
            voice.log(Level::Warning, &error.chain());
            return Ok(());
        }
    }
    let gone = Error::new(
        Kind::Cancelled,
        format!(
            "image {id} was deleted while it was made; {} is removed again",
            undo.image
        ),
    );
    let datastore = &document.datastore;
    let remove = StepAsk::new(Request::Image(ImageJob::Remove(undo.clone())));
    let steps = vec![remove.by(datastore.access.as_ref())];
    let removed = bridge::run(datastore, id.0, steps, None, voice);
    Err(gone.and_then_cleanup(removed.map(drop)))
}
