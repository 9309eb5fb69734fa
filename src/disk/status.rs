//! Status: what every disk of this host is, in facts and in words. Changes nothing, and never waits for Ceph unless the
//! lease is asked for.

mod at_work;
mod leases;
mod seen;
mod words;

use std::path::PathBuf;

use serde::Serialize;

pub use self::at_work::AtWork;
use self::seen::Seen;
use super::record::{Intent, Record, Shared};
use crate::cache::{self, Cache, Running, Stats};
use crate::host::Host;
use crate::job::LayerName;
use crate::model::{Access, CacheMode, DiskKey, DriverName, ImageSpec, Lease, Role};
use crate::{Error, Kind, Result};

/// The answer of `status`.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct StatusReport {
    /// The version of this format.
    pub version: u32,
    /// Records that cannot be read, why, and what to do.
    pub unreadable: Vec<String>,
    /// The disks that this host has a record of, by key.
    pub disks: Vec<DiskStatus>,
}

/// One disk.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct DiskStatus {
    /// The image.
    pub image: ImageSpec,
    /// The disk's key.
    pub key: DiskKey,
    /// What is wanted of it.
    pub intent: Intent,
    /// The driver in use: `none` where there was no room for a cache.
    pub driver: DriverName,
    /// The mode wanted.
    pub mode: CacheMode,
    /// The lease's generation under which this host has it.
    pub generation: u64,
    /// The device to open.
    pub front: PathBuf,
    /// The link to it.
    pub link: Option<PathBuf>,
    /// Who has it, if several VMs have it at once.
    pub shared: Option<Shared>,
    /// How its image is reached, where that is not as the configuration has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// Whether every layer is as the record wants it.
    pub well: bool,
    /// The state in words, for people.
    pub state: String,
    /// Every layer from the bottom.
    pub layers: Vec<LayerStatus>,
    /// Who works on it now.
    pub at_work: Option<AtWork>,
    /// What the cache is doing.
    pub running: Option<Running>,
    /// The cache's counters.
    pub stats: Option<Stats>,
    /// The lease in the image, where it was asked for and could be read.
    pub lease: Option<Lease>,
    /// Why it could not be read.
    pub lease_error: Option<String>,
    /// What the driver guarantees, in words.
    pub guarantee: String,
}

/// One layer of a disk.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct LayerStatus {
    /// Which.
    pub layer: LayerName,
    /// Whether it is there, as wanted.
    pub well: bool,
    /// What it is, in words.
    pub what: String,
}

impl StatusReport {
    /// The version that this program writes.
    pub const VERSION: u32 = 1;

    /// Whether every disk is as its record wants it.
    pub fn well(&self) -> bool {
        self.unreadable.is_empty() && self.disks.iter().all(|disk| disk.well)
    }
}

/// The status of one disk, or of all. The kernel is asked once for all of them; Ceph only for leases.
///
/// Errors: [`Kind::NotFound`] for an image that this host has no disk of. An unreachable cluster is no error: it stands
/// in [`DiskStatus::lease_error`].
pub fn status(host: &Host, image: Option<&ImageSpec>, with_lease: bool) -> Result<StatusReport> {
    let (mut records, unreadable) = Record::all(&host.roots)?;
    if let Some(image) = image {
        records.retain(|record| record.image == *image);
        if records.is_empty() {
            return Err(Error::new(
                Kind::NotFound,
                format!("image {image} is not attached on this host"),
            )
            .remedy("`warmblock status` lists the disks of this host"));
        }
    }
    let seen = Seen::now(host)?;
    let mut disks = records
        .iter()
        .map(|record| one(host, record, &seen))
        .collect::<Vec<_>>();
    if with_lease {
        leases::add(host, &records, &mut disks);
    }
    Ok(StatusReport {
        version: StatusReport::VERSION,
        unreadable: unreadable.iter().map(with_remedy).collect(),
        disks,
    })
}

/// An error as one line, with what to do.
fn with_remedy(error: &Error) -> String {
    let remedy = error.remedy_text().map(|text| format!("; {text}"));
    error.chain() + &remedy.unwrap_or_default()
}

/// What holds for the disk now: one in bypass is as one without a cache.
fn guaranteed(host: &Host, record: &Record) -> Result<String> {
    let (name, mode) = match record.intent {
        Intent::Bypassed => (crate::config::fixed("none"), CacheMode::None),
        _ => (record.driver_in_use(), record.mode),
    };
    Ok(cache::driver(host, &name)?.guarantee(mode).into_owned())
}

fn one(host: &Host, record: &Record, seen: &Seen) -> DiskStatus {
    // One disk whose driver is gone, or does not answer, hides none of the others.
    let driver = cache::driver(host, &record.driver_in_use());
    let devices = seen.kernel.of(&record.key);
    let cached = match &driver {
        Ok(driver) => driver.read(host, &record.key, &seen.kernel),
        Err(error) => Cache::Broken { why: error.chain() },
    };
    let mapping = seen.mapping(record);
    let layers = vec![
        words::map_layer(mapping),
        words::slice_layer(host, record, driver.as_ref().ok().copied()),
        words::cache_layer(record, &cached, mapping),
        words::front_layer(record, &cached, devices),
        words::link_layer(host, record),
    ];
    let (running, stats) = match &cached {
        Cache::Up { running, stats, .. } => (Some(*running), Some(*stats)),
        _ => (None, None),
    };
    let at_work = AtWork::on(host, record);
    let well = record.intent != Intent::Detached && layers.iter().all(|layer| layer.well);
    DiskStatus {
        image: record.image.clone(),
        key: record.key.clone(),
        intent: record.intent,
        driver: record.driver_in_use(),
        mode: record.mode,
        generation: record.generation,
        front: host.roots.mapper(record.key.dm(Role::Front)),
        link: record.link.clone(),
        shared: record.shared.clone(),
        access: record.access.clone(),
        well,
        state: words::words(
            record,
            driver.as_ref().ok().copied(),
            &layers,
            stats.as_ref(),
            at_work.as_ref(),
        ),
        layers,
        at_work,
        running,
        stats,
        lease: None,
        lease_error: None,
        guarantee: match guaranteed(host, record) {
            Ok(words) => words,
            Err(_) => "unknown, because its driver cannot be asked".into(),
        },
    }
}
