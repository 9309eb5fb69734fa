//! The slice: the logical volumes on this host's SSD, tagged, so that they tell by themselves whose they are.

mod remove;

use self::remove::remove;
use super::listing::{of_disk, outdate};
use super::{Found, Layer, shared};
use crate::cache::{Device, Part};
use crate::disk::clean::lease_is_dirty;
use crate::disk::record::{Intent, Record};
use crate::disk::walk::Walk;
use crate::job::LayerName;
use crate::model::{OnFull, Role};
use crate::sys::Block;
use crate::tools::lvm::{Lv, Tag};
use crate::{Context, Error, Kind, Result};

/// What a reboot leaves behind: volumes that are there and not in the kernel.
const INACTIVE: &str = "activated, it was inactive";

/// See the module.
#[derive(Debug)]
pub(in crate::disk) struct Slice;

impl Layer for Slice {
    const NAME: LayerName = LayerName::Slice;

    fn probe(walk: &mut Walk<'_>) -> Result<Found> {
        walk.parts.clear();
        walk.cache_id = None;
        let record = &walk.disk.record;
        let wanted = walk.driver()?.layout(record.size, record.block);
        let there = of_disk(walk)?;
        let (shared, active) = shared::state(walk)?.unwrap_or((true, true));
        let inactive = !active || there.iter().any(|lv| lv.num.is_none());
        let record = &walk.disk.record;
        if wanted.is_empty() && there.is_empty() {
            return Ok(Found::Right("none needed".into()));
        }
        if record.intent == Intent::Detached && !there.is_empty() {
            // Whatever it is, it goes; a record that was lost does not know what it should be.
            if inactive {
                return Ok(Found::Wrong {
                    why: INACTIVE.into(),
                });
            }
            adopt(walk, &there)?;
            return Ok(Found::Right("discarded and removed".into()));
        }
        if there.is_empty() {
            return Ok(Found::Absent {
                wanted: match &record.vg {
                    Some(vg) => describe(vg.as_str(), &wanted),
                    None => "no volume group is configured: uncached, or refused, as on_full says"
                        .into(),
                },
            });
        }
        let complete = wanted.len() == there.len() && wanted.iter().all(|part| fits(&there, *part));
        if !complete || !shared {
            return Ok(Found::Wrong {
                why: "incomplete or of another size; made anew".into(),
            });
        }
        if inactive {
            return Ok(Found::Wrong {
                why: INACTIVE.into(),
            });
        }
        adopt(walk, &there)?;
        let vg = there
            .first()
            .map_or_else(String::new, |lv| lv.vg.to_string());
        Ok(Found::Right(describe(&vg, &wanted)))
    }

    fn up(walk: &mut Walk<'_>, found: &Found) -> Result<()> {
        match found {
            Found::Wrong { why } if why == INACTIVE => return activate(walk),
            Found::Wrong { .. } => remove(walk)?,
            _ => {}
        }
        match make(walk) {
            Err(error) if no_room(walk, &error) && walk.disk.on_full == OnFull::Bypass => {
                if lease_is_dirty(walk)? {
                    return Err(lost(walk, &error));
                }
                do_without(walk, &error)
            }
            // What did fit of it is of no use to anybody.
            Err(error) if no_room(walk, &error) => {
                let given_back = remove(walk).and_then(|()| shared::leave(walk));
                Err(error.and_then_cleanup(given_back))
            }
            other => other,
        }
    }

    fn instead(walk: &Walk<'_>) -> Option<String> {
        uncached(walk)
    }

    /// Discards before it removes, so that no later slice shows this one's bytes.
    fn down(walk: &mut Walk<'_>, _found: &Found) -> Result<()> {
        remove(walk)
    }
}

/// Goes on without a cache, since there is no room for one and `on_full` says so. Nothing of it is in the kernel, and the lease
/// is clean.
pub(super) fn do_without(walk: &mut Walk<'_>, why: &Error) -> Result<()> {
    remove(walk)?;
    shared::leave(walk)?;
    let image = walk.disk.record.image.clone();
    walk.warnings.push(format!(
        "{}; the disk is served uncached (on_full = bypass): make room and run `warmblock insert {image}`, or ask for less before \
         that, `warmblock attach {image} --size SIZE`",
        why.chain()
    ));
    walk.disk.record.uncached = true;
    walk.disk.record.save(&walk.host.roots)
}

/// What a disk without room has instead of slice and cache.
pub(super) fn uncached(walk: &Walk<'_>) -> Option<String> {
    let uncached = walk.disk.record.uncached;
    let why = match walk.disk.record.vg {
        Some(_) => "none: no room, served uncached",
        None => "none: no volume group, served uncached",
    };
    uncached.then(|| why.to_owned())
}

/// Whether this host has no room for the slice; one without a volume group never has. A group that is configured and not
/// there is a mistake, not a lack of room.
fn no_room(walk: &Walk<'_>, error: &Error) -> bool {
    error.kind() == Kind::NoSpace || walk.disk.record.vg.is_none()
}

/// The slice with what the image lacks is gone: without it, the disk would be served from an image that is older than what
/// was acknowledged.
fn lost(walk: &Walk<'_>, why: &Error) -> Error {
    let image = &walk.disk.record.image;
    let message = format!(
        "the lease of {image} says that the slice of this host holds data that it lacks, and that slice is gone ({})",
        why.chain()
    );
    Error::new(Kind::Dirty, message).remedy(format!(
        "bring its SSD back; if it is lost for good, `warmblock detach {image} --discard-dirty` gives the data up"
    ))
}

fn make(walk: &mut Walk<'_>) -> Result<()> {
    let _lock = shared::lock(walk, "attach")?;
    let vg = walk.disk.record.vg.clone().ok_or_else(no_vg)?;
    shared::make(walk, &vg)?;
    outdate(walk);
    let (host, record) = (walk.host, &walk.disk.record);
    let tags = tags(record)?;
    for part in walk.driver()?.layout(record.size, record.block) {
        let lv = record.key.lv(part.role);
        host.lvm().create(&vg, &lv, part.size, &tags).context(|| {
            format!(
                "cannot carve {} for {} from volume group {vg}",
                part.size, record.image
            )
        })?;
    }
    let there = of_disk(walk)?;
    adopt(walk, &there)
}

/// Refuses to attach a disk anew whose slice is here without a record: driver, mode and generation were lost with that, and
/// what an attach would make of it is not what is in the kernel.
pub(in crate::disk) fn refuse_left(walk: &mut Walk<'_>) -> Result<()> {
    let there = of_disk(walk)?;
    let Some(first) = there.first() else {
        return Ok(());
    };
    let (image, driver) = (&walk.disk.record.image, first.tag("driver"));
    let message = format!(
        "this host has a slice of {image}, {} of driver {}, and no record of the disk",
        first.name,
        driver.as_deref().unwrap_or("unknown"),
    );
    Err(Error::new(Kind::Exists, message).remedy(
        "`warmblock recover` writes back what is dirty and takes it down, once nobody has the disk open; then attach it",
    ))
}

/// Activates what a reboot left inactive.
fn activate(walk: &mut Walk<'_>) -> Result<()> {
    let there = of_disk(walk)?;
    let shared = shared::find(walk)?;
    outdate(walk);
    for lv in there.iter().filter(|lv| lv.num.is_none()) {
        walk.host
            .lvm()
            .activate(&lv.vg, &lv.name)
            .context(|| format!("cannot activate the slice {}", lv.name))?;
    }
    shared::activate(walk, shared)?;
    adopt(walk, &there)
}

/// Remembers the volumes for the layers above.
fn adopt(walk: &mut Walk<'_>, there: &[Lv]) -> Result<()> {
    for lv in there {
        if lv.name.role == Role::Data {
            walk.cache_id = Some(lv.uuid.clone());
        }
        let path = walk.host.lvm().path(&lv.vg, &lv.name);
        let block = Block::at(&walk.host.roots, &path)?;
        walk.parts.push((lv.name.role, Device::from((path, block))));
    }
    shared::adopt(walk, there)
}

/// A volume of the part's role that is as large, up to one extent's rounding.
fn fits(there: &[Lv], part: Part) -> bool {
    let found = there.iter().find(|lv| lv.name.role == part.role);
    found.is_some_and(|lv| lv.size >= part.size && lv.size.0 < part.size.0 + (1 << 30))
}

/// What the volumes tell by themselves, for a host that has lost the record.
fn tags(record: &Record) -> Result<[Tag; 4]> {
    Ok([
        Tag::ours(),
        Tag::pair("image", &record.image.to_string())?,
        Tag::pair("fsid", record.fsid.as_str())?,
        Tag::pair("driver", record.driver.as_str())?,
    ])
}

fn describe(vg: &str, parts: &[Part]) -> String {
    let list: Vec<String> = parts
        .iter()
        .map(|part| format!("{} {}", part.role.as_str(), part.size))
        .collect();
    format!("{} in volume group {vg}", list.join(", "))
}

fn no_vg() -> Error {
    Error::new(Kind::Missing, "no volume group for slices is configured").remedy(
        "create one on the SSD (`vgcreate ssd /dev/nvme0n1`) and set [slice] vg = \"ssd\", or attach with --driver none",
    )
}
