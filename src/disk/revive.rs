//! A cache that failed while it held what the image lacks, and is opened again as after a power cut.
//!
//! What fails it need not be its SSD. A dm-writecache that cannot write to the image, since Ceph bars this host or took too long, is
//! given up by the kernel as one whose SSD failed, until it is made anew; all that it held is still on the SSD, and is replayed then.
//! So where both sides answer again and nobody has the front open, front and cache are taken out of the kernel, the image is mapped
//! anew, and the cache is opened by the rules of a reboot: the lease's slice, at the lease's generation.

use std::time::Instant;

use super::attach::note_client;
use super::clean::{lease_is_dirty, not_opened, refuse_another, reopen};
use super::layers::{Front, Layer as _, Map, Slice, in_use};
use super::walk::Walk;
use crate::cache::Cache;
use crate::job::LayerName;
use crate::model::{Bytes, Change, ImageSpec};
use crate::tools::blk;
use crate::{Error, Kind, Result};

/// So much is read of each side, to see whether it answers.
const PROBE: Bytes = Bytes::kib(4);

/// Opens a cache again that failed with what the image lacks, and writes that back. Then the image is complete, the cache is not in
/// the kernel and the front is not there. Gives whether it did; any other cache is left as it is, and so is one that is given up.
///
/// Errors: [`Kind::Dirty`] while the front is open, its driver cannot be asked, one of the sides does not answer, or the slice is not
/// there or not the one that the lease names, before anything was changed; and those of [`reopen`].
pub(super) fn revive(walk: &mut Walk<'_>) -> Result<bool> {
    let seen = walk.driver()?.probe(walk.host, &walk.disk.record.key)?;
    let given_up = walk.disk.force.discard_dirty || walk.disk.image.is_none();
    if !matches!(seen, Cache::Broken { .. }) || given_up || !lease_is_dirty(walk)? {
        return Ok(false);
    }
    let asked = walk.driver()?.asked(walk.host, &walk.disk.record.key);
    let Cache::Broken { why } = asked.map_err(|error| not_asked(walk, error))? else {
        return Ok(false);
    };
    let began = Instant::now();
    let what = format!("it failed ({why}); opened again and written back");
    if !walk.dry_run {
        Map::probe(walk)?;
        Slice::probe(walk).map_err(|error| not_opened(walk, error))?;
        refuse_beneath_a_guest(walk, &why)?;
        refuse_without_slice(walk, &why)?;
        refuse_another(walk)?;
        refuse_silent(walk, &why)?;
        take_down(walk)?;
        reopen(walk)?;
    }
    walk.did(LayerName::Cache, Change::Altered, what, began);
    Ok(!walk.dry_run)
}

/// The error for a cache that may be well, for all that is known: its driver does not say.
fn not_asked(walk: &Walk<'_>, error: Error) -> Error {
    let (image, driver) = (&walk.disk.record.image, &walk.disk.record.driver);
    let message = format!(
        "the cache of {image} may hold what the image lacks, and its driver {driver} cannot be asked"
    );
    Error::new(Kind::Dirty, message).because(error).remedy(format!(
        "see why the driver does not answer, then run the same command again; only if the SSD is lost for good, stop the VM and give up \
         what it holds: `warmblock detach --discard-dirty {image}`"
    ))
}

/// Front, cache and map go, and the image is mapped again: a mapping that Ceph barred has lost its watch, and does not get it back.
fn take_down(walk: &mut Walk<'_>) -> Result<()> {
    walk.down::<Front>()?;
    let (driver, key) = (walk.driver()?, walk.disk.record.key.clone());
    driver.close(walk.host, &key)?;
    driver.release(walk.host, &key)?;
    walk.down::<Map>()?;
    walk.up::<Map>()?;
    note_client(walk)
}

fn refuse_beneath_a_guest(walk: &Walk<'_>, why: &str) -> Result<()> {
    if !in_use(walk)? {
        return Ok(());
    }
    let image = &walk.disk.record.image;
    let message = format!(
        "the cache of {image} failed ({why}), and holds what the image lacks; beneath whoever has it open it is not opened again"
    );
    Err(Error::new(Kind::Dirty, message).remedy(way_home(image)))
}

/// Refuses as long as the slice is not there as the record has it, active: nothing could be opened.
fn refuse_without_slice(walk: &Walk<'_>, why: &str) -> Result<()> {
    if !walk.parts.is_empty() {
        return Ok(());
    }
    let image = &walk.disk.record.image;
    let message = format!(
        "the cache of {image} failed ({why}), and its slice is not there whole, active, and of the size that it had"
    );
    Err(Error::new(Kind::Dirty, message).remedy(bring_ssd_back(image)))
}

fn bring_ssd_back(image: &ImageSpec) -> String {
    format!(
        "bring the SSD back (`lvs -a` shows what is there of it), then run the same command again; only if it is lost for good, stop the \
         VM and give up what it holds: `warmblock detach --discard-dirty {image}`"
    )
}

/// Refuses as long as slice or image cannot be read, and says which.
fn refuse_silent(walk: &Walk<'_>, why: &str) -> Result<()> {
    let (host, image) = (walk.host, &walk.disk.record.image);
    let silent = |side: &str, error: Error, remedy: String| {
        let message = format!("the cache of {image} failed ({why}), and {side}");
        Error::new(Kind::Dirty, message)
            .because(error)
            .remedy(remedy)
    };
    for (_, part) in &walk.parts {
        if let Err(error) = blk::read_head(&host.exec, &part.path, PROBE) {
            let remedy = bring_ssd_back(image);
            return Err(silent("its SSD does not answer", error, remedy));
        }
    }
    let Some(mapping) = &walk.mapping else {
        return Ok(());
    };
    blk::read_head(&host.exec, &mapping.device, PROBE).map(drop).map_err(|error| {
        let remedy = format!(
            "nothing is lost, for its SSD answers: see whether Ceph does (`ceph -s`), and whether it bars this host's client {} \
             (`ceph osd blocklist ls`), then run the same command again",
            mapping.client_addr
        );
        silent("the image does not answer", error, remedy)
    })
}

/// What to do about a cache that failed and holds what the image lacks.
pub(super) fn way_home(image: &ImageSpec) -> String {
    format!(
        "nothing is lost as long as its slice is there: see whether Ceph answers (`ceph -s`) and the SSD (`dmesg`), stop the VM, and \
         run `warmblock detach {image}`, which opens the cache again and writes back what it holds; only if the SSD is lost for \
         good, `warmblock detach --discard-dirty {image}` gives that up"
    )
}
