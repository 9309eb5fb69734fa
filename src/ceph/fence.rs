//! Fencing: whoever has an image open is barred from Ceph.

use std::collections::BTreeSet;
use std::time::Duration;

use super::error::CephError;
use super::image::Image;
use crate::sys::wait;
use crate::{Context, Result};

/// How long a client stays barred: longer than any freeze, since what it has in flight is written when it thaws. The next
/// clients of its host have other addresses and are not meant.
const BARRED: Duration = Duration::from_secs(24 * 60 * 60);
/// The OSDs forget a barred client's watch as soon as they learn of it.
const GONE: Duration = Duration::from_secs(20);

/// The addresses of those who have an image open, or hold its lock. What is open for reading only does not show.
pub fn holders(image: &Image) -> Result<BTreeSet<String>, CephError> {
    let watchers = image.watchers()?.into_iter().map(|watcher| watcher.addr);
    let lockers = image.lockers()?.lockers.into_iter().map(|lock| lock.addr);
    Ok(watchers
        .chain(lockers)
        .filter(|addr| !addr.is_empty())
        .collect())
}

/// Bars clients by their addresses, and waits until Ceph has let go of their watches on the image.
pub fn bar(image: &Image, addrs: &BTreeSet<String>) -> Result<()> {
    let spec = image.pool().spec(&image.name()?);
    for addr in addrs {
        image
            .pool()
            .cluster()
            .blocklist_add(addr, Some(BARRED))
            .context(|| format!("cannot bar {addr} from the cluster"))?;
    }
    if addrs.is_empty() {
        return Ok(());
    }
    let list: Vec<&str> = addrs.iter().map(String::as_str).collect();
    let what = format!("the watches on {spec} of {}", list.join(", "));
    wait::until(&what, GONE, || {
        let left = image
            .watchers()
            .context(|| format!("cannot ask who has {spec} open"))?;
        Ok((!left.iter().any(|watcher| addrs.contains(&watcher.addr))).then_some(()))
    })
}
