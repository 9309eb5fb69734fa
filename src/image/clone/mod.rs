//! Cloning: the snapshot that is needed, the clone, and nothing twice.
//!
//! librbd is asked for the clone first, and only what it misses is made: a second clone of an image is one call. The
//! calls that this replaces are `rbd snap create`, `rbd snap protect`, `rbd clone` and `rbd info`.

mod existing;

use super::CloneImage;
use super::reach::{self, Found, facts};
use super::report::ImageReport;
use crate::ceph::{CloneOptions, ImageInfo, ParentSnap, Pool, ignore};
use crate::config::fixed;
use crate::host::Host;
use crate::model::{Bytes, Change, SnapName};
use crate::{Context, Error, Kind, Result};

/// The snapshot that is cloned if none is named: the one that OpenNebula's drivers make and look for.
pub(super) const DEFAULT_SNAP: &str = "snap";

/// How often a half-made clone is cleared away before it is said that there is one.
const CLEAR_ATTEMPTS: usize = 2;

/// Makes a clone, or finds it made.
///
/// # Errors
/// [`Kind::NotFound`] for a parent or snapshot that is not there, [`Kind::Exists`] for an image of the child's name that
/// is no such clone, [`Kind::Usage`] for a size below the parent's, [`Kind::Dirty`] if the snapshot would have to be taken
/// of an image that lacks data.
pub(super) fn clone(host: &Host, ask: &CloneImage, dry_run: bool) -> Result<ImageReport> {
    if ask.parent.image.image.as_str().ends_with(reach::PENDING) {
        return Err(Error::new(
            Kind::Busy,
            format!("{} is still being imported", ask.parent.image),
        ));
    }
    let cluster = host.connect()?;
    let parents = reach::pool(&cluster, &ask.parent.image)?;
    let children = reach::pool_to_create(&cluster, &ask.child)?;
    let snap = ask
        .parent
        .snap
        .clone()
        .unwrap_or_else(|| fixed(DEFAULT_SNAP));
    let job = CloneJob {
        ask,
        parents,
        children,
        snap,
    };
    let mut report = ImageReport::new(Some(&ask.child), dry_run);
    if dry_run {
        job.plan(&mut report)?;
    } else {
        job.run(&mut report)?;
    }
    Ok(report)
}

struct CloneJob<'a> {
    ask: &'a CloneImage,
    parents: Pool,
    children: Pool,
    snap: SnapName,
}

impl CloneJob<'_> {
    /// `pool/parent@snap`.
    fn from(&self) -> String {
        format!("{}@{}", self.ask.parent.image, self.snap)
    }

    fn run(&self, report: &mut ImageReport) -> Result<()> {
        if let Some(size) = self.ask.size {
            self.check_size(report, size)?;
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
        let (mut snapped, mut protected, mut cleared) = (false, false, 0);
        loop {
            let error = match self.try_clone(report) {
                Ok(()) => return Ok(Change::Made),
                Err(error) => error,
            };
            match error.kind() {
                Kind::Exists if self.is_ours()? => return Ok(Change::Kept),
                Kind::Exists if cleared < CLEAR_ATTEMPTS && self.clear_half_made(report)? => {
                    cleared += 1
                }
                Kind::Exists => return Err(self.taken()?),
                Kind::NotFound if !snapped => {
                    self.make_snap(report)?;
                    snapped = true;
                }
                // Clone format 1, by the cluster's or the caller's wish, is refused with EINVAL without protection.
                Kind::Failed if !protected && self.protect(report)? => protected = true,
                _ => return Err(error),
            }
        }
    }

    fn try_clone(&self, report: &mut ImageReport) -> Result<()> {
        let parent = ParentSnap {
            pool: &self.parents,
            image: &self.ask.parent.image.image,
            snap: &self.snap,
        };
        let options = CloneOptions {
            clone_format: self.ask.clone_format,
            data_pool: self.ask.data_pool.clone(),
            ..CloneOptions::default()
        };
        let what = format!("clone {} to {}", self.from(), self.ask.child);
        report.step(Change::Made, what, || {
            let made = self
                .children
                .clone_image(&self.ask.child.image, parent, &options);
            made.context(|| format!("cannot clone {} to {}", self.from(), self.ask.child))
        })
    }

    /// Takes the snapshot that is missing, if it is for us to take.
    fn make_snap(&self, report: &mut ImageReport) -> Result<()> {
        let parent = Found::in_pool(self.parents.clone(), &self.ask.parent.image)?;
        if let Some(snap) = &self.ask.parent.snap {
            let known = parent
                .image
                .snapshots()
                .context(|| format!("cannot list the snapshots of {}", parent.spec))?;
            let known: Vec<&str> = known.iter().map(|snap| snap.name.as_str()).collect();
            if !known.contains(&snap.as_str()) {
                return Err(Error::new(
                    Kind::NotFound,
                    format!("image {} has no snapshot {snap}", parent.spec),
                )
                .remedy(if known.is_empty() {
                    "it has none".into()
                } else {
                    format!("it has: {}", known.join(", "))
                }));
            }
            return Ok(());
        }
        parent.must_be_clean("take a snapshot of")?;
        let image = parent.open()?;
        report.step(
            Change::Made,
            format!("take snapshot {}", self.from()),
            || {
                match image.snap_create(&self.snap).map_err(Error::from) {
                    // Somebody else clones the same image for the first time.
                    Err(error) if error.kind() == Kind::Exists => Ok(()),
                    made => made.context(|| format!("cannot take snapshot {}", self.from())),
                }
            },
        )
    }

    /// Protects the snapshot; whether that changed anything.
    fn protect(&self, report: &mut ImageReport) -> Result<bool> {
        let image = self
            .parents
            .open(&self.ask.parent.image.image)
            .context(|| format!("cannot open {}", self.from()))?;
        let protected = image.snap_is_protected(&self.snap);
        if protected.context(|| format!("cannot look at {}", self.from()))? {
            return Ok(false);
        }
        report.step(
            Change::Altered,
            format!("protect snapshot {}", self.from()),
            || match image.snap_protect(&self.snap).map_err(Error::from) {
                Err(error) if error.kind() == Kind::Busy => Ok(()),
                done => done.context(|| format!("cannot protect {}", self.from())),
            },
        )?;
        Ok(true)
    }

    /// Refuses a size below the parent's before anything is made.
    fn check_size(&self, report: &mut ImageReport, size: Bytes) -> Result<()> {
        let has = match self.parent_size()? {
            Some(has) => has,
            None => {
                self.make_snap(report)?;
                self.parent_size()?.unwrap_or_default()
            }
        };
        if size < has {
            let message = format!("a clone of {size} cannot hold {} of {has}", self.from());
            return Err(
                Error::new(Kind::Usage, message).remedy("ask for no size, or for a larger one")
            );
        }
        Ok(())
    }

    /// The parent's size at the snapshot; `None` if there is no such snapshot.
    fn parent_size(&self) -> Result<Option<Bytes>> {
        let opened = self
            .parents
            .open_read_only(&self.ask.parent.image.image, Some(&self.snap));
        match opened.map_err(Error::from) {
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            opened => {
                let opened = opened.context(|| format!("cannot open {}", self.from()))?;
                opened
                    .size()
                    .map(Some)
                    .context(|| format!("cannot read the size of {}", self.from()))
            }
        }
    }

    /// Grows the child to what was asked for.
    fn grow(
        &self,
        report: &mut ImageReport,
        child: &Found<'_>,
        info: &mut ImageInfo,
    ) -> Result<bool> {
        let Some(size) = self.ask.size.filter(|size| *size != info.size) else {
            return Ok(false);
        };
        if size < info.size {
            let message = format!("image {} exists with {}, not {size}", child.spec, info.size);
            return Err(Error::new(Kind::Exists, message)
                .remedy("`warmblock image resize` makes it smaller"));
        }
        let image = child.open()?;
        report.step(
            Change::Altered,
            format!("grow {} to {size}", child.spec),
            || {
                image
                    .resize(size, false, &mut ignore)
                    .context(|| format!("cannot grow {} to {size}", child.spec))
            },
        )?;
        info.size = size;
        Ok(true)
    }

    /// Says what `run` would do.
    fn plan(&self, report: &mut ImageReport) -> Result<()> {
        if self.is_ours()? {
            report.change = Some(Change::Kept);
            return Ok(());
        }
        if self.existing()?.is_some() {
            return Err(self.taken()?);
        }
        let parent = Found::in_pool(self.parents.clone(), &self.ask.parent.image)?;
        let snaps = parent
            .image
            .snapshots()
            .context(|| format!("cannot list the snapshots of {}", parent.spec))?;
        if !snaps.iter().any(|snap| snap.name == self.snap) {
            if self.ask.parent.snap.is_some() {
                self.make_snap(report)?;
            }
            parent.must_be_clean("take a snapshot of")?;
            report.planned(Change::Made, format!("take snapshot {}", self.from()));
        }
        report.planned(
            Change::Made,
            format!("clone {} to {}", self.from(), self.ask.child),
        );
        if let Some(size) = self.ask.size {
            report.planned(
                Change::Altered,
                format!("grow {} to {size}", self.ask.child),
            );
        }
        report.change = Some(Change::Made);
        Ok(())
    }
}
