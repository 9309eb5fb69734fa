//! What is found on this host without a record: devices and volumes, by their names.

use std::collections::BTreeMap;

use super::Finding;
use crate::disk::detach::descend;
use crate::disk::open::OpenDisk;
use crate::disk::record::Record;
use crate::disk::walk::Walk;
use crate::exec::ExecError;
use crate::host::Host;
use crate::model::{DiskKey, ImageSpec};
use crate::tools::krbd::Mapping;
use crate::tools::lvm::{Lv, LvmError};
use crate::{Context, Error, Kind, Result};

/// Disks that have devices or volumes here and had no record when the records were read, with the image's name where a
/// volume's tag tells it.
pub(super) fn orphans(
    host: &Host,
    records: &[Record],
) -> Result<BTreeMap<DiskKey, Option<ImageSpec>>> {
    let mut found: BTreeMap<DiskKey, Option<ImageSpec>> = BTreeMap::new();
    for device in host
        .dm()
        .list()
        .context(|| "cannot list the devices of this host".into())?
    {
        found.entry(device.info.name.key).or_default();
    }
    for lv in slices(host)? {
        let image = lv.tag("image").and_then(|image| image.parse().ok());
        found.insert(lv.name.key.clone(), image);
    }
    found.retain(|key, _| !records.iter().any(|record| record.key == *key));
    Ok(found)
}

/// The slices of this host; none where there is no LVM.
fn slices(host: &Host) -> Result<Vec<Lv>> {
    match host.lvm().list() {
        Err(LvmError::Exec(ExecError::Missing { .. })) => Ok(Vec::new()),
        other => {
            let listed = other.context(|| "cannot list the slices of this host".into())?;
            Ok(listed.slices)
        }
    }
}

/// Takes down what has no record. `None` for a disk that has one by now: it was attached since its devices were listed.
pub(super) fn orphan(
    host: &Host,
    records: &[Record],
    key: &DiskKey,
    image: Option<ImageSpec>,
    dry_run: bool,
) -> Option<Finding> {
    let mut known = image.clone();
    let outcome =
        OpenDisk::orphan(host, key, || made_up(host, records, key, image)).and_then(|disk| {
            let Some(disk) = disk else { return Ok(None) };
            known = Some(disk.record.image.clone());
            descend(&mut Walk::new(host, disk, dry_run)).map(Some)
        });
    let error = outcome.map_or_else(|error| Some(Some(error)), |done| done.map(|()| None))?;
    Some(Finding {
        image: known,
        key: Some(key.clone()),
        found: "devices or volumes without a record".into(),
        action: error
            .is_none()
            .then(|| "taken down: it has no record".into()),
        error: error.as_ref().map(Error::chain),
        remedy: error
            .as_ref()
            .and_then(Error::remedy_text)
            .map(str::to_owned),
    })
}

/// A record for a disk whose own is lost: from the mapping's or the volume's tag it learns the image's name. Its cluster is
/// reached as that of the host's other disks is, or as the configuration says.
fn made_up(
    host: &Host,
    records: &[Record],
    key: &DiskKey,
    image: Option<ImageSpec>,
) -> Result<Record> {
    let ours = |mapping: &Mapping| {
        let (pool, id) = (key.pool(), key.image());
        key.is_of(&mapping.fsid) && mapping.pool_id == pool && mapping.image_id == *id
    };
    let mapping = host.krbd().list().into_iter().find(ours);
    let image = image.or_else(|| mapping.as_ref().map(|mapping| mapping.image.image.clone()));
    let image = image.ok_or_else(|| {
        Error::new(
            Kind::NotFound,
            format!("cannot tell the image's name of the devices of disk {key}"),
        )
        .remedy("remove them by hand: `dmsetup ls`, `lvs @warmblock`")
    })?;
    let near = records.iter().filter(|record| key.is_of(&record.fsid));
    // One without an access of its own first: it is the host's cluster.
    let near = near.min_by_key(|record| record.access.is_some());
    let access = near.and_then(|record| record.access.clone());
    let fsid = mapping.map(|mapping| mapping.fsid);
    let fsid = match fsid.or_else(|| near.map(|record| record.fsid.clone())) {
        Some(fsid) => fsid,
        None => {
            let fsid = host.connect()?.fsid();
            fsid.context(|| "cannot ask for the cluster's fsid".into())?
        }
    };
    if !key.is_of(&fsid) {
        let message = format!("disk {key} is of another cluster than {fsid}");
        return Err(Error::new(Kind::Config, message)
            .remedy("name the cluster that it was attached from, with --conf or [ceph] conf"));
    }
    let block = host.config.cache.block;
    Ok(Record::of_unknown(key.clone(), image, fsid, access, block))
}
