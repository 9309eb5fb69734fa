//! How large an image will be that is not registered yet: `stat`, for which oned waits 90 seconds.

use std::io::{Cursor, Read as _};
use std::time::{Duration, Instant};

use super::origin::{Origin, open};
use crate::image::{measure, too_late};
use crate::model::Bytes;
use crate::one::backups::{Part, download};
use crate::one::document::Datastore;
use crate::one::web::{Patience, get};
use crate::one::{Megabytes, Remote};
use crate::{Error, Kind, Result};

/// How long it may take altogether: to reach the server, to be answered, and to unpack. oned waits a little longer.
const DEADLINE: Duration = Duration::from_secs(75);

/// What is asked for of a backup: its size stands in its first bytes.
const HEAD: Bytes = Bytes(1 << 16);

/// The size, or what the user says of it if it cannot be told in time.
pub(super) fn size(
    origin: &Origin,
    datastore: &Datastore,
    told: Option<Megabytes>,
) -> Result<Megabytes> {
    match (measured(origin, datastore, DEADLINE), told) {
        (Ok(size), _) => Ok(Megabytes::of(size)),
        (Err(error), Some(told)) if error.kind() == Kind::Timeout => Ok(told),
        (Err(error), _) => Err(error),
    }
}

fn measured(origin: &Origin, datastore: &Datastore, within: Duration) -> Result<Bytes> {
    let keep_packed = datastore.keep_packed;
    let began = Instant::now();
    let left = || within.saturating_sub(began.elapsed());
    let size = match origin {
        Origin::File(path, rules) => {
            let file = open(path, rules)?;
            let len = file.metadata().ok().map(|meta| meta.len());
            measure(file, len, keep_packed, within)
        }
        Origin::Web(url) => get(url, Patience::Within(within))
            .and_then(|answer| measure(answer.body, answer.len, keep_packed, left())),
        // oned asks the backup's own datastore, unless a user made the image by hand.
        Origin::Backup { url, var } => {
            let head = Part::Head(HEAD, within);
            // To its end: a downloader that nobody listens to any more leaves what it put together.
            let mut bytes = Vec::new();
            let read = download(&Remote::new(within), url, head, var)?.read_to_end(&mut bytes);
            read.map_err(|error| {
                Error::new(Kind::Failed, format!("cannot read {url}")).because(error)
            })?;
            measure(Cursor::new(bytes), None, true, within)
        }
    };
    // A server that drips ends the reading by its deadline.
    size.map_err(
        |error| match left().is_zero() && error.kind() != Kind::Timeout {
            true => too_late(within).because(error),
            false => error,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::one::web::tests::{drip, serve};

    /// What nobody says the length of is read to its end, and that never comes.
    #[test]
    fn a_server_that_drips_is_given_up_in_time() {
        let url = format!("http://{}/a", serve(drip));
        let datastore = Datastore::parse("<DATASTORE><ID>1</ID><TEMPLATE/></DATASTORE>").unwrap();
        let error = measured(&Origin::Web(url), &datastore, Duration::from_secs(2)).unwrap_err();
        assert_eq!(error.kind(), Kind::Timeout, "{}", error.chain());
        assert!(error.remedy_text().unwrap().contains("SIZE"));
    }
}
