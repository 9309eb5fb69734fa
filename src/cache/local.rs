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
        "the whole image is on this host's SSD, and Ceph is left as it was until a flush, bypass or detach, but for discards, an odd \
         last block and what the guest wrote while the copy was filled: everything else since the attach or the last flush is lost with the SSD (`--discard-dirty` then rolls the image back to that state), and \
         out of reach while the host is down",
    ],
});

#[cfg(test)]
mod tests {
    use super::super::{Driver as _, Running};
    use super::*;
    use crate::cache::dm_cache::CACHE;
    use crate::model::{Bytes, Role};

    const BLOCK: Bytes = Bytes::kib(256);

    #[test]
    fn nothing_is_written_back_while_it_serves_and_anything_while_it_is_drained() {
        let block = Sectors(2_097_152);
        let serving = Running::Serving(CacheMode::Writeback);
        assert_eq!(LOCAL.threshold(serving, block), Sectors(0));
        for driver in [&LOCAL, &CACHE] {
            assert!(driver.threshold(Running::Draining, block) >= block);
            assert!(driver.threshold(Running::Draining, Sectors(64)) >= Sectors(64));
        }
        assert!(CACHE.threshold(serving, block) >= block);
    }

    #[test]
    fn the_slice_holds_every_block_of_the_image() {
        let image = Bytes(Bytes::gib(20).0 + 515 * 512);
        let parts = LOCAL.layout(image, BLOCK);
        let data = parts.iter().find(|part| part.role == Role::Data);
        let size = data.map_or(Bytes(0), |part| part.size);
        assert!(size >= image && size.0 < image.0 + BLOCK.0);
        assert_eq!(LOCAL.room(size).0 / BLOCK.0, image.0 / BLOCK.0 + 1);
    }

    #[test]
    fn it_has_no_mode_in_which_ceph_has_everything_and_says_so() {
        assert!(LOCAL.whole() && !CACHE.whole());
        assert_eq!(LOCAL.capabilities().modes, [CacheMode::Writeback]);
        let words = LOCAL.guarantee(CacheMode::Writeback);
        assert!(
            words.contains("lost with the SSD")
                && words.contains("out of reach while the host is down")
        );
    }
}
