//! Disks that are made for a VM and go with it: empty, formatted, or for swapping.

use super::end::unless_attached;
use super::freed::Freeing;
use super::{Known, Plan, attach, make_dir, once};
use crate::image::{CreateImage, ImageJob};
use crate::one::Megabytes;
use crate::one::call::{DiskPlace, Node};
use crate::one::document::Disk;
use crate::tools::mkfs::FileSystem;
use crate::{Error, Kind, Result};

/// An empty disk; with a file system if the call or the VM's document names one.
pub(super) fn mkimage(
    known: &Known<'_>,
    size: Megabytes,
    format: &str,
    host: &Node,
    place: &DiskPlace,
) -> Result<Plan> {
    let disk = known.vm.disk(place.disk)?;
    let fs = match format {
        "raw" => disk.fs.as_deref().filter(|fs| *fs != "raw"),
        "qcow2" => raw_all_the_same(disk)?,
        other => Some(other),
    };
    let fs = fs
        .map(|word| word.to_ascii_lowercase().parse())
        .transpose()?;
    make(known, size, fs, host, place)
}

/// A disk for swapping.
pub(super) fn mkswap(
    known: &Known<'_>,
    size: Megabytes,
    host: &Node,
    place: &DiskPlace,
) -> Result<Plan> {
    make(known, size, Some(FileSystem::Swap), host, place)
}

/// `qcow2` is refused, unless the hypervisor takes the disk for raw: a block device is no qcow2 file.
fn raw_all_the_same(disk: &Disk) -> Result<Option<&str>> {
    if disk.format.as_deref() == Some("raw") {
        return Ok(disk
            .fs
            .as_deref()
            .filter(|fs| !matches!(*fs, "raw" | "qcow2")));
    }
    let message = format!("disk {} cannot be qcow2: it is a block device", disk.id);
    Err(Error::new(Kind::Usage, message).remedy(
        "ask for FORMAT = raw; DRIVER = \"raw\" in TM_MAD_CONF of this driver makes it so for all",
    ))
}

fn make(
    known: &Known<'_>,
    size: Megabytes,
    filesystem: Option<FileSystem>,
    host: &Node,
    place: &DiskPlace,
) -> Result<Plan> {
    let (disk, image) = known.disk(place)?;
    let datastore = known.datastore.get()?;
    let create = ImageJob::Create(CreateImage {
        image: image.clone(),
        size: size.bytes(),
        filesystem,
        data_pool: datastore.data_pool.get()?,
        staging_dir: datastore.staging_dir.clone(),
        made_for: None,
    });
    let steps = vec![
        make_dir(&place.dir),
        once(
            &image,
            known.purpose(place),
            known.earlier_hosts(host)?,
            create,
        )
        .by(known.access(place)?),
        attach(known, disk, &image, place)?,
    ];
    let left = Freeing::elsewhere(known, &[host], [(&image, place)])?.or_at(host);
    let plan = Plan::nothing().on(host, steps).freed(host, &left);
    unless_attached(plan, known, host, (&image, place))
}
