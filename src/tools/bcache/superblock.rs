//! bcache's superblock, as far as it is read here (`struct cache_sb` in bcache.h), at sector 8 of a device.

use crate::model::Bytes;

/// What must be read of a device for it.
pub const SUPERBLOCK_END: Bytes = Bytes::kib(8);

/// Where it begins.
const START: usize = 4096;
/// `bcache_magic`.
const MAGIC: [u8; 16] = [
    0xc6, 0x85, 0x73, 0xf6, 0x4e, 0x1a, 0x45, 0xca, 0x82, 0x65, 0xf5, 0x7f, 0x48, 0xba, 0x6d, 0x81,
];

/// What it says of a cache or of a backing device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superblock {
    /// The set that it belongs to.
    pub set: [u8; 16],
    flags: u64,
}

impl Superblock {
    /// Reads it from a device's first [`SUPERBLOCK_END`] bytes; `None` where there is none.
    pub fn parse(head: &[u8]) -> Option<Self> {
        let field = |at: usize| head.get(START + at..START + at + 16);
        let set = field(56)?.try_into().ok()?;
        let flags = field(104)?.get(..8)?.try_into().ok()?;
        let found = Self {
            set,
            flags: u64::from_le_bytes(flags),
        };
        (field(24)? == MAGIC).then_some(found)
    }

    /// Of a backing device: whether its cache has data that it lacks, or had when it was run without it (`BDEV_STATE`: 2 dirty,
    /// 3 stale).
    pub const fn has_dirty_state(&self) -> bool {
        self.flags >> 61 & 3 >= 2
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The head of a device in a set, in a state.
    pub(crate) fn head(set: [u8; 16], state: u64) -> Vec<u8> {
        let mut head = vec![0; 8192];
        head[START + 24..START + 40].copy_from_slice(&MAGIC);
        head[START + 56..START + 72].copy_from_slice(&set);
        head[START + 104..START + 112].copy_from_slice(&(state << 61 | 1).to_le_bytes());
        head
    }

    #[test]
    fn set_and_state_are_read() {
        for (state, dirty) in [(0, false), (1, false), (2, true), (3, true)] {
            let found = Superblock::parse(&head([7; 16], state)).unwrap();
            assert_eq!((found.set, found.has_dirty_state()), ([7; 16], dirty));
        }
        assert_eq!(Superblock::parse(&[0; 8192]), None);
        assert_eq!(Superblock::parse(&head([7; 16], 2)[..4200]), None);
    }
}
