//! Cloning: the snapshot that is needed, the clone, and nothing twice.
//!
//! A second clone of an image takes no more than a look at the parent and its object map, librbd's clone, and a look at the
//! child. The commands that this replaces are `rbd snap create`, `rbd snap protect`, `rbd clone` and `rbd info`.

mod base;
mod existing;
mod fresh;
mod purpose;

use base::Bases;

use super::CloneImage;
use super::reach::{self, Found, facts};
use super::report::ImageReport;
use crate::ceph::{CloneFormat, CloneOptions, ImageInfo, ParentSnap, Pool, Snap, ignore};
use crate::host::Host;
use crate::model::{Bytes, Change, SnapName};
use crate::{Context, Error, Kind, Result};

/// How often a half-made clone is cleared away before it is said that there is one.
const CLEAR_ATTEMPTS: usize = 2;

/// How often the parent is looked at anew when others take and remove the snapshots that it is cloned from.
const LOOKS: usize = 8;

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
    match &ask.made_for {
        Some(made_for) => return purpose::clone(host, ask, made_for, dry_run),
        None if ask.fresh => return fresh::clone(host, ask, dry_run),
        None => {}
    }
    let cluster = host.connect()?;
    let pool = reach::pool(&cluster, of)?;
    let children = reach::pool_to_create(&cluster, &ask.child)?;
    let mut report = ImageReport::new(Some(&ask.child), dry_run);
    for _ in 0..LOOKS {
        let Some(job) = CloneJob::find(host, ask, pool.clone(), children.clone())? else {
            continue;
        };
        if dry_run {
            job.plan(&mut report)?;
            return Ok(report);
        }
        if job.run(&mut report)? {
            return Ok(report);
        }
    }
    let message = format!("others take and remove snapshots of {of} at the same moment");
    Err(Error::new(Kind::Busy, message).remedy("run it again"))
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
    /// Whether the snapshot is to be taken.
    missing: bool,
    /// Snapshots that were cloned before the parent was written.
    outdated: Vec<Snap>,
}

impl<'a> CloneJob<'a> {
    /// Looks what there is to clone; `None` if that changed under the look.
    fn find(host: &Host, ask: &'a CloneImage, pool: Pool, children: Pool) -> Result<Option<Self>> {
        let parent = Found::in_pool(pool, &ask.parent.image)?;
        let snapshots = parent.snapshots()?;
        let bases = match &ask.parent.snap {
            Some(name) => Bases::named(&parent, name, &snapshots)?,
            None => {
                parent.must_be_whole(host, "clone")?;
                match Bases::of(&parent, &snapshots)? {
                    Some(bases) => bases,
                    None => return Ok(None),
                }
            }
        };
        let known = bases.current.as_ref();
        Ok(Some(Self {
            ask,
            children,
            protected: known.is_some_and(|snap| snap.protected),
            size: known.map_or_else(|| parent.size(), |snap| Ok(snap.size))?,
            missing: known.is_none(),
            snap: bases.name,
            outdated: bases.outdated,
            parent,
        }))
    }

    /// `pool/parent@snap`.
    fn from(&self) -> String {
        format!("{}@{}", self.parent.spec, self.snap)
    }

    /// Makes the clone, or finds it made; false if the parent has to be looked at anew.
    fn run(&self, report: &mut ImageReport) -> Result<bool> {
        self.check_size()?;
        let made = match self.missing {
            // A clone that is there stays what it is, though its parent was written since.
            true if !self.outdated.is_empty() && self.is_ours()? => Some(Change::Kept),
            true if !self.make_snap(report)? => None,
            _ => self.ensure(report)?,
        };
        let Some(change) = made else { return Ok(false) };
        if self.missing && change == Change::Made {
            base::sweep(&self.parent, &self.outdated, report);
        }
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
        Ok(true)
    }

    /// Makes what is missing until the clone is there. `None` if somebody removed the snapshot meanwhile, as outdated.
    fn ensure(&self, report: &mut ImageReport) -> Result<Option<Change>> {
        let (mut protected, mut cleared) = (self.protected, 0);
        let needs_protection = !protected && self.is_v1()?;
        loop {
            if needs_protection && !protected {
                self.protect(report)?;
                protected = true;
            }
            let error = match self.try_clone(report) {
                Ok(()) => return Ok(Some(Change::Made)),
                Err(error) => error,
            };
            match error.kind() {
                Kind::Exists if self.is_ours()? => return Ok(Some(Change::Kept)),
                Kind::Exists if cleared < CLEAR_ATTEMPTS && self.clear_half_made(report)? => {
                    cleared += 1;
                }
                Kind::Exists => return Err(self.taken()?),
                Kind::NotFound if self.base_is_gone()? => return Ok(None),
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

    /// Takes the snapshot; false if somebody else just did, who clones the same image.
    fn make_snap(&self, report: &mut ImageReport) -> Result<bool> {
        let from = self.from();
        let image = self.parent.open()?;
        let taken = report.step(Change::Made, format!("take snapshot {from}"), || {
            let taken = image.snap_create(&self.snap);
            taken.context(|| format!("cannot take snapshot {from}"))
        });
        match taken {
            Err(error) if error.kind() == Kind::Exists => Ok(false),
            taken => taken.map(|()| true),
        }
    }

    /// Whether the snapshot that the parent had is gone. One that the caller named is for the caller to know.
    fn base_is_gone(&self) -> Result<bool> {
        if self.ask.parent.snap.is_some() {
            return Ok(false);
        }
        let now = Found::in_pool(self.parent.pool.clone(), self.parent.spec)?.snapshots()?;
        Ok(!now.iter().any(|snap| snap.name == self.snap))
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
    fn plan(&self, report: &mut ImageReport) -> Result<()> {
        self.check_size()?;
        if self.is_ours()? {
            report.change = Some(Change::Kept);
            return Ok(());
        }
        if self.existing()?.is_some() {
            return Err(self.taken()?);
        }
        let from = self.from();
        if self.missing {
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
