//! The volumes that a bcache needs, and what is in them: sizes, buckets, and the set's UUID.

use sha2::{Digest as _, Sha256};

use crate::cache::Part;
use crate::model::{Bytes, DiskKey, Role};
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
pub(super) fn layout(wanted: Bytes, block: Bytes) -> Vec<Part> {
    let data = wanted.0.saturating_add(wanted.0 / (PARTS - 1));
    let part = |role, size| Part { role, size };
    vec![
        part(
            Role::Data,
            Bytes(data.saturating_add(OVERHEAD.0)).round_up(block),
        ),
        part(Role::Meta, PREFIX),
    ]
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

/// The UUID of a disk's cache set: of the disk's key, and so found without a record (RFC 9562, version 8: our own making).
pub(super) fn set(key: &DiskKey) -> String {
    let digest = Sha256::digest(format!("warmblock-1-bcache-{key}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

/// The bucket size for a data volume: twice as many buckets as bcache needs, unless they would become larger than usual.
pub(super) fn bucket(data: Bytes) -> Bytes {
    let wanted = (data.0 / (2 * LEAST_BUCKETS)).max(1);
    Bytes(1 << wanted.ilog2()).clamp(SMALLEST_BUCKET, LARGEST_BUCKET)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fsid, PoolId};

    fn key(image: &str) -> DiskKey {
        let fsid: Fsid = "801945f3-c685-4fbf-a968-66d179c4e25c".parse().unwrap();
        DiskKey::new(&fsid, PoolId(3), &image.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_set_is_named_by_its_disk() {
        let uuid = set(&key("ab12"));
        assert_eq!(uuid, set(&key("ab12")));
        assert_ne!(uuid, set(&key("ab13")));
        let lens: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(lens, [8, 4, 4, 4, 12]);
        assert_eq!(&uuid[14..15], "8");
    }

    #[test]
    fn a_slice_holds_what_was_asked_for_and_has_buckets_enough() {
        for wanted in [
            Bytes::mib(4),
            Bytes::mib(64),
            Bytes::gib(8),
            Bytes::gib(900),
        ] {
            let parts = layout(wanted, Bytes::kib(256));
            let data = parts[0].size;
            assert!(room(data).0 + 8 >= wanted.0, "{wanted}: {data}");
            let bucket = bucket(data);
            assert!(bucket.0.is_power_of_two());
            assert!(data.0 / bucket.0 >= LEAST_BUCKETS, "{wanted}: {bucket}");
        }
        assert_eq!(bucket(Bytes::gib(8)), LARGEST_BUCKET);
    }
}
