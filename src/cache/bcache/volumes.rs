//! The volumes that a bcache needs: their sizes, and those of its buckets.

use super::Set;
use crate::cache::Part;
use crate::model::{Bytes, Role};
use crate::tools::bcache::LEAST_BUCKETS;

/// What a set needs beside the data: index, journal, free buckets.
const OVERHEAD: Bytes = Bytes::mib(16);
/// And of each six bytes one: nothing is admitted above 95 % (`CUTOFF_CACHE_ADD`), and buckets are partly filled.
const PARTS: u64 = 6;
/// The prefix; LVM rounds it up to an extent.
const PREFIX: Bytes = Bytes::mib(1);
/// The largest bucket: bcache's own default.
const LARGEST_BUCKET: Bytes = Bytes::kib(512);
/// The smallest: a page.
const SMALLEST_BUCKET: Bytes = Bytes::kib(4);

/// The volumes of a slice that caches so much.
pub(super) fn layout(set: Set, wanted: Bytes, block: Bytes) -> Vec<Part> {
    let part = |role, size| Part { role, size };
    let data = wanted.0.saturating_add(wanted.0 / (PARTS - 1));
    let data = Bytes(data.saturating_add(OVERHEAD.0)).round_up(block);
    match set {
        Set::Disk => vec![part(Role::Data, data), part(Role::Meta, PREFIX)],
        Set::Host => vec![part(Role::Meta, PREFIX)],
    }
}

/// How much of an image a data volume holds.
pub(super) fn room(data: Bytes) -> Bytes {
    Bytes(data.saturating_sub(OVERHEAD).0 / PARTS * (PARTS - 1))
}

/// How much it takes in at once: a miss takes only buckets that are free already, and the kernel keeps a thousandth of them
/// free (`cache_alloc`).
pub(super) fn gulp(data: Bytes) -> Bytes {
    Bytes(data.0 / (2 * LEAST_BUCKETS))
}

/// The bucket size for a data volume: twice as many buckets as bcache needs, unless they would become larger than usual.
pub(super) fn bucket(data: Bytes) -> Bytes {
    let wanted = (data.0 / (2 * LEAST_BUCKETS)).max(1);
    Bytes(1 << wanted.ilog2()).clamp(SMALLEST_BUCKET, LARGEST_BUCKET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_holds_what_was_asked_for_and_has_buckets_enough() {
        for wanted in [
            Bytes::mib(4),
            Bytes::mib(64),
            Bytes::gib(8),
            Bytes::gib(900),
        ] {
            let parts = layout(Set::Disk, wanted, Bytes::kib(256));
            let data = parts[0].size;
            assert!(room(data).0 + 8 >= wanted.0, "{wanted}: {data}");
            let bucket = bucket(data);
            assert!(bucket.0.is_power_of_two());
            assert!(data.0 / bucket.0 >= LEAST_BUCKETS, "{wanted}: {bucket}");
        }
        assert_eq!(bucket(Bytes::gib(8)), LARGEST_BUCKET);
    }
}
