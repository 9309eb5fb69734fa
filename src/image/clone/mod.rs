//! Cloning: the snapshot that is needed, the clone, and nothing twice.
//!
//! A second clone of an image takes no more than a look at the parent, librbd's clone, and a look at the child. The
//! commands that this replaces are `rbd snap create`, `rbd snap protect`, `rbd clone` and `rbd info`.

mod existing;
pub(super) mod fresh;

use super::CloneImage;
use super::reach::{self, Found, facts};
use super::report::ImageReport;
use crate::ceph::{CloneFormat, CloneOptions, ImageInfo, ParentSnap, Pool, ignore};
use crate::config::fixed;
use crate::host::Host;
use crate::model::{Bytes, Change, SnapName};
use crate::{Context, Error, Kind, Result};

/// The snapshot that is cloned if none is named: the one that OpenNebula's drivers make and look for.
const DEFAULT_SNAP: &str = "snap";

/// How often a half-made clone is cleared away before it is said that there is one.
const CLEAR_ATTEMPTS: usize = 2;

/// Makes a clone, or finds it made.
///
/// # Errors
/// [`Kind::NotFound`] for a parent or snapshot that is not there, [`Kind::Exists`] for an image of the child's name that
/// is no such clone, [`Kind::Usage`] for a size below the parent's, [`Kind::Dirty`] if the snapshot would have to be taken
/// of an image that lacks data.
pub(super) fn clone(host: &Host, ask: &CloneImage, dry_run: bool) -> Result<ImageReport> {
    let of = &ask.parent.image;
    if of.image.as_str().ends_with(reach::PENDING) {
        return Err(Error::new(
            Kind::Busy,
            format!("{of} is still being imported"),
        ));
    }
    if ask.fresh {
        return fresh::clone(host, ask, dry_run);
    }
    let cluster = host.connect()?;
    let parent = Found::in_pool(reach::pool(&cluster, of)?, of)?;
    let children = reach::pool_to_create(&cluster, &ask.child)?;
    let snap = ask
        .parent
        .snap
        .clone()
        .unwrap_or_else(|| fixed(DEFAULT_SNAP));
    let snapshots = parent.snapshots()?;
    let known = snapshots.iter().find(|known| known.name == snap);
    let job = CloneJob {
        ask,
        children,
        snap,
        protected: known.is_some_and(|snap| snap.protected),
        size: known.map_or_else(|| parent.size(), |snap| Ok(snap.size))?,
        parent,
    };
    if known.is_none() {
        job.may_snap(snapshots.iter().map(|snap| snap.name.as_str()))?;
    }
    let mut report = ImageReport::new(Some(&ask.child), dry_run);
    if dry_run {
        job.plan(&mut report, known.is_none())?;
    } else {
        job.run(&mut report, known.is_none())?;
    }
    Ok(report)
}

/// A clone that is asked for, and its parent as it was found.
struct CloneJob<'a> {
    ask: &'a CloneImage,
    parent: Found<'a>,
    children: Pool,
    snap: SnapName,
    /// Whether the snapshot is protected.
    protected: bool,
    /// The parent's size at the snapshot.
    size: Bytes,
}

impl CloneJob<'_> {
    /// `pool/parent@snap`.
    fn from(&self) -> String {
        format!("{}@{}", self.parent.spec, self.snap)
    }

    /// Whether the snapshot that is missing is for us to take, and the size is one that a clone can have.
    fn may_snap<'n>(&self, known: impl Iterator<Item = &'n str>) -> Result<()> {
        if let Some(snap) = &self.ask.parent.snap {
            let known: Vec<&str> = known.collect();
            let message = format!("image {} has no snapshot {snap}", self.parent.spec);
            return Err(
                Error::new(Kind::NotFound, message).remedy(match known.as_slice() {
                    [] => "it has none".into(),
                    known => format!("it has: {}", known.join(", ")),
                }),
            );
        }
        self.parent.must_be_whole("take a snapshot of")
    }

    fn run(&self, report: &mut ImageReport, snap_is_missing: bool) -> Result<()> {
        self.check_size()?;
        if snap_is_missing {
            self.make_snap(report)?;
        }
        let change = self.ensure(report)?;
        let child = Found::in_pool(self.children.clone(), &self.ask.child)?;
        self.drop_copied_lease(&child, change)?;
        let mut info = child.info()?;
        let grown = self.grow(report, &child, &mut info)?;
        report.change = Some(if change == Change::Kept && grown {
            Change::Altered
        } else {
            change
        });
        report.facts = Some(facts(info));
        Ok(())
    }

    /// Makes what is missing until the clone is there.
    fn ensure(&self, report: &mut ImageReport) -> Result<Change> {
        let (mut protected, mut cleared) = (self.protected, 0);
        let needs_protection = !protected && self.is_v1()?;
        loop {
            if needs_protection && !protected {
                self.protect(report)?;
                protected = true;
            }
            let error = match self.try_clone(report) {
                Ok(()) => return Ok(Change::Made),
                Err(error) => error,
            };
            match error.kind() {
                Kind::Exists if self.is_ours()? => return Ok(Change::Kept),
                Kind::Exists if cleared < CLEAR_ATTEMPTS && self.clear_half_made(report)? => {
                    cleared += 1;
                }
                Kind::Exists => return Err(self.taken()?),
                // librbd is configured to make clones of format 1: a snapshot that is not protected is refused with EINVAL.
                Kind::Failed if !protected && self.ask.clone_format == CloneFormat::Auto => {
                    self.protect(report)?;
                    protected = true;
                }
                _ => return Err(error),
            }
        }
    }

    /// Whether the clone will be of format 1, which needs a protected snapshot. Known beforehand, for an attempt that fails
    /// costs as much as the clone.
    fn is_v1(&self) -> Result<bool> {
        match self.ask.clone_format {
            CloneFormat::V1 => Ok(true),
            CloneFormat::V2 => Ok(false),
            CloneFormat::Auto => {
                let allowed = self.parent.pool.cluster().allows_clone_v2();
                let allowed =
                    allowed.context(|| "cannot ask which clients the cluster has".into())?;
                Ok(!allowed)
            }
        }
    }

    fn try_clone(&self, report: &mut ImageReport) -> Result<()> {
        let parent = ParentSnap {
            pool: &self.parent.pool,
            image: &self.parent.spec.image,
            snap: &self.snap,
        };
        let options = CloneOptions {
            clone_format: self.ask.clone_format,
            data_pool: self.ask.data_pool.clone(),
            ..CloneOptions::default()
        };
        let (from, child) = (self.from(), &self.ask.child);
        report.step(Change::Made, format!("clone {from} to {child}"), || {
            let made = self.children.clone_image(&child.image, parent, &options);
            made.context(|| format!("cannot clone {from} to {child}"))
        })
    }

    fn make_snap(&self, report: &mut ImageReport) -> Result<()> {
        let from = self.from();
        let image = self.parent.open()?;
        report.step(Change::Made, format!("take snapshot {from}"), || {
            match image.snap_create(&self.snap).map_err(Error::from) {
                // Somebody else clones the same image for the first time.
                Err(error) if error.kind() == Kind::Exists => Ok(()),
                made => made.context(|| format!("cannot take snapshot {from}")),
            }
        })
    }

    fn protect(&self, report: &mut ImageReport) -> Result<()> {
        let from = self.from();
        let image = self.parent.open()?;
        report.step(Change::Altered, format!("protect snapshot {from}"), || {
            match image.snap_protect(&self.snap).map_err(Error::from) {
                // It is protected by now.
                Err(error) if error.kind() == Kind::Busy => Ok(()),
                done => done.context(|| format!("cannot protect {from}")),
            }
        })
    }

    /// Refuses a size below the parent's before anything is made.
    fn check_size(&self) -> Result<()> {
        match self.ask.size {
            Some(size) if size < self.size => {
                let message = format!(
                    "a clone of {size} cannot hold {} of {}",
                    self.from(),
                    self.size
                );
                Err(Error::new(Kind::Usage, message).remedy("ask for no size, or for a larger one"))
            }
            _ => Ok(()),
        }
    }

    /// Grows the child to what was asked for; whether it had to be.
    fn grow(
        &self,
        report: &mut ImageReport,
        child: &Found<'_>,
        info: &mut ImageInfo,
    ) -> Result<bool> {
        let Some(size) = self.ask.size.filter(|size| *size != info.size) else {
            return Ok(false);
        };
        let spec = child.spec;
        if size < info.size {
            let message = format!("image {spec} exists with {}, not {size}", info.size);
            return Err(Error::new(Kind::Exists, message)
                .remedy("`warmblock image resize` makes it smaller"));
        }
        let image = child.open()?;
        report.step(Change::Altered, format!("grow {spec} to {size}"), || {
            let grown = image.resize(size, false, &mut ignore);
            grown.context(|| format!("cannot grow {spec} to {size}"))
        })?;
        info.size = size;
        Ok(true)
    }

    /// Says what `run` would do.
    fn plan(&self, report: &mut ImageReport, snap_is_missing: bool) -> Result<()> {
        self.check_size()?;
        if self.is_ours()? {
            report.change = Some(Change::Kept);
            return Ok(());
        }
        if self.existing()?.is_some() {
            return Err(self.taken()?);
        }
        let from = self.from();
        if snap_is_missing {
            report.planned(Change::Made, format!("take snapshot {from}"));
        }
        if !self.protected && self.is_v1()? {
            report.planned(Change::Altered, format!("protect snapshot {from}"));
        }
        report.planned(Change::Made, format!("clone {from} to {}", self.ask.child));
        if let Some(size) = self.ask.size.filter(|size| *size > self.size) {
            report.planned(
                Change::Altered,
                format!("grow {} to {size}", self.ask.child),
            );
        }
        report.change = Some(Change::Made);
        Ok(())
    }
}
