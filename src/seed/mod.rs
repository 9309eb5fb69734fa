//! Seeding: to fill a cache before it is needed, exactly and provably, while the VM may already run.
//!
//! Waiting for a cache's policy to promote what a guest reads takes hours and is never exact. Instead the disk layer
//! decides which origin block every cache block shall hold, tells the kernel so, and only then copies:
//!
//! 1. [`plan`] chooses the blocks: those that touch an allocated extent of the image, within the limit of the
//!    [`SeedSpec`](crate::model::SeedSpec), in order of their offset, as many as the slice holds with some room left.
//!    Cache block `i` holds the plan's `i`-th block.
//! 2. That mapping is written into the cache's metadata (`cache_restore`) and the cache is activated in **passthrough**
//!    mode. All reads go to the image, all writes too, and a write to a mapped block drops its mapping in the kernel
//!    before it goes on; the policy promotes nothing. So the content of the slice does not matter yet.
//! 3. [`copy`] brings the blocks from the image to the slice, below the cache. A block that the guest writes meanwhile
//!    may be copied torn or stale, but it has no mapping any more: dm-cache itself keeps the seed exact.
//! 4. The table is reloaded in the mode that is wanted (suspended for a moment), and reads are served by the slice.
//! 5. The proof, read from `dmsetup status` of step 4 while the cache is suspended in passthrough: resident blocks and
//!    demotions (passthrough counts a dropped mapping as one) add up to the plan's blocks, see [`SeedProof`]. Not later:
//!    the reload sets the counters back to zero, and after the resume smq promotes blocks of its own.
//!
//! What was found in the kernel (6.1, `drivers/md/dm-cache-target.c`) and decides the design: passthrough invalidates
//! on write and forbids migrations, so a cache block that lost its mapping is not given to another; the short block at
//! the end of an image whose size is no multiple of the block size is never cached, a mapping of it is not even loaded,
//! so no plan lists it. A guest's *discard* drops no mapping: the cache goes on serving the bytes of before, the image
//! reads as zeros, and [`verify`] tells such a block as different although dm-cache does what it promises.
//!
//! A cache that knows no such mapping (bcache) is filled by [`read`]: the plan's blocks are read through it until a pass
//! needs nothing from the image.
//!
//! Nothing in here creates or changes a device: it reads the image, writes the slice and says what it did. Only
//! [`bring_home`] writes the image.

mod apart;
mod copy;
mod device;
mod home;
mod pair;
mod plan;
mod pool;
mod proof;
mod rate;
mod read;
mod run;
mod verify;

pub use apart::{Apart, COMMAND, bring_home_apart, copy_apart, read_apart, serve, verify_apart};
pub use copy::{CopyOptions, CopyReport, copy};
pub use device::{Devices, open_image, open_image_to_write, open_slice};
pub use home::{HomeReport, bring_home};
pub use plan::{
    BlockSize, CacheBlock, Extent, OriginBlock, RESERVE_PERCENT, SeedPlan, of_blocks, plan, whole,
};
pub use proof::{ProofMethod, SeedProof};
pub(crate) use rate::TokenBucket;
pub use read::read;
pub use verify::{VerifyReport, verify};
