//! How large an image will be that is not registered yet: `stat`, for which oned waits 90 seconds.

use std::time::Duration;

use super::origin::{Origin, get, open};
use crate::image::measure;
use crate::one::Megabytes;
use crate::one::document::Datastore;
use crate::{Kind, Result};

/// How long unpacking may take for this. oned waits a little longer.
const DEADLINE: Duration = Duration::from_secs(75);

/// The size, or what the user says of it if it cannot be told in time.
pub(super) fn size(
    origin: &Origin,
    datastore: &Datastore,
    told: Option<Megabytes>,
) -> Result<Megabytes> {
    let keep_packed = datastore.keep_packed;
    let measured = match origin {
        Origin::File(path, rules) => {
            let file = open(path, rules)?;
            let len = file.metadata().ok().map(|meta| meta.len());
            measure(file, len, keep_packed, DEADLINE)
        }
        Origin::Web(url) => {
            let (len, body) = get(url)?;
            measure(body, len, keep_packed, DEADLINE)
        }
    };
    match (measured, told) {
        (Ok(size), _) => Ok(Megabytes::of(size)),
        (Err(error), Some(told)) if error.kind() == Kind::Timeout => Ok(told),
        (Err(error), _) => Err(error),
    }
}
