//! How large an image will be that is not registered yet: `stat`, for which oned waits 90 seconds.

use std::io::{Cursor, Read as _};
use std::time::Duration;

use super::origin::{Origin, get, open};
use crate::image::measure;
use crate::model::Bytes;
use crate::one::backups::{Part, download};
use crate::one::document::Datastore;
use crate::one::{Megabytes, Remote};
use crate::{Error, Kind, Result};

/// How long unpacking may take for this. oned waits a little longer.
const DEADLINE: Duration = Duration::from_secs(75);

/// What is asked for of a backup: its size stands in its first bytes.
const HEAD: Bytes = Bytes(1 << 16);

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
        // oned asks the backup's own datastore, unless a user made the image by hand.
        Origin::Backup { url, var } => {
            let head = Part::Head(HEAD, DEADLINE);
            // To its end: a downloader that nobody listens to any more leaves what it put together.
            let mut bytes = Vec::new();
            let read = download(&Remote::new(DEADLINE), url, head, var)?.read_to_end(&mut bytes);
            read.map_err(|error| {
                Error::new(Kind::Failed, format!("cannot read {url}")).because(error)
            })?;
            measure(Cursor::new(bytes), None, true, DEADLINE)
        }
    };
    match (measured, told) {
        (Ok(size), _) => Ok(Megabytes::of(size)),
        (Err(error), Some(told)) if error.kind() == Kind::Timeout => Ok(told),
        (Err(error), _) => Err(error),
    }
}
