//! The host without its tools: files, locks, block devices, waiting.

pub mod atomic;
pub mod block;
pub mod caller;
pub mod direct;
pub mod holders;
pub mod host;
pub mod lock;
pub mod memory;
pub mod process;
pub mod random;
pub mod roots;
pub mod trust;
pub mod wait;

pub use block::{Block, DevNum};
pub use caller::Caller;
pub use roots::Roots;
