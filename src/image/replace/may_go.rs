//! What of an image would be lost if another one took its name.

use crate::ceph::{Snap, SnapNamespace};
use crate::image::reach::Found;
use crate::image::remove::in_the_way;
use crate::model::{BackupSnap, BaseName, BeforeRevert, CopySnap, SnapName, WayBackName};
use crate::{Error, Kind, Result};

/// That nobody needs the image, or what it was at a snapshot that others took.
pub(super) fn may_go(found: &Found<'_>) -> Result<()> {
    let spec = found.spec;
    in_the_way(found)?;
    let snapshots = found.snapshots()?;
    let own = |snap: &&Snap| snap.namespace == SnapNamespace::User;
    let names = snapshots.iter().filter(own).map(|snap| &snap.name);
    let numbered = |name: &SnapName| name.as_str().bytes().all(|byte| byte.is_ascii_digit());
    let (known, others): (Vec<&SnapName>, Vec<&SnapName>) = names
        .filter(|name| !is_ours(name))
        .partition(|name| numbered(name));
    if let Some(snap) = known.first() {
        let message = format!("cannot replace {spec}: its snapshot {snap} would be lost");
        return Err(Error::new(Kind::Busy, message).remedy("delete the disk's snapshots first"));
    }
    let Some(first) = others.first() else {
        return Ok(());
    };
    let names: Vec<&str> = others.iter().map(|name| name.as_str()).collect();
    let message = format!(
        "cannot replace {spec}: its snapshots that somebody took by hand would be lost ({})",
        names.join(", ")
    );
    Err(Error::new(Kind::Busy, message).remedy(format!(
        "if nobody needs them, remove each: `warmblock image snap rm {spec}@{first}` (and `… unprotect` before, if it is \
         protected); what one holds can be kept as an image: `warmblock image clone {spec}@{first} COPY`, then \
         `warmblock image flatten COPY`"
    )))
}

/// Whether a snapshot is of ours, or of a backup's, and means nothing without the image.
fn is_ours(name: &SnapName) -> bool {
    BackupSnap::is(name)
        || BaseName::of(name).is_some()
        || CopySnap::is(name)
        || BeforeRevert.is(name)
        || WayBackName::of(name).is_some()
}
