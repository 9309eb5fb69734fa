//! The driver `local`: the whole image on the SSD, and Ceph left alone until it is written back.
//!
//! It is dm-cache in which every whole block of the image is mapped, at its own place. What shapes it:
//!
//! - With no block that is not mapped there is nothing to promote, and nothing to demote for it. smq writes dirty blocks back
//!   when it is idle, as far as `(migrations + 1) * block <= migration_threshold` (`spare_migration_bandwidth` in
//!   dm-cache-target.c): with a threshold of zero never. So Ceph sees nothing until [`Driver::drain`], whose cleaner has a
//!   threshold of its own; and the dirty bits are the exact list of what changed.
//! - It is filled as dm-cache is, in passthrough, so the guest need not wait. What it writes in that time goes to Ceph and is
//!   no longer mapped; it lives in Ceph until smq brings it in. Holes of the image are zeroed on the SSD and never read.
//! - A last block that is shorter than the others is never cached by dm-cache; it stays in Ceph.
//! - A guest's discard is passed down to Ceph at once. Dirty blocks that were discarded are not written back.
//! - After a power cut the kernel would take every block for dirty. So it is not opened again: the disk layer compares what
//!   [`Driver::mapped`] tells with Ceph. A mapping that the guest's write dropped in passthrough is gone from the SSD before that
//!   write goes to Ceph (`invalidate_remove`), so what is mapped there never is older than Ceph.
//!
//! While data are dirty here, what Ceph has is the image of the attach or of the last flush; and half-way through a write-back a
//! mixture. The disk layer keeps a snapshot of it meanwhile (`disk::way_back`).
//!
//! [`Driver::drain`]: super::Driver::drain
//! [`Driver::mapped`]: super::Driver::mapped

use super::SeedAbility;
use super::dm_cache::{DmCache, Manner};
use crate::model::{CacheMode, Sectors};

/// See the module.
pub(super) static LOCAL: DmCache = DmCache(&Manner {
    name: "local",
    modes: &[CacheMode::Writeback],
    seed: SeedAbility::Whole,
    threshold: |_block| Sectors(0),
    guarantees: [
        "Ceph has every acknowledged write",
        "the whole image is on this host's SSD, and Ceph is left as it was until a flush, bypass or detach: everything since \
         the attach or the last flush is lost with the SSD (`--discard-dirty` then rolls the image back to that state), and \
         out of reach while the host is down",
    ],
});
