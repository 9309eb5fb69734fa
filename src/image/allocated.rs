//! What many images take in Ceph, as far as that can be told soon.
//!
//! A pool may have thousands of images, and whoever asks does so again and again. So only images are asked whose object map says it
//! (no object is looked at, and no data are read), several at once, and no more of them once the time is up. Where the list is begun
//! goes by the clock: if the time is not enough for all, others are left out the next time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::list::in_parallel;
use super::report::ImageReport;
use super::{ListAllocated, info};
use crate::ceph::{CephError, Pool};
use crate::host::Host;
use crate::model::{Bytes, ImageId, ImageName};
use crate::{Context, Result};

/// What an image takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Allocated {
    /// Its name.
    pub name: ImageName,
    /// The bytes of its own objects, without its parent's and its snapshots'.
    pub allocated: Bytes,
}

/// Asks the images of a pool whose names are like what is asked for. One that went meanwhile, that cannot be opened, or whose object
/// map does not say it, is left out.
///
/// # Errors
/// Those of connecting; [`Kind::NotFound`](crate::Kind::NotFound) for a pool that is not there.
pub(super) fn allocated(host: &Host, ask: &ListAllocated) -> Result<ImageReport> {
    let end = Instant::now() + Duration::from_secs(ask.seconds);
    let cluster = host.connect()?;
    let pool = cluster
        .pool(&ask.pool, ask.namespace.as_ref())
        .context(|| format!("cannot open pool {}", ask.pool))?;
    let mut images = pool
        .list_images()
        .context(|| format!("cannot list the images of {pool}"))?;
    images.retain(|(name, _)| is_like(name, &ask.like));
    images.sort();
    let first = turn(images.len());
    images.rotate_left(first);
    let measured = in_parallel(&images, |(name, id)| {
        let in_time = Instant::now() < end && host.cancel.check().is_ok();
        in_time.then(|| of(&pool, name, id).ok().flatten())
    });
    host.cancel.check()?;
    let late = measured.iter().filter(|one| one.is_none()).count();
    let mut report = ImageReport::new(None, false);
    if late > 0 {
        report.warnings.push(format!(
            "{late} of {} images of {pool} were not measured within {} s",
            images.len(),
            ask.seconds
        ));
    }
    report.allocated = Some(measured.into_iter().flatten().flatten().collect());
    Ok(report)
}

/// Where to begin in a list this time.
fn turn(len: usize) -> usize {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let minutes = now.map_or(0, |now| now.as_secs() / 60);
    // So that the turns of two runs, five minutes apart, say, are far apart.
    let turn = usize::try_from(minutes.wrapping_mul(0x9E37_79B9) >> 8).unwrap_or(0);
    turn.checked_rem(len).unwrap_or(0)
}

/// Whether a name has these parts between its hyphens; `*` stands for any one part.
fn is_like(name: &ImageName, like: &str) -> bool {
    let (parts, wanted) = (name.as_str().split('-'), like.split('-'));
    parts.clone().count() == wanted.clone().count()
        && parts
            .zip(wanted)
            .all(|(part, wanted)| wanted == "*" || part == wanted)
}

fn of(pool: &Pool, name: &ImageName, id: &ImageId) -> Result<Option<Allocated>, CephError> {
    let image = pool.open_by_id_read_only(id, None)?;
    let facts = image.info()?;
    if !facts.has_fast_diff() {
        return Ok(None);
    }
    Ok(Some(Allocated {
        name: name.clone(),
        allocated: info::allocated(&image, &facts)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_like_others_part_by_part() {
        for (name, like) in [
            ("one-42-12-0", true),
            ("one-sys-12-1", true),
            ("one-42", false),
            ("two-42-12-0", false),
            ("one-42-12-0-1", false),
            ("one42-12-0-0", false),
        ] {
            assert_eq!(is_like(&name.parse().unwrap(), "one-*-*-*"), like, "{name}");
        }
    }

    #[test]
    fn a_turn_is_within_the_list() {
        assert_eq!((turn(0), turn(1)), (0, 0));
        assert!(turn(7) < 7);
    }
}
