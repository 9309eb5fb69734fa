//! How large the slice of a disk is to be.

use crate::cache::Driver;
use crate::host::Host;
use crate::job::Attach;
use crate::model::{Bytes, SlicePolicy, SliceSize};
use crate::{Error, Kind, Result};

/// How much an attach wants to cache of an image.
///
/// Errors: [`Kind::Usage`] for a part of an image, of a driver that holds the whole.
pub(super) fn slice_size(
    host: &Host,
    driver: &dyn Driver,
    ask: &Attach,
    image: Bytes,
) -> Result<Bytes> {
    if driver.whole() {
        return match ask.size.filter(|size| *size != image) {
            None => Ok(image),
            Some(size) => {
                let name = driver.name();
                let message = format!(
                    "a slice of {size} for driver {name}, which holds the whole image of {image}"
                );
                Err(Error::new(Kind::Usage, message).remedy(
                    "leave the size out, or choose a driver that caches a part, such as dm-cache",
                ))
            }
        };
    }
    if driver.shares() {
        return shared_size(host, driver, ask);
    }
    let policy = host.config.slice.policy();
    let size = ask.size.map_or(policy.size, SliceSize::Fixed);
    Ok(SlicePolicy { size, ..policy }.wanted(image))
}

/// All of what the disks share is each disk's.
fn shared_size(host: &Host, driver: &dyn Driver, ask: &Attach) -> Result<Bytes> {
    let shared = host.config.slice.shared;
    match ask.size.filter(|size| *size != shared) {
        None => Ok(shared),
        Some(size) => {
            let name = driver.name();
            let message = format!(
                "a slice of {size} for driver {name}, whose disks share one volume of {shared}"
            );
            Err(Error::new(Kind::Usage, message)
                .remedy("leave the size out; [slice] shared is the size of that volume"))
        }
    }
}
