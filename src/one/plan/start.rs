//! A VM is about to start: its context CD, and its disks, which a reboot of the host may have taken down.

use std::path::PathBuf;

use super::freed::Freeing;
use super::{Known, Plan, attach, make_dir, step};
use crate::job::{PutFile, Request};
use crate::one::call::{DiskPlace, Node};
use crate::one::context::Cd;
use crate::{Error, Kind, Result};

/// Brings the CD and sees to every disk of ours: there is no other call between a boot of the host and one of the VM
/// (contract, 4.3.7). A disk that is up is only looked at; one that a move left elsewhere is let go there: a VM that is back
/// on its host after a failure gets no other call (ibidem, 5.2).
pub(super) fn context(known: &Known<'_>, host: &Node, cd: &DiskPlace) -> Result<Plan> {
    let content: &Cd = known
        .context
        .ok_or_else(|| Error::new(Kind::Internal, "there is no context CD to bring"))?;
    let mut steps = vec![
        make_dir(&cd.dir),
        step(Request::PutFile(put(cd.path(), content))),
    ];
    let disks = known.ours(&cd.dir)?;
    for (disk, image, place) in &disks {
        steps.push(attach(known, disk, image, place)?);
    }
    let left = disks.iter().map(|(_, image, place)| (image, place));
    let left = Freeing::elsewhere(known, &[host], left)?;
    Ok(Plan::nothing().on(host, steps).freed(host, &left))
}

/// The CD in the job, or behind it if it is large.
fn put(path: PathBuf, content: &Cd) -> PutFile {
    let from = content.path();
    PutFile {
        path,
        content: match content {
            Cd::Inline(content) => content.clone(),
            Cd::File(_) => String::new(),
        },
        chunked: from.is_some(),
        from,
    }
}
