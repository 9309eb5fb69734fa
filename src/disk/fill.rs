//! Filling a cache: what to bring, bringing it, making the cache serve, and the proof.

use std::path::Path;

use super::clean::clean;
use super::layers::{close, in_use, lead_to_origin, settle};
use super::walk::Walk;
use crate::cache::{self, SeedAbility};
use crate::ceph::DiffOptions;
use crate::model::{Bytes, DriverName, Role, SeedSpec};
use crate::seed::{
    self, Apart, BlockSize, CopyOptions, CopyReport, ProofMethod, SeedPlan, SeedProof,
};
use crate::sys::block::sectors_read;
use crate::tools::kmod;
use crate::{Context, Error, Kind, Result};

/// So many passes that should read nothing from Ceph: a cache may be too busy to take in all of the first ones.
const PROOFS: u32 = 5;

/// Chooses what to bring, from the image's allocated extents (parent data of a clone included); `None` for nothing.
pub(super) fn plan(walk: &mut Walk<'_>) -> Result<Option<SeedPlan>> {
    let spec = walk.disk.record.seed;
    let driver = walk.driver()?;
    let never = driver.capabilities().seed == SeedAbility::Never;
    if spec == SeedSpec::None || walk.parts.is_empty() || never {
        return Ok(None);
    }
    let block = BlockSize::new(walk.disk.record.block)?;
    if driver.whole() {
        let plan = seed::whole([], walk.origin()?.size.bytes(), block);
        return Ok((plan.asked > 0).then_some(plan));
    }
    let data = walk.site()?.part(Role::Data)?.size.bytes();
    let capacity = block.whole_blocks(driver.room(data));
    let size = walk.origin()?.size.bytes();
    let extents = allocated(walk, spec, size)?;
    let plan = seed::plan(spec, extents, size, block, capacity);
    let plan = match driver.reach(data) {
        Some(end) => plan.within(end),
        None => plan,
    };
    Ok((plan.kept() > 0).then_some(plan))
}

/// The allocated extents of the image, as far as a seed asks for them.
pub(super) fn allocated(
    walk: &mut Walk<'_>,
    spec: SeedSpec,
    size: Bytes,
) -> Result<Vec<seed::Extent>> {
    let (record, image) = walk.disk.record_and_image()?;
    let end = match spec {
        SeedSpec::First(first) => first.min(size),
        _ => size,
    };
    let mut extents = Vec::new();
    let wanted = DiffOptions {
        range: (0, end.0),
        ..DiffOptions::default()
    };
    image
        .image
        .diff(&wanted, |extent| {
            if extent.exists {
                extents.push(seed::Extent {
                    offset: Bytes(extent.offset),
                    len: Bytes(extent.len),
                });
            }
        })
        .context(|| format!("cannot list the allocated extents of {}", record.image))?;
    Ok(extents)
}

/// What is told where the kernel cannot fill a cache beneath a guest that writes.
const MISHANDLES: &str = "this kernel's dm-cache mishandles what a guest writes while its cache is filled (`warmblock doctor` says which does not)";

/// Whether what was planned is to be filled before anybody can open the front, since this kernel cannot fill it beneath a guest that
/// writes.
pub(super) fn must_be_alone(walk: &Walk<'_>) -> Result<bool> {
    Ok(walk.plan.is_some() && beneath_nobody(walk)?)
}

const fn fills_beneath(ability: SeedAbility) -> bool {
    matches!(ability, SeedAbility::Mapping | SeedAbility::Whole)
}

/// Where the kernel cannot fill a cache beneath a guest that writes, a disk in use does without the seed; for one that is nothing
/// without it there is no room now. Asked once the driver's modules are loaded.
pub(super) fn spare_a_guest(walk: &mut Walk<'_>) -> Result<()> {
    let ability = walk.driver()?.capabilities().seed;
    if walk.plan.is_none() || !fills_beneath(ability) || !mishandled(walk)? {
        return Ok(());
    }
    if ability == SeedAbility::Whole {
        return Err(beneath_a_guest(walk, Kind::NoSpace));
    }
    walk.plan = None;
    walk.warnings.push(format!("not seeded: {MISHANDLES}"));
    Ok(())
}

/// Refuses to give a disk in use a driver that this kernel can fill beneath nobody, before anything is changed for it.
///
/// Errors: [`Kind::Busy`].
pub(super) fn refuse_beneath_a_guest(walk: &Walk<'_>, new: &DriverName) -> Result<()> {
    let (host, driver) = (walk.host, cache::driver(walk.host, new)?);
    if driver.capabilities().seed != SeedAbility::Whole || walk.dry_run {
        return Ok(());
    }
    kmod::ensure(&host.exec, &host.roots, &driver.needs().modules)?;
    match mishandled(walk)? {
        true => Err(beneath_a_guest(walk, Kind::Busy)),
        false => Ok(()),
    }
}

fn mishandled(walk: &Walk<'_>) -> Result<bool> {
    Ok((walk.guest_may_come || in_use(walk)?) && !walk.host.dm().passthrough_is_sound()?)
}

/// Whether this kernel can fill the cache of a disk only while nobody has it open. Asked once the driver's modules are loaded.
pub(super) fn beneath_nobody(walk: &Walk<'_>) -> Result<bool> {
    let beneath = fills_beneath(walk.driver()?.capabilities().seed);
    Ok(beneath && !walk.host.dm().passthrough_is_sound()?)
}

fn beneath_a_guest(walk: &Walk<'_>, kind: Kind) -> Error {
    let message = format!(
        "image {} is in use, and {MISHANDLES}",
        walk.disk.record.image
    );
    Error::new(kind, message).remedy("attach it before the VM is started, or use another driver")
}

/// Brings what the cache was opened to be filled with, and makes it serve. Nothing to do where nothing was planned.
///
/// The front already leads to the cache, so the guest may run; or there is none yet, see [`must_be_alone`]. If it fails or is
/// cancelled, the cache is taken out of the kernel and the front leads to the RBD, so that the disk can be opened either way.
///
/// Gives whether there was anything to do.
pub(super) fn fill(walk: &mut Walk<'_>) -> Result<bool> {
    let Some(plan) = walk.plan.take() else {
        return Ok(false);
    };
    let most = Bytes(plan.kept() * plan.block.bytes().0);
    walk.disk.lock.doing(Some(format!("seeding {most}")));
    let filled = match walk.driver()?.capabilities().seed {
        SeedAbility::Reading => read_through(walk, &plan),
        SeedAbility::Whole => copy_whole(walk, &plan),
        SeedAbility::Mapping | SeedAbility::Never => copy_beneath(walk, &plan),
    };
    walk.disk.lock.doing(None);
    let proof = match filled {
        Ok(proof) => proof,
        Err(error) => return Err(error.and_then_cleanup(without_cache(walk))),
    };
    if let Err(error) = proof.check() {
        walk.warnings.push(error.chain());
    }
    walk.seed = Some(proof);
    if plan.left_out > 0 {
        let out = Bytes(plan.left_out * plan.block.bytes().0);
        walk.warnings
            .push(format!("{out} of the seed did not fit into the slice"));
    }
    Ok(true)
}

/// Takes a cache that was not filled out of the kernel, and leaves the front on the RBD.
fn without_cache(walk: &mut Walk<'_>) -> Result<()> {
    clean(walk)?;
    lead_to_origin(walk)?;
    close(walk)
}

/// Copies what is allocated now and zeroes the rest. Not what was allocated when the mapping was written: the guest may have
/// written since, past the cache; from here on the kernel drops what it writes.
fn copy_whole(walk: &mut Walk<'_>, mapped: &SeedPlan) -> Result<SeedProof> {
    let extents = allocated(walk, SeedSpec::Allocated, mapped.image)?;
    copy_beneath(walk, &seed::whole(extents, mapped.image, mapped.block))
}

/// Copies the blocks beneath the cache; the kernel dropped what the guest wrote meanwhile.
fn copy_beneath(walk: &mut Walk<'_>, plan: &SeedPlan) -> Result<SeedProof> {
    let copied = copy(walk, plan)?;
    let filled = settle(walk)?;
    Ok(SeedProof::of_plan(
        plan,
        &copied,
        filled.resident,
        filled.dropped,
    ))
}

/// Reads the blocks through the cache, until a pass reads nothing from Ceph: that pass is the proof. What the guest reads
/// past the cache in that time counts against it, so the proof may say less than is true, never more.
fn read_through(walk: &mut Walk<'_>, plan: &SeedPlan) -> Result<SeedProof> {
    let (origin, top) = (walk.origin()?, walk.driver()?.top(&walk.site()?)?);
    let data = walk.site()?.part(Role::Data)?.size.bytes();
    let mut task = apart(walk, plan, &top.path, &top.path);
    if let Some(gulp) = walk.driver()?.gulp(data) {
        task.options = task.options.within(gulp);
    }
    let from_ceph = || sectors_read(&walk.host.roots, origin.number);
    let pass = || {
        seed::read_apart(&task)
            .context(|| format!("cannot seed the cache of {}", walk.disk.record.image))
    };
    let first = pass()?;
    let (mut took, mut missed) = (first.took, Bytes(0));
    for _ in 0..PROOFS {
        let before = from_ceph()?;
        took += pass()?.took;
        missed = from_ceph()?.bytes().saturating_sub(before.bytes());
        if missed == Bytes(0) {
            break;
        }
    }
    let filled = settle(walk)?;
    let counted = filled.counted && missed == Bytes(0) && filled.resident >= plan.kept();
    let method = if counted {
        ProofMethod::Counters
    } else {
        ProofMethod::SecondPass
    };
    let missing = missed.0.div_ceil(plan.block.bytes().0).min(plan.kept());
    Ok(SeedProof::new(method, plan.asked, plan.left_out)
        .found(plan.kept() - missing, 0)
        .copied(first.bytes, took))
}

fn copy(walk: &Walk<'_>, plan: &SeedPlan) -> Result<CopyReport> {
    let site = walk.site()?;
    let slice = site.part(Role::Data)?.path.clone();
    seed::copy_apart(&apart(walk, plan, &site.origin.path, &slice))
        .context(|| format!("cannot seed the cache of {}", walk.disk.record.image))
}

/// How the disk's blocks are copied or compared in a process of its own.
pub(super) fn apart<'a>(
    walk: &Walk<'a>,
    plan: &'a SeedPlan,
    image: &'a Path,
    slice: &'a Path,
) -> Apart<'a> {
    let (host, options) = (walk.host, options(walk));
    Apart {
        exec: &host.exec,
        plan,
        image,
        slice,
        options,
        stall: host.config.deadline.stall + options.quiet(),
        cancel: &host.cancel,
        progress: host.progress_mode,
    }
}

fn options(walk: &Walk<'_>) -> CopyOptions {
    let seed = &walk.host.config.seed;
    CopyOptions {
        depth: seed.depth,
        chunk: seed.chunk,
        rate: walk.rate.filter(|rate| *rate > Bytes(0)),
    }
}
