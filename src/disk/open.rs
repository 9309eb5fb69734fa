//! Opening a disk for a job: lock, record, image.

mod to_detach;

use self::to_detach::lock_to_detach;
use crate::ceph::{Cluster, Image, Pool};
use crate::disk::half_replaced::refuse_half_replaced;
use crate::disk::half_reverted::refuse_half_reverted;
use crate::disk::later;
use crate::disk::lease::{Force, LeaseCell};
use crate::disk::lost;
use crate::disk::meant::meant;
use crate::disk::record::Record;
use crate::disk::want::{self, Exchange};
use crate::host::Host;
use crate::job::{Attach, Detach};
use crate::model::{Bytes, DiskKey, Fsid, ImageId, ImageSpec, OnFull, Role};
use crate::sys::lock::{DiskLock, Holder};
use crate::tools::dmsetup::Table;
use crate::{Context, Error, Kind, Result};

/// A disk that a job works on.
#[derive(Debug)]
pub(super) struct OpenDisk {
    /// What is wanted of it.
    pub(super) record: Record,
    /// Whether the record was lost, and this one made up: it knows nothing of what the cache was.
    pub(super) made_up: bool,
    /// The image; `None` when it is gone, or when Ceph cannot be asked.
    pub(super) image: Option<OpenImage>,
    /// Why Ceph cannot be asked.
    pub(super) unreachable: Option<Error>,
    /// What the operator allowed.
    pub(super) force: Force,
    /// What to do when there is no room.
    pub(super) on_full: OnFull,
    /// Another driver that the disk is to get.
    pub(super) exchange: Option<Exchange>,
    /// Held until the job ends; the kernel drops it with the process.
    pub(super) lock: DiskLock,
}

/// An image, open for reading, with its pool.
#[derive(Debug)]
pub(super) struct OpenImage {
    pub(super) image: Image,
    pub(super) pool: Pool,
    pub(super) cluster: Cluster,
    pub(super) id: ImageId,
    pub(super) size: Bytes,
}

impl OpenImage {
    /// Opens an image by name: connects, finds the pool, reads the header.
    fn by_name(host: &Host, spec: &ImageSpec) -> Result<Self> {
        let cluster = host.connect()?;
        let pool = cluster
            .pool(&spec.pool, spec.namespace.as_ref())
            .context(|| format!("cannot open the pool of {spec}"))?;
        let image = pool
            .open_read_only(&spec.image, None)
            .context(|| format!("cannot open image {spec}"));
        let image = match image {
            // It is just out of the way, perhaps.
            Err(error) if error.kind() == Kind::NotFound => {
                refuse_half_replaced(host, spec, &pool, "open")?;
                return Err(error);
            }
            image => image?,
        };
        Self::of(cluster, pool, image, spec)
    }

    /// Opens the image of a record by its id, which a rename does not change.
    fn by_record(host: &Host, record: &Record) -> Result<Self> {
        let spec = &record.image;
        let cluster = host.connect_by(record.access.as_ref())?;
        let fsid = cluster
            .fsid()
            .context(|| "cannot ask for the cluster's fsid".into())?;
        if fsid != record.fsid {
            let message = format!(
                "image {spec} is of cluster {}, and this is {fsid}",
                record.fsid
            );
            return Err(Error::new(Kind::Config, message).remedy(
                "name the cluster that the disk was attached from, with --conf or [ceph] conf",
            ));
        }
        // By their numbers, which renames do not change: "not found" must mean that it is gone.
        let pool = cluster.pool_name(record.key.pool());
        let pool = pool.context(|| format!("cannot find the pool of {spec}"))?;
        let pool = cluster
            .pool(&pool, spec.namespace.as_ref())
            .context(|| format!("cannot open the pool of {spec}"))?;
        let image = pool
            .open_by_id_read_only(record.key.image(), None)
            .context(|| format!("cannot open image {spec}"))?;
        Self::of(cluster, pool, image, spec)
    }

    fn of(cluster: Cluster, pool: Pool, image: Image, spec: &ImageSpec) -> Result<Self> {
        let info = image
            .info()
            .context(|| format!("cannot read the header of {spec}"))?;
        Ok(Self {
            image,
            pool,
            cluster,
            id: info.id,
            size: info.size,
        })
    }

    fn fsid(&self) -> Result<Fsid> {
        let fsid = self.cluster.fsid();
        fsid.context(|| "cannot ask for the cluster's fsid".into())
    }

    /// Opens it anew: a handle without a watch does not see that snapshots came and went.
    pub(super) fn reopen(&mut self, spec: &ImageSpec) -> Result<()> {
        let opened = self.pool.open_by_id_read_only(&self.id, None);
        self.image = opened.context(|| format!("cannot open image {spec}"))?;
        Ok(())
    }

    /// The lease as it is now.
    pub(super) fn lease<'a>(&'a self, record: &'a Record) -> Result<LeaseCell<'a>> {
        LeaseCell::read(&self.pool, &self.id, &record.image)
    }
}

/// Whether a cache is being filled in the background that an attach wants otherwise.
fn changes_what_is_filled(host: &Host, key: &DiskKey, ask: &Attach, image: Bytes) -> Result<bool> {
    match Record::load(&host.roots, key)? {
        Some(record) if later::at_work(host, &record).is_some() => {
            later::is_in_the_way(host, &record, ask, image)
        }
        _ => Ok(false),
    }
}

impl OpenDisk {
    /// Opens a disk to attach it: the image must be there. A record that exists is kept, and must not contradict `ask`.
    /// Who fills its cache in the background is stopped if `ask` wants that done otherwise.
    pub(super) fn to_attach(host: &Host, ask: &Attach, dry_run: bool) -> Result<Self> {
        let image = OpenImage::by_name(host, &ask.image)?;
        refuse_half_replaced(host, &ask.image, &image.pool, "attach")?;
        refuse_half_reverted(&ask.image, &image.image, "attach")?;
        if image.size == Bytes(0) {
            return Err(
                Error::new(Kind::Usage, format!("image {} is empty", ask.image))
                    .remedy("give it a size with `warmblock image resize`"),
            );
        }
        let fsid = image.fsid()?;
        let key = DiskKey::new(&fsid, image.pool.id(), &image.id)?;
        let deadline = &host.config.deadline;
        let patience = match ask.shared {
            // The first of them may be filling the cache.
            Some(_) => deadline.flush.max(deadline.lock),
            None => deadline.lock,
        };
        let lock = match !dry_run && changes_what_is_filled(host, &key, ask, image.size)? {
            true => {
                let times = (patience, deadline.flush.max(patience));
                let may_stop = |holder: &Holder| holder.what == later::WHAT;
                DiskLock::acquire_stopping(&host.roots.run, &key, "attach", times, may_stop)
            }
            false => DiskLock::acquire(&host.roots.run, &key, "attach", patience),
        }?;
        let force = Force {
            break_lease: ask.break_lease,
            dead_host: ask.dead_host.clone(),
            discard_dirty: ask.discard_dirty,
            fence: ask.fence,
            fence_late: ask.fence_late,
            patient: false,
        };
        let on_full = ask.on_full.unwrap_or(host.config.slice.on_full);
        let (record, exchange) = match Record::load(&host.roots, &key)? {
            Some(mut record) => {
                lost::forget_users(host, &mut record, &image)?;
                want::again(host, record, ask, image.size)?
            }
            None => (want::fresh(host, ask, key, fsid, image.size)?, None),
        };
        Ok(Self {
            record,
            made_up: false,
            image: Some(image),
            unreachable: None,
            force,
            on_full,
            exchange,
            lock,
        })
    }

    /// Opens a disk that this host has, for any other job. Works without Ceph as far as the job can.
    ///
    /// Errors: [`Kind::NotFound`] if this host has no such disk.
    pub(super) fn existing(host: &Host, spec: &ImageSpec, what: &str) -> Result<Self> {
        Self::existing_by(host, spec, |key| {
            DiskLock::acquire(&host.roots.run, key, what, host.config.deadline.lock)
        })
    }

    /// The same, to take its cache out of the path: who fills that in the background is stopped for it.
    pub(super) fn without_its_cache(host: &Host, spec: &ImageSpec, what: &str) -> Result<Self> {
        let deadline = &host.config.deadline;
        let times = (deadline.lock, deadline.flush.max(deadline.lock));
        let may_stop = |holder: &Holder| holder.what == later::WHAT;
        Self::existing_by(host, spec, |key| {
            DiskLock::acquire_stopping(&host.roots.run, key, what, times, may_stop)
        })
    }

    fn existing_by(
        host: &Host,
        spec: &ImageSpec,
        locked: impl Fn(&DiskKey) -> Result<DiskLock>,
    ) -> Result<Self> {
        let missing = || {
            Error::new(
                Kind::NotFound,
                format!("image {spec} is not attached on this host"),
            )
            .remedy("`warmblock status` lists the disks of this host")
        };
        let found = meant(host, spec)?.ok_or_else(missing)?;
        let lock = locked(&found.key)?;
        let record = Record::load(&host.roots, &found.key)?.ok_or_else(missing)?;
        Ok(Self::with_record(host, record, lock))
    }

    /// Opens the disk of a key; `None` if this host has no record of it, or has none any more once the lock is ours.
    pub(super) fn of_key(host: &Host, key: &DiskKey, what: &str) -> Result<Option<Self>> {
        let lock = DiskLock::acquire(&host.roots.run, key, what, host.config.deadline.lock)?;
        let record = Record::load(&host.roots, key)?;
        Ok(record.map(|record| Self::with_record(host, record, lock)))
    }

    /// Opens a disk to take it down, also one that this host has no record of: there may be devices all the same. Who is
    /// bringing it up meanwhile is asked to stop.
    ///
    /// Errors: [`Kind::NotFound`] if there is neither a record nor such an image.
    pub(super) fn to_detach(host: &Host, ask: &Detach, dry_run: bool) -> Result<Self> {
        let spec = &ask.image;
        let locked = |key: &DiskKey| lock_to_detach(host, key, ask, dry_run);
        if let Some(found) = meant(host, spec)? {
            let lock = locked(&found.key)?;
            if let Some(record) = Record::load(&host.roots, &found.key)? {
                return Ok(Self::with_record(host, record, lock));
            }
        }
        let image = OpenImage::by_name(host, spec)?;
        let fsid = image.fsid()?;
        let key = DiskKey::new(&fsid, image.pool.id(), &image.id)?;
        let lock = locked(&key)?;
        if let Some(record) = Record::load(&host.roots, &key)? {
            return Ok(Self::with_record(host, record, lock));
        }
        let block = host.config.cache.block;
        Self::unknown(
            host,
            Record::of_unknown(key, spec.clone(), fsid, host.access.clone(), block),
            lock,
        )
    }

    /// Opens a disk that was found without a record, by one that the caller makes up from what was found; `None` if it has
    /// one once the lock is ours.
    ///
    /// Errors: also that it has one which cannot be read.
    pub(super) fn orphan(
        host: &Host,
        key: &DiskKey,
        made_up: impl FnOnce() -> Result<Record>,
    ) -> Result<Option<Self>> {
        let lock = DiskLock::acquire(&host.roots.run, key, "recover", host.config.deadline.lock)?;
        match Record::load(&host.roots, key)? {
            Some(_) => Ok(None),
            None => Self::unknown(host, made_up()?, lock).map(Some),
        }
    }

    fn unknown(host: &Host, record: Record, lock: DiskLock) -> Result<Self> {
        let record = want::as_its_slice(host, record)?;
        let mut disk = Self::with_record(host, record, lock);
        disk.made_up = true;
        let cache = host.dm().table(&disk.record.key.dm(Role::Cache))?;
        if let Some(cache) = cache.as_ref().and_then(Table::as_cache) {
            disk.record.block = cache.block.bytes();
        }
        if let Some(image) = &disk.image {
            // The generation was lost with the record; host and cache id of the lease still have to match.
            let generation = image.lease(&disk.record)?.lease.generation;
            disk.record.generation = generation;
        }
        Ok(disk)
    }

    fn with_record(host: &Host, record: Record, lock: DiskLock) -> Self {
        let (image, unreachable) = match OpenImage::by_record(host, &record) {
            Ok(image) => (Some(image), None),
            Err(error) if error.kind() == Kind::NotFound => (None, None),
            Err(error) => (None, Some(error)),
        };
        let on_full = host.config.slice.on_full;
        Self {
            record,
            made_up: false,
            image,
            unreachable,
            force: Force::default(),
            on_full,
            exchange: None,
            lock,
        }
    }

    /// Record and image, for what cannot be done without Ceph.
    pub(super) fn record_and_image(&self) -> Result<(&Record, &OpenImage)> {
        if let Some(error) = &self.unreachable {
            return Err(error.again());
        }
        let Some(image) = &self.image else {
            let message = format!("image {} is gone", self.record.image);
            return Err(Error::new(Kind::NotFound, message)
                .remedy(
                    "somebody removed it beneath this disk; `warmblock detach` cleans up what this host has of it, with \
                     --discard-dirty for a write-back disk",
                ));
        };
        Ok((&self.record, image))
    }
}
