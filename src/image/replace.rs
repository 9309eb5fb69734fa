//! An image is replaced by another one, which was made beside it and takes its name.
//!
//! In steps, so that the disks of a VM can go through each of them together: room is made for the new one; once it is there, the
//! old one steps aside and the new one takes its name; that is settled, and the old one goes. Until it is settled it can be
//! undone, and nobody uses the image (`disk::refuse_half_replaced`). The names say how far it came, whoever was killed:
//!
//! | `IMAGE` | beside it | |
//! |---|---|---|
//! | the old one | `.wb-incoming`, or nothing | nothing was exchanged |
//! | none | `.wb-incoming`, `.wb-replaced` | between the two renames |
//! | the new one | `.wb-replaced` | exchanged |
//! | the new one | `.wb-obsolete` | settled |
//!
//! The new one says in its metadata which replacement it is of, and of which images that is; whether it is settled or undone is
//! decided for all of them at once ([`replacement`]). So a replacement that was killed is finished, or undone, of all its images by
//! whoever replaces one of them next; and of two that overlap one finds that what is there is not its own, and ends.

mod beside;
mod half_way;
mod may_go;

pub(super) use self::half_way::{clear, finish, is_half_way, put_right};

use self::beside::Images;
use self::may_go::may_go;
use super::job::{ReplaceImage, ReplaceStep};
use super::made_for;
use super::pending;
use super::reach::{self, Found, not_found};
use super::report::ImageReport;
use crate::disk::replacement::{self, Decision, there};
use crate::host::Host;
use crate::model::{Change, ImageSpec};
use crate::{Context, Error, Kind, Result};

/// Goes one step of a replacement.
///
/// # Errors
/// [`Kind::NotFound`] if the image is not there; [`Kind::LeaseHeld`], [`Kind::Dirty`] or [`Kind::Busy`] for an image that is in
/// use, has clones, has snapshots that others need, or is being brought by another replacement; [`Kind::Cancelled`] if what came
/// is not of this one.
pub(super) fn replace(host: &Host, ask: &ReplaceImage, dry_run: bool) -> Result<ImageReport> {
    let cluster = host.connect()?;
    let mut exchange = Exchange {
        host,
        ask,
        images: Images::new(reach::pool(&cluster, &ask.image)?, &ask.image)?,
        report: ImageReport::new(Some(&ask.image), dry_run),
    };
    match ask.step {
        ReplaceStep::Check => exchange.check(),
        ReplaceStep::Begin => exchange.begin(),
        ReplaceStep::Exchange => exchange.exchange(),
        ReplaceStep::Settle => exchange.settle(),
        ReplaceStep::Clear => exchange.clear(),
        ReplaceStep::Undo => exchange.undo(),
    }?;
    exchange.report.change.get_or_insert(Change::Kept);
    Ok(exchange.report)
}

struct Exchange<'e> {
    host: &'e Host,
    ask: &'e ReplaceImage,
    images: Images<'e>,
    report: ImageReport,
}

impl Exchange<'_> {
    /// What would refuse the image later refuses it now: bringing the new one may take hours.
    fn check(&self) -> Result<()> {
        self.must_be_alone()?;
        let Images { pool, spec, .. } = &self.images;
        match there(pool, spec)? {
            true => may_go(&Found::in_pool(pool.clone(), spec)?),
            // It is out of the way, perhaps.
            false => Ok(()),
        }
    }

    fn begin(&mut self) -> Result<()> {
        self.must_be_alone()?;
        self.put_right()?;
        let Self { host, images, .. } = self;
        images.undo(host, None, &mut self.report)?;
        images.forget(host, &images.obsolete, &mut self.report)?;
        may_go(&Found::in_pool(images.pool.clone(), images.spec)?)
    }

    /// What earlier replacements left is finished or undone, of all their images.
    fn put_right(&mut self) -> Result<()> {
        let images = &self.images;
        let half_way = there(&images.pool, &images.replaced)?;
        for left in [&images.incoming, images.spec] {
            let Some(of) = replacement::of(&images.pool, left)? else {
                continue;
            };
            match beside::put_right(self.host, &of, &mut self.report) {
                // This one needs nothing more, and the others may have gone long since, with their pools.
                Err(error) if !half_way => self.report.warnings.push(error.chain()),
                done => done?,
            }
        }
        Ok(())
    }

    fn exchange(&mut self) -> Result<()> {
        let Images {
            pool,
            spec,
            incoming,
            replaced,
            ..
        } = &self.images;
        match (there(pool, spec)?, there(pool, replaced)?) {
            // It was done, by one who did not live to tell; or by another.
            (true, true) => return self.must_be_ours(spec),
            (true, false) => {
                self.must_be_ours(incoming)?;
                let found = Found::in_pool(pool.clone(), spec)?;
                found.must_be_detached("replace")?;
                found.must_be_unwatched("replace")?;
                may_go(&found)?;
                drop(found);
                self.say_what_for()?;
                self.images.rename(spec, replaced, &mut self.report)?;
            }
            (false, true) => self.must_be_ours(incoming)?,
            (false, false) => return Err(not_found(spec)),
        }
        // Whoever took its lease since looks for that name after it.
        let alone = match self.report.dry_run {
            true => Ok(()),
            false => Found::in_pool(pool.clone(), replaced).and_then(|mut old| {
                // As it is called in the lease, and will be again.
                old.spec = spec;
                old.must_be_detached("replace")
            }),
        };
        let came = alone.and_then(|()| self.images.rename(incoming, spec, &mut self.report));
        came.map_err(|error| {
            let back = pool.rename(&replaced.image, &spec.image);
            error.and_then_cleanup(back.map_err(Error::from))
        })
    }

    /// Only now: what merely came is not yet what the image was made for.
    fn say_what_for(&self) -> Result<()> {
        let Some(made_for) = self.ask.made_for.as_ref().filter(|_| !self.report.dry_run) else {
            return Ok(());
        };
        let Images { pool, incoming, .. } = &self.images;
        let found = Found::in_pool(pool.clone(), incoming)?;
        made_for::stamp(pool, found.image.id(), incoming, made_for)
    }

    /// From here on there is no way back, for none of the images.
    fn settle(&mut self) -> Result<()> {
        let (host, of, images) = (self.host, &self.ask.of, &self.images);
        self.must_be_ours(images.spec)?;
        if self.report.dry_run {
            return Ok(());
        }
        if replacement::decision(host, of)?.is_none() {
            self.all_must_be_exchanged()?;
        }
        match replacement::decide(host, of, Decision::Settled)? {
            Decision::Settled => images.settle(host, of, &mut self.report),
            Decision::Undone => Err(not_ours(images.spec)),
        }
    }

    /// Whoever undid one of them since has decided that of all; unless it was by hand.
    fn all_must_be_exchanged(&self) -> Result<()> {
        let of = &self.ask.of;
        of.images.iter().try_for_each(|image| {
            let pool = replacement::pool(self.host, image)?;
            match replacement::is_of(&pool, &image.image, &of.id)? {
                true => Ok(()),
                false => Err(not_ours(&image.image)),
            }
        })
    }

    /// An old one that cannot be removed just now does no harm. Nobody asks any more what the new one came by.
    fn clear(&mut self) -> Result<()> {
        let (host, images) = (self.host, &self.images);
        let Images {
            pool,
            spec,
            obsolete,
            ..
        } = images;
        if let Err(error) = images.forget(host, obsolete, &mut self.report) {
            self.report.warnings.push(format!(
                "{obsolete}, which {spec} was before, is still there: {}",
                error.chain()
            ));
        }
        match self.report.dry_run {
            true => Ok(()),
            false => replacement::forget(pool, spec, &self.ask.of.id),
        }
    }

    /// Puts back what the image was, if this replacement of it was begun and not settled. What came for it goes in any case; what
    /// came for another one stays.
    fn undo(&mut self) -> Result<()> {
        let (host, of, images) = (self.host, &self.ask.of, &self.images);
        match beside::decided(host, of, &self.report)? {
            Decision::Settled => images.settle(host, of, &mut self.report)?,
            Decision::Undone => images.undo(host, Some(&of.id), &mut self.report)?,
        }
        pending::clear(host, &images.pool, &images.incoming, &mut self.report)
    }

    /// That nobody is bringing anything for it.
    fn must_be_alone(&self) -> Result<()> {
        let Images {
            pool,
            spec,
            incoming,
            ..
        } = &self.images;
        let alone = pending::refuse_running(self.host, pool, incoming);
        let busy = matches!(&alone, Err(error) if error.kind() == Kind::Busy);
        alone.context(|| match busy {
            true => format!("cannot replace {spec}: another restore of it is under way"),
            false => format!("cannot replace {spec}"),
        })
    }

    /// That an image is of this replacement.
    fn must_be_ours(&self, spec: &ImageSpec) -> Result<()> {
        match replacement::is_of(&self.images.pool, spec, &self.ask.of.id)? {
            true => Ok(()),
            false => Err(not_ours(spec)),
        }
    }
}

fn not_ours(spec: &ImageSpec) -> Error {
    let message = format!(
        "{spec} is not what this restore brought: it was undone, or another one has begun since"
    );
    Error::new(Kind::Cancelled, message)
        .remedy("nothing was restored by this one; let the other one end, or restore the VM again")
}
