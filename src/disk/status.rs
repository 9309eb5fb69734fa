//! Status: what every disk of this host is, in facts and in words. Changes nothing, and never waits for Ceph unless the
//! lease is asked for.

use std::cmp::Ordering;
use std::path::PathBuf;

use serde::Serialize;

use super::lease;
use super::record::{Intent, Record};
use crate::cache::{self, Cache, Running, Stats};
use crate::ceph::{Cluster, meta};
use crate::host::Host;
use crate::job::LayerName;
use crate::model::{
    Bytes, CacheMode, DiskKey, DriverName, ImageId, ImageSpec, Lease, PoolId, Role,
};
use crate::tools::dmsetup::{self, Target};
use crate::tools::krbd::Mapping;
use crate::{Context, Error, Kind, Result};

/// The answer of `status`.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct StatusReport {
    /// The version of this format.
    pub version: u32,
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
    /// The driver.
    pub driver: DriverName,
    /// The mode wanted.
    pub mode: CacheMode,
    /// The lease's generation under which this host has it.
    pub generation: u64,
    /// The device to open.
    pub front: PathBuf,
    /// The link to it.
    pub link: Option<PathBuf>,
    /// Whether every layer is as the record wants it.
    pub well: bool,
    /// The state in words, for people.
    pub state: String,
    /// Every layer from the bottom.
    pub layers: Vec<LayerStatus>,
    /// What the cache is doing.
    pub running: Option<Running>,
    /// The cache's counters.
    pub stats: Option<Stats>,
    /// The lease in the image, where it was asked for and could be read.
    pub lease: Option<Lease>,
    /// Why it could not be read.
    pub lease_error: Option<String>,
    /// What the driver guarantees, in words.
    pub guarantee: &'static str,
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
}

/// The status of one disk, or of all. The kernel is asked once for all of them; Ceph only for leases.
///
/// Errors: [`Kind::NotFound`] for an image that this host has no disk of. An unreachable cluster is no error: it stands
/// in [`DiskStatus::lease_error`].
pub fn status(host: &Host, image: Option<&ImageSpec>, with_lease: bool) -> Result<StatusReport> {
    let mut records = Record::all(&host.roots)?;
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
        .collect::<Result<Vec<_>>>()?;
    if with_lease {
        add_leases(host, &records, &mut disks);
    }
    Ok(StatusReport {
        version: StatusReport::VERSION,
        disks,
    })
}

/// What the kernel has, read once for all disks, and sorted so that finding a disk's part does not cost a look at all of it.
struct Seen {
    devices: Vec<dmsetup::Device>,
    mappings: Vec<Mapping>,
}

impl Seen {
    fn now(host: &Host) -> Result<Self> {
        let mut devices = host
            .dm()
            .list()
            .context(|| "cannot list the devices of this host".into())?;
        devices.sort_by(|a, b| a.info.name.key.cmp(&b.info.name.key));
        let mut mappings = host.krbd().list();
        mappings.retain(|mapping| mapping.image.snap.is_none());
        mappings.sort_by(|a, b| image_of(a).cmp(&image_of(b)));
        Ok(Self { devices, mappings })
    }

    fn devices(&self, key: &DiskKey) -> &[dmsetup::Device] {
        same(&self.devices, |device| device.info.name.key.cmp(key))
    }

    fn mapping(&self, record: &Record) -> Option<&Mapping> {
        let (pool, image) = (record.key.pool(), record.key.image());
        same(&self.mappings, |mapping| {
            image_of(mapping).cmp(&(pool, image))
        })
        .iter()
        .find(|mapping| mapping.is_of(&record.fsid, pool, image))
    }
}

fn image_of(mapping: &Mapping) -> (PoolId, &ImageId) {
    (mapping.pool_id, &mapping.image_id)
}

/// The items that compare equal, of a list that is sorted that way.
fn same<T>(sorted: &[T], order: impl Fn(&T) -> Ordering) -> &[T] {
    let begin = sorted.partition_point(|item| order(item).is_lt());
    let end = sorted.partition_point(|item| order(item).is_le());
    &sorted[begin..end]
}

fn one(host: &Host, record: &Record, seen: &Seen) -> Result<DiskStatus> {
    let driver = cache::driver(&record.driver)?;
    let devices = seen.devices(&record.key);
    let cached = driver.read(&record.key, devices);
    let mapping = seen.mapping(record);
    let layers = vec![
        map_layer(mapping),
        cache_layer(record, &cached, mapping),
        front_layer(record, devices),
        link_layer(host, record),
    ];
    let (running, stats) = match &cached {
        Cache::Up { running, stats, .. } => (Some(*running), Some(*stats)),
        _ => (None, None),
    };
    let well = record.intent != Intent::Detached && layers.iter().all(|layer| layer.well);
    Ok(DiskStatus {
        image: record.image.clone(),
        key: record.key.clone(),
        intent: record.intent,
        driver: record.driver.clone(),
        mode: record.mode,
        generation: record.generation,
        front: host.roots.mapper(record.key.dm(Role::Front)),
        link: record.link.clone(),
        well,
        state: words(record, &layers, stats.as_ref()),
        layers,
        running,
        stats,
        lease: None,
        lease_error: None,
        guarantee: driver.guarantee(record.mode),
    })
}

fn map_layer(mapping: Option<&Mapping>) -> LayerStatus {
    let what = match mapping {
        Some(mapping) => format!("{}, {}", mapping.device.display(), mapping.size),
        None => "not mapped".into(),
    };
    LayerStatus {
        layer: LayerName::Map,
        well: mapping.is_some(),
        what,
    }
}

fn cache_layer(record: &Record, cached: &Cache, mapping: Option<&Mapping>) -> LayerStatus {
    let uncached = record.driver.as_str() == "none" || record.intent == Intent::Bypassed;
    let (well, what) = match cached {
        Cache::Absent if uncached => (true, "none in the path".to_owned()),
        Cache::Absent => (false, "not in the kernel".to_owned()),
        Cache::Broken { why } => (false, why.clone()),
        Cache::Up { stuck: true, .. } => (
            false,
            "suspended: an exchange of its table was interrupted".into(),
        ),
        Cache::Up { size, .. }
            if mapping.is_some_and(|mapping| mapping.size.sectors() != *size) =>
        {
            (
                false,
                "the image has another size now; bypass and insert take it over".into(),
            )
        }
        Cache::Up {
            running: Running::Filling,
            stats,
            ..
        } => (false, format!("being seeded, {}", resident(stats))),
        Cache::Up {
            running: Running::Draining,
            stats,
            ..
        } => (false, format!("being flushed, {} dirty", stats.dirty)),
        Cache::Up {
            running: Running::Serving(mode),
            stats,
            ..
        } => (
            *mode == record.mode,
            format!("{} {mode}, {}", record.driver, resident(stats)),
        ),
    };
    LayerStatus {
        layer: LayerName::Cache,
        well,
        what,
    }
}

fn front_layer(record: &Record, devices: &[dmsetup::Device]) -> LayerStatus {
    let name = record.key.dm(Role::Front);
    let device = |role| {
        devices
            .iter()
            .find(|device| device.info.name == record.key.dm(role))
    };
    let (well, what) = match device(Role::Front) {
        None => (false, "not there".to_owned()),
        Some(front) if front.info.suspended => (false, "suspended: I/O waits".to_owned()),
        Some(front) => {
            let below = match front.table.segments.first().map(|segment| &segment.target) {
                Some(Target::Linear { dev, .. }) => dev.to_string(),
                _ => "?".into(),
            };
            let on_cache =
                device(Role::Cache).is_some_and(|cache| cache.info.num.to_string() == below);
            let users = front.info.open_count;
            let path = if on_cache {
                "leads to the cache"
            } else {
                "leads to the RBD"
            };
            let wanted =
                on_cache == (record.intent == Intent::Attached && record.driver.as_str() != "none");
            (wanted, format!("{name} {path}, opened {users} times"))
        }
    };
    LayerStatus {
        layer: LayerName::Front,
        well,
        what,
    }
}

fn link_layer(host: &Host, record: &Record) -> LayerStatus {
    let front = host.roots.mapper(record.key.dm(Role::Front));
    let (well, what) = match &record.link {
        None => (true, "none".to_owned()),
        Some(link) => match std::fs::read_link(link) {
            Ok(target) if target == front => (true, link.display().to_string()),
            _ => (
                false,
                format!("{} does not lead to the front", link.display()),
            ),
        },
    };
    LayerStatus {
        layer: LayerName::Link,
        well,
        what,
    }
}

fn resident(stats: &Stats) -> String {
    format!("{} of {} resident", stats.resident, stats.capacity)
}

/// The state in a sentence: is it well, is it warm, is anything at risk.
fn words(record: &Record, layers: &[LayerStatus], stats: Option<&Stats>) -> String {
    if record.intent == Intent::Detached {
        return "a detach was interrupted; finish it with `warmblock recover`".into();
    }
    if let Some(bad) = layers.iter().find(|layer| !layer.well) {
        return format!(
            "not well: {} {}; see `warmblock recover --dry-run`",
            bad.layer, bad.what
        );
    }
    let Some(stats) = stats else {
        return "served from Ceph, without a cache".into();
    };
    let reads = stats.read_hits + stats.read_misses;
    let warm = match (stats.read_hits * 100).checked_div(reads) {
        Some(percent) => format!("{percent} % of {reads} reads came from the SSD"),
        None => "nothing was read yet".into(),
    };
    let risk = if stats.dirty > Bytes(0) {
        format!("{} are only on this host's SSD", stats.dirty)
    } else {
        "nothing dirty".into()
    };
    format!("cached, {}; {warm}; {risk}", resident(stats))
}

/// Reads all leases over one connection, many at a time.
fn add_leases(host: &Host, records: &[Record], disks: &mut [DiskStatus]) {
    let cluster = match host.connect() {
        Ok(cluster) => cluster,
        Err(error) => {
            let why = error.chain();
            disks
                .iter_mut()
                .for_each(|disk| disk.lease_error = Some(why.clone()));
            return;
        }
    };
    for (record, disk) in records.iter().zip(disks) {
        match lease_of(&cluster, record) {
            Ok(lease) => disk.lease = Some(lease),
            Err(error) => disk.lease_error = Some(error.chain()),
        }
    }
}

fn lease_of(cluster: &Cluster, record: &Record) -> Result<Lease> {
    let spec = &record.image;
    let pool = cluster
        .pool(&spec.pool, spec.namespace.as_ref())
        .context(|| format!("cannot open the pool of {spec}"))?;
    let raw = meta::get(&pool, record.key.image(), Lease::KEY)
        .context(|| format!("cannot read the lease of {spec}"))?;
    lease::parse(spec, raw.as_deref())
}
