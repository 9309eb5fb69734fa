//! An image is exchanged for another one, which was made beside it and takes its name.
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

use super::import;
use super::job::{RemoveImage, ReplaceImage, ReplaceStep};
use super::reach::{self, Found, not_found};
use super::remove::{in_the_way, remove};
use super::report::ImageReport;
use crate::ceph::Pool;
use crate::host::Host;
use crate::model::{Beside, Change, ImageSpec};
use crate::{Context, Error, Kind, Result};

/// Goes one step of an exchange.
///
/// # Errors
/// [`Kind::NotFound`] if the image is not there, or nothing came; [`Kind::LeaseHeld`], [`Kind::Dirty`] or [`Kind::Busy`] for an
/// image that is in use, has clones, or has snapshots that OpenNebula knows by their numbers.
pub(super) fn replace(host: &Host, ask: &ReplaceImage, dry_run: bool) -> Result<ImageReport> {
    let cluster = host.connect()?;
    let mut exchange = Exchange {
        host,
        pool: reach::pool(&cluster, &ask.image)?,
        spec: &ask.image,
        incoming: Beside::Incoming.of(&ask.image)?,
        replaced: Beside::Replaced.of(&ask.image)?,
        obsolete: Beside::Obsolete.of(&ask.image)?,
        report: ImageReport::new(Some(&ask.image), dry_run),
    };
    match ask.step {
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
    pool: Pool,
    spec: &'e ImageSpec,
    incoming: ImageSpec,
    replaced: ImageSpec,
    obsolete: ImageSpec,
    report: ImageReport,
}

impl Exchange<'_> {
    /// What an earlier exchange left is put right. What would refuse the image later refuses it now: bringing the new one may
    /// take hours.
    fn begin(&mut self) -> Result<()> {
        self.undo()?;
        if there(&self.pool, &self.obsolete)? {
            discard(self.host, &self.obsolete, &mut self.report)?;
        }
        may_go(&Found::in_pool(self.pool.clone(), self.spec)?).map(drop)
    }

    fn exchange(&mut self) -> Result<()> {
        match (
            there(&self.pool, self.spec)?,
            there(&self.pool, &self.replaced)?,
        ) {
            // It was done, by one who did not live to tell.
            (true, true) => return Ok(()),
            (true, false) => {
                if !there(&self.pool, &self.incoming)? {
                    return Err(not_found(&self.incoming)
                        .remedy("bring what is to replace it, then run it again"));
                }
                let found = Found::in_pool(self.pool.clone(), self.spec)?;
                found.must_be_detached("replace")?;
                found.must_be_unwatched("replace")?;
                may_go(&found)?;
                drop(found);
                let (from, to) = (self.spec.clone(), self.replaced.clone());
                self.rename(&from, &to)?;
            }
            (false, true) => {}
            (false, false) => return Err(not_found(self.spec)),
        }
        let (from, to) = (self.incoming.clone(), self.spec.clone());
        let came = self.rename(&from, &to);
        came.map_err(|error| {
            let back = self.pool.rename(&self.replaced.image, &self.spec.image);
            error.and_then_cleanup(back.map_err(Error::from))
        })
    }

    /// From here on there is no way back.
    fn settle(&mut self) -> Result<()> {
        let exchanged = there(&self.pool, &self.replaced)?;
        if exchanged && !there(&self.pool, self.spec)? {
            return Err(not_found(self.spec)
                .remedy("the exchange of it is not done: it can be done, or undone"));
        }
        let obsolete = self.obsolete.clone();
        if exchanged {
            if there(&self.pool, &obsolete)? {
                discard(self.host, &obsolete, &mut self.report)?;
            }
            let from = self.replaced.clone();
            self.rename(&from, &obsolete)?;
        }
        Ok(())
    }

    /// An old one that cannot be removed just now does no harm.
    fn clear(&mut self) -> Result<()> {
        let obsolete = self.obsolete.clone();
        if there(&self.pool, &obsolete)?
            && let Err(error) = discard(self.host, &obsolete, &mut self.report)
        {
            self.report.warnings.push(format!(
                "{obsolete}, which {} was before, is still there: {}",
                self.spec,
                error.chain()
            ));
        }
        Ok(())
    }

    /// Puts back what the image was, if the exchange was begun and not settled; what came goes in any case.
    fn undo(&mut self) -> Result<()> {
        if there(&self.pool, &self.replaced)? {
            if there(&self.pool, self.spec)? {
                let found = Found::in_pool(self.pool.clone(), self.spec)?;
                found.must_be_detached("put back")?;
                found.must_be_unwatched("put back")?;
                drop(found);
                self.forget_incoming()?;
                let (from, to) = (self.spec.clone(), self.incoming.clone());
                self.rename(&from, &to)?;
            }
            let (from, to) = (self.replaced.clone(), self.spec.clone());
            self.rename(&from, &to)?;
        }
        self.forget_incoming()
    }

    fn forget_incoming(&mut self) -> Result<()> {
        if there(&self.pool, &self.incoming)? {
            discard(self.host, &self.incoming, &mut self.report)?;
        }
        import::clear(self.host, &self.pool, &self.incoming, &mut self.report)
    }

    fn rename(&mut self, from: &ImageSpec, to: &ImageSpec) -> Result<()> {
        let pool = &self.pool;
        let what = format!("{from} becomes {to}");
        self.report.main_step(Change::Altered, what, || {
            let renamed = pool.rename(&from.image, &to.image);
            renamed.context(|| format!("cannot rename {from} to {to}"))
        })
    }
}

fn there(pool: &Pool, spec: &ImageSpec) -> Result<bool> {
    let there = pool.image_exists(&spec.image);
    there.context(|| format!("cannot look for {spec}"))
}

/// That nobody needs the image, and OpenNebula knows of no snapshot of it.
fn may_go(found: &Found<'_>) -> Result<()> {
    let spec = found.spec;
    in_the_way(found)?;
    let numbered = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let snapshots = found.snapshots()?;
    match snapshots.iter().find(|snap| numbered(snap.name.as_str())) {
        Some(snap) => {
            let message = format!(
                "cannot replace {spec}: its snapshot {} would be lost",
                snap.name
            );
            Err(Error::new(Kind::Busy, message).remedy("delete the disk's snapshots first"))
        }
        None => Ok(()),
    }
}

fn discard(host: &Host, old: &ImageSpec, report: &mut ImageReport) -> Result<()> {
    let ask = RemoveImage {
        image: old.clone(),
        snapshots: true,
        missing_ok: true,
        left_by: Vec::new(),
        discard_dirty: false,
    };
    let gone = remove(host, &ask, report.dry_run)?;
    report.steps.extend(gone.steps);
    Ok(())
}

/// Removes what exchanges left that were stopped, of an image that is gone. What is still being brought is told of: whoever
/// brings it finds the image gone, and removes it.
pub(super) fn clear(
    host: &Host,
    pool: &Pool,
    spec: &ImageSpec,
    report: &mut ImageReport,
) -> Result<()> {
    for beside in Beside::ALL {
        // A name that is too long was never made.
        let Ok(left) = beside.of(spec) else {
            continue;
        };
        if there(pool, &left)? {
            discard(host, &left, report)?;
        }
        if beside == Beside::Incoming
            && let Err(error) = import::clear(host, pool, &left, report)
        {
            report.warnings.push(error.chain());
        }
    }
    Ok(())
}
