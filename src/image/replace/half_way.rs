//! What replacements left that were stopped: is there any, and how it is put right.

use super::beside::{self, Images};
use crate::ceph::Pool;
use crate::disk::replacement::{self, Decision};
use crate::host::Host;
use crate::image::job::OneImage;
use crate::image::report::ImageReport;
use crate::image::{pending, reach};
use crate::model::{Beside, Change, ImageSpec};
use crate::{Context, Result};

/// The names by which an image is half way in a replacement. What stands beside an image is of one, and not half way in another.
fn half_way_by(spec: &ImageSpec) -> Vec<ImageSpec> {
    let own = Beside::stem(&spec.image).is_none().then(|| spec.clone());
    let incoming = own.iter().flat_map(|spec| Beside::Incoming.of(spec).ok());
    incoming.chain(own.clone()).collect()
}

/// Whether an image is half way in a replacement.
pub(in crate::image) fn is_half_way(pool: &Pool, spec: &ImageSpec) -> Result<bool> {
    for name in half_way_by(spec) {
        if replacement::of(pool, &name)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Finishes or undoes, of all its images, what an image is half way in that is about to go: nobody would do it any more. What cannot
/// be done is told: of the others it can be done as long as they are there, and as long as it is known what was decided. That goes
/// with the first of them.
///
/// # Errors
/// The others cannot be finished, and would be undone if this one went.
pub(in crate::image) fn finish(
    host: &Host,
    pool: &Pool,
    spec: &ImageSpec,
    report: &mut ImageReport,
) -> Result<()> {
    for left in half_way_by(spec) {
        let of = match replacement::of(pool, &left) {
            Ok(Some(of)) => of,
            Ok(None) => continue,
            Err(error) => {
                report.warnings.push(error.chain());
                continue;
            }
        };
        if let Err(error) = beside::put_right(host, &of, report) {
            let first = of.images.first().is_some_and(|first| first.image == *spec);
            let undone = || {
                matches!(
                    replacement::decision(host, &of),
                    Ok(None | Some(Decision::Undone))
                )
            };
            if first && !undone() {
                return Err(error).context(|| {
                    format!("{spec} tells how the other disks of its restore are to be finished, and stays until they are")
                });
            }
            report.warnings.push(error.chain());
        }
    }
    Ok(())
}

/// Finishes or undoes what was stopped of a replacement, and removes what it left, of an image that stays: nobody may ever replace
/// it again. What cannot be done of that, and what is still being brought, is told.
///
/// # Errors
/// Those of reaching the image's pool.
pub(in crate::image) fn put_right(
    host: &Host,
    ask: &OneImage,
    dry_run: bool,
) -> Result<ImageReport> {
    let (spec, cluster) = (&ask.image, host.connect()?);
    let pool = reach::pool(&cluster, spec)?;
    let mut report = ImageReport::new(Some(spec), dry_run);
    let finished = finish(host, &pool, spec, &mut report);
    if let Ok(images) = Images::new(pool.clone(), spec) {
        let gone = images.forget(host, &images.obsolete, &mut report);
        let cleared = pending::clear(host, &pool, &images.incoming, &mut report);
        let failed = [finished, gone, cleared]
            .into_iter()
            .filter_map(Result::err);
        report.warnings.extend(failed.map(|error| error.chain()));
    }
    report.change.get_or_insert(Change::Kept);
    Ok(report)
}

/// Removes what replacements left that were stopped, of an image that is gone. What is still being brought is told of: whoever
/// brings it finds the image gone, and removes it.
pub(in crate::image) fn clear(
    host: &Host,
    pool: &Pool,
    spec: &ImageSpec,
    report: &mut ImageReport,
) -> Result<()> {
    let Ok(images) = Images::new(pool.clone(), spec) else {
        // A name that is too long was never made.
        return Ok(());
    };
    for left in [&images.incoming, &images.replaced, &images.obsolete] {
        images.forget(host, left, report)?;
    }
    if let Err(error) = pending::clear(host, pool, &images.incoming, report) {
        report.warnings.push(error.chain());
    }
    Ok(())
}
