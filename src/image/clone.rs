//! Cloning: the snapshot that is needed, the clone, and nothing twice.
//!
//! librbd is asked for the clone first, and only what it misses is made: a second clone of an image is one call. The
//! calls that this replaces are `rbd snap create`, `rbd snap protect`, `rbd clone` and `rbd info`.

use super::reach::{self, Found, facts};
use super::report::ImageReport;
use super::CloneImage;
use crate::ceph::{CloneOptions, DiffOptions, ImageInfo, ParentSnap, Pool, ignore, meta};
use crate::config::fixed;
use crate::host::Host;
use crate::model::{Bytes, Change, Lease, SnapName};
use crate::{Context, Error, Kind, Result};

/// The snapshot that is cloned if none is named: the one that OpenNebula's drivers make and look for.
pub(super) const DEFAULT_SNAP: &str = "snap";

/// How often a half-made clone of a killed process is cleared away before it is said that there is one.
const CLEAR_ATTEMPTS: usize = 2;

/// Makes a clone, or finds it made.
///
/// # Errors
/// [`Kind::NotFound`] for a parent or snapshot that is not there, [`Kind::Exists`] for an image of the child's name that
/// is no such clone, [`Kind::Usage`] for a size below the parent's, [`Kind::Dirty`] if the snapshot would have to be taken
/// of an image that lacks data.
pub(super) fn clone(host: &Host, ask: &CloneImage, dry_run: bool) -> Result<ImageReport> {
    if ask.parent.image.image.as_str().ends_with(reach::PENDING) {
        return Err(Error::new(Kind::Busy, format!("{} is still being imported", ask.parent.image)));
    }
    let cluster = host.connect()?;
    let parents = reach::pool(&cluster, &ask.parent.image)?;
    let children = reach::pool_to_create(&cluster, &ask.child)?;
    let snap = ask.parent.snap.clone().unwrap_or_else(|| fixed(DEFAULT_SNAP));
    let job = CloneJob { ask, parents, children, snap };
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
        report.change = Some(if change == Change::Kept && grown { Change::Altered } else { change });
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
                Kind::Exists if cleared < CLEAR_ATTEMPTS && self.clear_half_made(report)? => cleared += 1,
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
        let parent = ParentSnap { pool: &self.parents, image: &self.ask.parent.image.image, snap: &self.snap };
        let options = CloneOptions {
            clone_format: self.ask.clone_format,
            data_pool: self.ask.data_pool.clone(),
            ..CloneOptions::default()
        };
        let what = format!("clone {} to {}", self.from(), self.ask.child);
        report.step(Change::Made, what, || {
            let made = self.children.clone_image(&self.ask.child.image, parent, &options);
            made.context(|| format!("cannot clone {} to {}", self.from(), self.ask.child))
        })
    }

    /// Takes the snapshot that is missing, if it is for us to take.
    fn make_snap(&self, report: &mut ImageReport) -> Result<()> {
        let parent = Found::in_pool(self.parents.clone(), &self.ask.parent.image)?;
        if let Some(snap) = &self.ask.parent.snap {
            let known = parent.image.snapshots().context(|| format!("cannot list the snapshots of {}", parent.spec))?;
            let known: Vec<&str> = known.iter().map(|snap| snap.name.as_str()).collect();
            if !known.contains(&snap.as_str()) {
                return Err(Error::new(Kind::NotFound, format!("image {} has no snapshot {snap}", parent.spec))
                    .remedy(if known.is_empty() { "it has none".into() } else { format!("it has: {}", known.join(", ")) }));
            }
            return Ok(());
        }
        parent.must_be_clean("take a snapshot of")?;
        let image = parent.open()?;
        report.step(Change::Made, format!("take snapshot {}", self.from()), || {
            match image.snap_create(&self.snap).map_err(Error::from) {
                // Somebody else clones the same image for the first time.
                Err(error) if error.kind() == Kind::Exists => Ok(()),
                made => made.context(|| format!("cannot take snapshot {}", self.from())),
            }
        })
    }

    /// Protects the snapshot; whether that changed anything.
    fn protect(&self, report: &mut ImageReport) -> Result<bool> {
        let image = self.parents.open(&self.ask.parent.image.image).context(|| format!("cannot open {}", self.from()))?;
        let protected = image.snap_is_protected(&self.snap);
        if protected.context(|| format!("cannot look at {}", self.from()))? {
            return Ok(false);
        }
        report.step(Change::Altered, format!("protect snapshot {}", self.from()), || {
            match image.snap_protect(&self.snap).map_err(Error::from) {
                Err(error) if error.kind() == Kind::Busy => Ok(()),
                done => done.context(|| format!("cannot protect {}", self.from())),
            }
        })?;
        Ok(true)
    }

    /// Refuses a size below the parent's before anything is made.
    fn check_size(&self, report: &mut ImageReport, size: Bytes) -> Result<()> {
        let parent = &self.ask.parent.image;
        let at_snap = match self.parents.open_read_only(&parent.image, Some(&self.snap)).map_err(Error::from) {
            Err(error) if error.kind() == Kind::NotFound => {
                self.make_snap(report)?;
                self.parents.open_read_only(&parent.image, Some(&self.snap)).map_err(Error::from)
            }
            opened => opened,
        };
        let has = at_snap.context(|| format!("cannot open {}", self.from()))?.size().context(|| self.from())?;
        if size < has {
            return Err(Error::new(Kind::Usage, format!("a clone of {size} cannot hold {} of {has}", self.from()))
                .remedy("ask for no size, or for a larger one"));
        }
        Ok(())
    }

    /// Grows the child to what was asked for.
    fn grow(&self, report: &mut ImageReport, child: &Found<'_>, info: &mut ImageInfo) -> Result<bool> {
        let Some(size) = self.ask.size.filter(|size| *size != info.size) else { return Ok(false) };
        if size < info.size {
            let message = format!("image {} exists with {}, not {size}", child.spec, info.size);
            return Err(Error::new(Kind::Exists, message).remedy("`warmblock image resize` makes it smaller"));
        }
        let image = child.open()?;
        report.step(Change::Altered, format!("grow {} to {size}", child.spec), || {
            image.resize(size, false, &mut ignore).context(|| format!("cannot grow {} to {size}", child.spec))
        })?;
        info.size = size;
        Ok(true)
    }

    /// Whether the image of the child's name is the clone that is wanted, and complete: the parent knows it as well.
    fn is_ours(&self) -> Result<bool> {
        let Some(info) = self.existing()? else { return Ok(false) };
        let of_parent = info.parent.is_some_and(|parent| parent.image == self.ask.parent.image && parent.snap == self.snap);
        if !of_parent {
            return Ok(false);
        }
        let parent = self.parents.open_read_only(&self.ask.parent.image.image, Some(&self.snap));
        let children = parent.context(|| format!("cannot open {}", self.from()))?.children(None);
        Ok(children.context(|| format!("cannot list the clones of {}", self.from()))?.iter().any(|child| child.id == info.id))
    }

    /// The image of the child's name; `None` if there is only a name, or no longer that.
    fn existing(&self) -> Result<Option<ImageInfo>> {
        match Found::in_pool(self.children.clone(), &self.ask.child) {
            Ok(found) => found.info().map(Some),
            Err(error) if error.kind() == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes what a clone that was killed inside librbd left: an image of the child's name that nobody ever used. It
    /// has no data, snapshots, lease or metadata, nobody has it open, and no parent knows it.
    fn clear_half_made(&self, report: &mut ImageReport) -> Result<bool> {
        let spec = &self.ask.child;
        let virgin = match Found::in_pool(self.children.clone(), spec) {
            Ok(found) => self.is_half_made(&found)?,
            Err(error) if error.kind() == Kind::NotFound => true,
            Err(error) => return Err(error),
        };
        if !virgin {
            return Ok(false);
        }
        report.step(Change::Removed, format!("remove {spec}, a clone that was never finished"), || {
            match self.children.remove(&spec.image, &mut ignore).map_err(Error::from) {
                Err(error) if error.kind() == Kind::NotFound => Ok(()),
                removed => removed.context(|| format!("cannot remove {spec}")),
            }
        })?;
        Ok(true)
    }

    fn is_half_made(&self, found: &Found<'_>) -> Result<bool> {
        let spec = found.spec;
        let info = found.info()?;
        let of_other = info.parent.as_ref().is_some_and(|parent| parent.image != self.ask.parent.image);
        if of_other || found.raw_lease().is_some() || !found.watchers()?.is_empty() {
            return Ok(false);
        }
        let snapshots = found.image.snapshots().context(|| format!("cannot list the snapshots of {spec}"))?;
        let metadata = found.image.metadata_list().context(|| format!("cannot list the metadata of {spec}"))?;
        if !snapshots.is_empty() || !metadata.is_empty() {
            return Ok(false);
        }
        let mut empty = true;
        let own = DiffOptions { include_parent: false, ..DiffOptions::default() };
        let listed = found.image.diff(&own, |extent| empty &= !extent.exists);
        listed.context(|| format!("cannot look for data in {spec}"))?;
        Ok(empty)
    }

    /// That the child's name is taken by something else, with both sides.
    fn taken(&self) -> Result<Error> {
        let spec = &self.ask.child;
        let is = match self.existing()?.map(|info| info.parent) {
            Some(Some(parent)) => format!("a clone of {}@{}", parent.image, parent.snap),
            Some(None) => "no clone".into(),
            None => "half removed".into(),
        };
        Ok(Error::new(Kind::Exists, format!("image {spec} exists and is {is}, not a clone of {}", self.from()))
            .remedy(format!("choose another name, or remove it: `warmblock image rm {spec}`")))
    }

    /// librbd copies the parent's metadata into a clone, and with it the lease of whoever has the parent attached. It is
    /// none of the clone's.
    fn drop_copied_lease(&self, child: &Found<'_>, change: Change) -> Result<()> {
        let Some(copied) = child.raw_lease() else { return Ok(()) };
        if change == Change::Kept && !self.is_parents_lease(child, copied)? {
            return Ok(());
        }
        let dropped = meta::compare_and_set(&self.children, child.image.id(), Lease::KEY, Some(copied), None);
        // Whether it was still there is of no interest: who changed it has taken the clone.
        dropped.map(|_| ()).context(|| format!("cannot drop the lease that {} has from its parent", child.spec))
    }

    /// Whether a clone that was there before has its parent's lease still, and nobody uses it: it was made by a process
    /// that was killed before it could drop that.
    fn is_parents_lease(&self, child: &Found<'_>, lease: &[u8]) -> Result<bool> {
        let parent = Found::in_pool(self.parents.clone(), &self.ask.parent.image)?;
        Ok(parent.raw_lease() == Some(lease) && child.watchers()?.is_empty())
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
        let snaps = parent.image.snapshots().context(|| format!("cannot list the snapshots of {}", parent.spec))?;
        if !snaps.iter().any(|snap| snap.name == self.snap) {
            if self.ask.parent.snap.is_some() {
                self.make_snap(report)?;
            }
            parent.must_be_clean("take a snapshot of")?;
            report.planned(Change::Made, format!("take snapshot {}", self.from()));
        }
        report.planned(Change::Made, format!("clone {} to {}", self.from(), self.ask.child));
        if let Some(size) = self.ask.size {
            report.planned(Change::Altered, format!("grow {} to {size}", self.ask.child));
        }
        report.change = Some(Change::Made);
        Ok(())
    }
}
