//! The layers of a disk, from the bottom: lease, map, slice, cache, front, link.

mod bar;
mod cache;
mod front;
mod lease;
mod link;
mod listing;
mod map;
mod modules;
mod others_link;
mod shared;
mod sharing;
mod slice;
mod watchers;

pub(in crate::disk) use cache::{CacheLayer, close, refuse_without_memory, serve, settle};
pub(in crate::disk) use front::{Front, has_front, in_use, lead_to_origin, refuse_in_use};
pub(in crate::disk) use lease::LeaseLayer;
pub(in crate::disk) use link::{Link, make_way, refuse_file, unlink};
pub(in crate::disk) use map::Map;
pub(in crate::disk) use modules::{let_it_look, load_modules};
pub(in crate::disk) use shared::{leave, spare, sweep};
pub(in crate::disk) use sharing::change as change_lease;
pub(in crate::disk) use slice::{Slice, refuse_left};

use super::walk::Walk;
use crate::Result;
use crate::job::LayerName;

/// What a layer is, compared with what the record wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::disk) enum Found {
    /// Not there; `wanted` says what would be made.
    Absent { wanted: String },
    /// As wanted.
    Right(String),
    /// There, but otherwise; `why` says what is wrong or what will be changed.
    Wrong { why: String },
}

/// One layer. Probing never changes anything, and never depends on a lower layer being up.
pub(in crate::disk) trait Layer {
    /// Its name in reports.
    const NAME: LayerName;

    /// What is there; keeps in the walk what upper layers need to know.
    fn probe(walk: &mut Walk<'_>) -> Result<Found>;

    /// Makes it as the record wants it.
    fn up(walk: &mut Walk<'_>, found: &Found) -> Result<()>;

    /// What came of making it, if that is not what was wanted.
    fn instead(_walk: &Walk<'_>) -> Option<String> {
        None
    }

    /// Takes it away.
    fn down(walk: &mut Walk<'_>, found: &Found) -> Result<()>;
}
