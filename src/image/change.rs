//! Resizing, flattening and renaming.

use std::ops::ControlFlow;

use super::reach::{self, Found, facts, not_found};
use super::report::ImageReport;
use super::{OneImage, RenameImage, ResizeImage};
use crate::ceph;
use crate::disk::replacement::there;
use crate::host::Host;
use crate::model::{Bytes, Change, ImageSpec};
use crate::{Context, Error, Kind, Result};

/// Changes an image's size. Growth beneath a disk that is attached is allowed, and warned of.
///
/// # Errors
/// [`Kind::NotFound`]; for a shrink [`Kind::Usage`] unless it is allowed, and [`Kind::LeaseHeld`], [`Kind::Dirty`] or
/// [`Kind::Busy`] while anybody uses the image.
pub(super) fn resize(host: &Host, ask: &ResizeImage, dry_run: bool) -> Result<ImageReport> {
    let spec = &ask.image;
    if ask.size == Bytes(0) {
        return Err(Error::new(
            Kind::Usage,
            format!("image {spec} cannot have the size 0"),
        ));
    }
    let mut found = Found::by_name(host, spec)?;
    let mut info = found.info()?;
    let mut report = ImageReport::new(Some(spec), dry_run);
    if info.size == ask.size {
        report.change = Some(Change::Kept);
    } else {
        if ask.size < info.size {
            may_shrink(&found, ask, info.size)?;
        } else if !ask.taken_over && found.lease()?.is_attached() {
            report.warnings.push(format!(
                "{spec} is attached: its device keeps {} until `warmblock bypass {spec}` and `warmblock insert {spec}` on \
                 that host, or a detach and an attach",
                info.size
            ));
        }
        let what = format!("resize {spec} from {} to {}", info.size, ask.size);
        report.main_step(Change::Altered, what, || {
            let image = match ask.size < info.size {
                true => found.open_detached("shrink")?,
                false => found.open()?,
            };
            let resized = image.resize(ask.size, ask.shrink, &mut stoppable(host));
            resized.context(|| format!("cannot resize {spec} to {}", ask.size))
        })?;
        info.size = ask.size;
    }
    report.facts = Some(facts(info));
    Ok(report)
}

fn may_shrink(found: &Found<'_>, ask: &ResizeImage, has: Bytes) -> Result<()> {
    if !ask.shrink {
        let message = format!(
            "image {} has {has}, and {} would cut it off",
            ask.image, ask.size
        );
        return Err(Error::new(Kind::Usage, message)
            .remedy(format!(
                "say --allow-shrink if what is beyond may be lost; if an earlier resize came no further than the image, ask for {has} or more"
            )));
    }
    found.must_be_detached("shrink")?;
    found.must_be_unwatched("shrink")
}

/// Copies into a clone what it has from its parent, and parts the two.
///
/// # Errors
/// [`Kind::NotFound`], [`Kind::Cancelled`]; it can be run again.
pub(super) fn flatten(host: &Host, ask: &OneImage, dry_run: bool) -> Result<ImageReport> {
    let spec = &ask.image;
    let found = Found::by_name(host, spec)?;
    let info = found.info()?;
    let mut report = ImageReport::new(Some(spec), dry_run);
    let Some(parent) = &info.parent else {
        report.change = Some(Change::Kept);
        report.facts = Some(facts(info));
        return Ok(report);
    };
    let what = format!(
        "flatten {spec}, a clone of {}@{}",
        parent.image, parent.snap
    );
    report.main_step(Change::Altered, what, || {
        let task = host.progress.start_sparse("flatten", parent.overlap);
        let object = info.object_size;
        let mut told = 0;
        let mut progress = |now: ceph::Progress| {
            let more = now.done.saturating_sub(told);
            told += more;
            task.advance(Bytes(more.saturating_mul(object.0)));
            if host.cancel.is_cancelled() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        found
            .open()?
            .flatten(&mut progress)
            .context(|| format!("cannot flatten {spec}"))?;
        task.finish();
        Ok(())
    })?;
    report.facts = Some(facts(if dry_run {
        info
    } else {
        found
            .open()?
            .info()
            .context(|| format!("cannot read {spec}"))?
    }));
    Ok(report)
}

/// Renames an image in its pool.
///
/// # Errors
/// [`Kind::NotFound`]; [`Kind::Exists`] for a name that is taken; [`Kind::LeaseHeld`] or [`Kind::Dirty`] while it is
/// attached, because that host knows it by its name.
pub(super) fn rename(host: &Host, ask: &RenameImage, dry_run: bool) -> Result<ImageReport> {
    let spec = &ask.image;
    let new = ImageSpec {
        image: ask.to.clone(),
        ..spec.clone()
    };
    let cluster = host.connect()?;
    let pool = reach::pool(&cluster, spec)?;
    let mut report = ImageReport::new(Some(&new), dry_run);
    let found = match Found::in_pool(pool.clone(), spec) {
        Err(error) if error.kind() == Kind::NotFound && there(&pool, &new)? => {
            return Err(
                not_found(spec).remedy(format!("there is {new}: perhaps it was renamed already"))
            );
        }
        found => found?,
    };
    if new == *spec {
        report.change = Some(Change::Kept);
        return Ok(report);
    }
    found.must_be_detached("rename")?;
    if pool
        .image_exists(&new.image)
        .context(|| format!("cannot look for {new}"))?
    {
        return Err(
            Error::new(Kind::Exists, format!("there is an image {new} already"))
                .remedy("choose another name"),
        );
    }
    report.main_step(
        Change::Altered,
        format!("rename {spec} to {}", ask.to),
        || {
            let renamed = pool.rename(&spec.image, &ask.to);
            renamed.context(|| format!("cannot rename {spec} to {}", ask.to))
        },
    )?;
    report.facts = Some(facts(found.info()?));
    Ok(report)
}

/// Stops librbd where it can be stopped, once somebody asks.
pub(super) fn stoppable(host: &Host) -> impl FnMut(ceph::Progress) -> ControlFlow<()> + Send + '_ {
    |_| {
        if host.cancel.is_cancelled() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}
