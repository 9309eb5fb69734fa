//! A disk: an image that is in use on this host, with its cache.
//!
//! Its stack is reconciled, not scripted. From the bottom: lease, krbd map, slice, cache, front, link; each is a module
//! below `layers` that can say what is there ([`Layer::probe`]), make it what the record wants ([`Layer::up`]) and take
//! it away ([`Layer::down`]). The verbs (`attach`, `detach`, `swap`, `mode`) walk those layers; a verb that was stopped
//! anywhere is finished by running it again, because nothing but what is there counts.
//!
//! [`Layer::probe`]: layers::Layer::probe
//! [`Layer::up`]: layers::Layer::up
//! [`Layer::down`]: layers::Layer::down

mod attach;
mod clean;
mod detach;
mod fill;
mod fits;
mod half_replaced;
mod half_reverted;
mod hand_over;
mod later;
mod layers;
mod lease;
mod lost;
pub mod mark;
mod meant;
mod mode;
mod open;
mod quiet;
mod record;
mod recover;
pub mod replacement;
mod revive;
mod shared;
mod status;
mod swap;
mod verify;
mod walk;
mod want;
mod way_back;

pub use attach::attach;
pub use detach::detach;
pub use half_replaced::refuse_half_replaced;
pub use half_reverted::refuse_half_reverted;
pub use hand_over::hand_over;
pub use later::{COMMAND as SEEDER, or_seeded_as_before, seed_later};
pub use lease::{Claim, Force, LeaseCell, Me, claim, parse as parse_lease};
pub use mode::{flush, set_mode};
pub use quiet::{is_mapped, while_complete};
pub use record::{Intent, Record, Shared};
pub use recover::{Finding, RecoverReport, recover};
pub use status::{AtWork, DiskStatus, LayerStatus, StatusReport, status};
pub use swap::{bypass, insert, seed, take_size};
pub use verify::verify;
