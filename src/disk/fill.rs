//! Filling a cache: what to bring, bringing it, making the cache serve, and the proof.

use std::path::Path;

use super::layers::{retreat, settle};
use super::walk::Walk;
use crate::ceph::DiffOptions;
use crate::model::{Bytes, Role, SeedSpec};
use crate::seed::{self, Apart, BlockSize, CopyOptions, CopyReport, SeedPlan, SeedProof};
use crate::{Context, Result};

/// Chooses what to bring, from the image's allocated extents (parent data of a clone included); `None` for nothing.
pub(super) fn plan(walk: &mut Walk<'_>) -> Result<Option<SeedPlan>> {
    let spec = walk.disk.record.seed;
    if spec == SeedSpec::None || walk.parts.is_empty() {
        return Ok(None);
    }
    let block = BlockSize::new(walk.disk.record.block)?;
    let capacity = block.whole_blocks(walk.site()?.part(Role::Data)?.size.bytes());
    let size = walk.origin()?.size.bytes();
    let extents = allocated(walk, spec, size)?;
    let plan = seed::plan(spec, extents, size, block, capacity);
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

/// Copies what the cache was opened to be filled with, and makes it serve. Nothing to do where nothing was planned.
///
/// The front already leads to the cache, so the guest may run: the kernel drops what it writes meanwhile. If the copy
/// fails or is cancelled, the cache is taken out of the path and the front leads to the RBD.
pub(super) fn fill(walk: &mut Walk<'_>) -> Result<()> {
    let Some(plan) = walk.plan.take() else {
        return Ok(());
    };
    let filled = copy(walk, &plan).and_then(|copied| Ok((copied, settle(walk)?)));
    let (copied, filled) = match filled {
        Ok(filled) => filled,
        Err(error) => return Err(error.and_then_cleanup(retreat(walk))),
    };
    walk.seed = Some(SeedProof::of_plan(
        &plan,
        &copied,
        filled.resident,
        filled.dropped,
    ));
    if let Some(Err(error)) = walk.seed.as_ref().map(SeedProof::check) {
        walk.warnings.push(error.chain());
    }
    if plan.left_out > 0 {
        let out = Bytes(plan.left_out * plan.block.bytes().0);
        walk.warnings
            .push(format!("{out} of the seed did not fit into the slice"));
    }
    Ok(())
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
    let host = walk.host;
    Apart {
        exec: &host.exec,
        plan,
        image,
        slice,
        options: options(walk),
        stall: host.config.deadline.stall,
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
