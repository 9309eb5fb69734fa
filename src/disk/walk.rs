//! A walk over a disk's layers: what is known so far, what was done, and the report of it.

use std::time::Instant;

use super::layers::{Found, Layer};
use super::lease::{LeaseCell, Me};
use super::open::OpenDisk;
use super::record::Record;
use crate::cache::{self, Device, Driver, Site};
use crate::host::Host;
use crate::job::{FlushProof, LayerName, Report, Step};
use crate::model::{Bytes, Change, Role};
use crate::seed::{SeedPlan, SeedProof, VerifyReport};
use crate::tools::krbd::Mapping;
use crate::tools::lvm::Volumes;
use crate::{Error, Kind, Result};

/// One job's walk over one disk. Holds the disk's lock, by way of [`OpenDisk`].
#[derive(Debug)]
pub(super) struct Walk<'h> {
    /// The machine.
    pub(super) host: &'h Host,
    /// The disk: record, lock and image.
    pub(super) disk: OpenDisk,
    /// Whether to say only what would be done.
    pub(super) dry_run: bool,
    /// The kernel's RBD device, once the map layer found or made it.
    pub(super) mapping: Option<Mapping>,
    /// The slice's volumes, once the slice layer found or made them.
    pub(super) parts: Vec<(Role, Device)>,
    /// The volumes of ours on this host, as long as what was listed is true.
    pub(super) volumes: Option<Volumes>,
    /// The identity of the slice that a lease names: its data volume's UUID.
    pub(super) cache_id: Option<String>,
    /// What is being seeded, once the cache was opened for it.
    pub(super) plan: Option<SeedPlan>,
    /// How fast to seed at most.
    pub(super) rate: Option<Bytes>,
    /// Whether a hand-over is called off, though the cache stays out.
    pub(super) calls_off: bool,
    /// Whether somebody may open the disk at any time, since nobody waits for its seed.
    pub(super) guest_may_come: bool,
    steps: Vec<Step>,
    pub(super) seed: Option<SeedProof>,
    pub(super) flush: Option<FlushProof>,
    pub(super) verify: Option<VerifyReport>,
    pub(super) warnings: Vec<String>,
}

impl<'h> Walk<'h> {
    pub(super) fn new(host: &'h Host, disk: OpenDisk, dry_run: bool) -> Self {
        Self {
            host,
            disk,
            dry_run,
            mapping: None,
            parts: Vec::new(),
            volumes: None,
            cache_id: None,
            plan: None,
            rate: host.config.seed.rate,
            calls_off: false,
            guest_may_come: false,
            steps: Vec::new(),
            seed: None,
            flush: None,
            verify: None,
            warnings: Vec::new(),
        }
    }

    /// Does something with the disk's links, as whoever asks now or asked for them.
    pub(super) fn as_asker<T>(&self, act: impl FnOnce() -> Result<T>) -> Result<T> {
        self.disk.record.as_asker(self.host, act)
    }

    /// The driver in use.
    pub(super) fn driver(&self) -> Result<&'h dyn Driver> {
        cache::driver(self.host, &self.disk.record.driver_in_use())
    }

    /// Brings a layer up.
    pub(super) fn up<L: Layer>(&mut self) -> Result<()> {
        self.host.cancel.check()?;
        let began = Instant::now();
        let found = L::probe(self)?;
        let (change, what) = match &found {
            Found::Right(what) => (Change::Kept, what.clone()),
            Found::Absent { wanted } => (Change::Made, wanted.clone()),
            Found::Wrong { why } => (Change::Altered, why.clone()),
        };
        let mut came = (change, what);
        if change.is_change() && !self.dry_run {
            L::up(self, &found)?;
            came = L::instead(self).map_or(came, |instead| (Change::Absent, instead));
        }
        let (change, what) = came;
        self.did(L::NAME, change, what, began);
        Ok(())
    }

    /// Takes a layer down.
    pub(super) fn down<L: Layer>(&mut self) -> Result<()> {
        let began = Instant::now();
        let found = L::probe(self)?;
        let (change, what) = match &found {
            Found::Right(what) | Found::Wrong { why: what } => (Change::Removed, what.clone()),
            Found::Absent { .. } => (Change::Absent, String::new()),
        };
        if change.is_change() && !self.dry_run {
            L::down(self, &found)?;
        }
        self.did(L::NAME, change, what, began);
        Ok(())
    }

    /// Notes a step.
    pub(super) fn did(
        &mut self,
        layer: LayerName,
        change: Change,
        what: impl Into<String>,
        began: Instant,
    ) {
        let seconds = if self.dry_run {
            0.0
        } else {
            began.elapsed().as_secs_f64()
        };
        self.steps.push(Step {
            layer,
            change,
            what: what.into(),
            seconds,
        });
    }

    /// Works on the image's lease, read anew each time.
    ///
    /// Errors: what kept Ceph from being asked, or that the image is gone.
    pub(super) fn with_lease<T>(
        &mut self,
        work: impl FnOnce(&mut LeaseCell<'_>, &Me, &Record) -> Result<T>,
    ) -> Result<T> {
        let me = self.host.me()?;
        let (record, image) = self.disk.record_and_image()?;
        work(&mut image.lease(record)?, &me, record)
    }

    /// The RBD device.
    pub(super) fn origin(&self) -> Result<Device> {
        let mapping = self.mapping.as_ref().ok_or_else(|| {
            Error::new(
                Kind::Internal,
                format!("image {} is not mapped", self.disk.record.image),
            )
        })?;
        Ok(Device {
            path: mapping.device.clone(),
            number: mapping.num,
            size: mapping.size.sectors(),
        })
    }

    /// What the driver works on.
    pub(super) fn site(&self) -> Result<Site<'_>> {
        Ok(Site {
            host: self.host,
            key: &self.disk.record.key,
            origin: self.origin()?,
            parts: self.parts.clone(),
            block: self.disk.record.block,
            mode: self.disk.record.mode,
        })
    }

    /// The report of the walk; `front` tells whether the disk can be opened now.
    pub(super) fn report(self, front: bool) -> Report {
        let record = &self.disk.record;
        Report {
            version: Report::VERSION,
            dry_run: self.dry_run,
            image: record.image.clone(),
            key: record.key.clone(),
            front: front.then(|| self.host.roots.mapper(record.key.dm(Role::Front))),
            steps: self.steps,
            seed: self.seed,
            flush: self.flush,
            verify: self.verify,
            warnings: self.warnings,
        }
    }
}
