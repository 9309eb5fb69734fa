//! The cases that write: what reaches the image, and when.

use super::Seen;
use super::bench::Bench;
use super::cases::{ensure, pass, skip};
use super::io::{self, noise};
use super::stand::IMAGE;
use crate::cache::{Driver as _, Running};
use crate::model::{Bytes, CacheMode};
use crate::sys::block::sectors_written;
use crate::{Context, Result};

pub(super) fn writes(bench: &Bench<'_>) -> Result<Seen> {
    let through: Vec<CacheMode> = bench
        .modes()
        .iter()
        .copied()
        .filter(|mode| !mode.can_be_dirty())
        .collect();
    if through.is_empty() {
        return skip("it has no mode in which the image has every acknowledged write");
    }
    for (number, mode) in through.iter().enumerate() {
        bench.afresh(number)?;
        bench.open(*mode)?;
        bench.cache_has("before", bench.image())?;
        let whole = bench.scribble(7)?;
        bench.image_has(&format!("{mode}, right after the write"), &whole)?;
        bench.cache_has("after the write", &whole)?;
        let (_, stats) = bench.up()?;
        ensure(stats.dirty == Bytes(0), || {
            format!("{} are dirty in {mode}", stats.dirty)
        })?;
    }
    pass("the image has each write when it is acknowledged, and nothing is dirty")
}

pub(super) fn dirty(bench: &Bench<'_>) -> Result<Seen> {
    let Some(mode) = bench.back() else {
        return skip("it has no write-back");
    };
    bench.open(mode)?;
    let whole = bench.scribble(8)?;
    bench.cache_has("what was written", &whole)?;
    let (_, stats) = bench.up()?;
    if stats.dirty == Bytes(0) {
        bench.image_has("it tells nothing dirty", &whole)?;
    }
    bench.drain(mode)?;
    bench.image_has("after the flush", &whole)?;
    let (running, after) = bench.up()?;
    ensure(after.dirty == Bytes(0), || {
        format!("{} are dirty after the flush", after.dirty)
    })?;
    let taking = matches!(running, Running::Serving(mode) if mode.can_be_dirty());
    ensure(!taking, || {
        format!("after a flush it takes dirty data again: {running:?}")
    })?;
    let whole = bench.scribble(9)?;
    bench.image_has("written after the flush", &whole)?;
    pass(format!("{} were dirty, none afterwards", stats.dirty))
}

pub(super) fn modes(bench: &Bench<'_>) -> Result<Seen> {
    let modes = bench.modes();
    if modes.len() < 2 {
        return skip("it has one mode");
    }
    if !bench.driver.capabilities().live {
        return skip("it changes its mode by being opened anew");
    }
    let pairs = modes
        .iter()
        .flat_map(|from| modes.iter().map(move |to| (*from, *to)));
    for (number, (from, to)) in pairs.enumerate() {
        bench.afresh(number)?;
        bench.open(from)?;
        let whole = bench.scribble(11)?;
        if from.can_be_dirty() {
            bench.drain(from)?;
        }
        bench
            .driver
            .switch(&bench.site(to), Running::Serving(to))
            .context(|| format!("{from} to {to}"))?;
        let (running, _) = bench.up()?;
        ensure(running == Running::Serving(to), || {
            format!("{from} to {to}: it does {running:?}")
        })?;
        bench.cache_has("after the change", &whole)?;
        if !to.can_be_dirty() {
            bench.image_has(&format!("{from} to {to}"), &whole)?;
        }
        // what is dirty now must not outlast the case
        bench.drain(to).context(|| format!("{from} to {to}"))?;
    }
    pass(format!("{} changes", modes.len() * modes.len()))
}

/// What a power cut leaves: a slice with dirty data, and nothing in the kernel.
pub(super) fn outlive(bench: &Bench<'_>) -> Result<Seen> {
    let Some(mode) = bench.back() else {
        return skip("it has no write-back");
    };
    bench.open(mode)?;
    let whole = bench.scribble(12)?;
    let (_, before) = bench.up()?;
    let written = || sectors_written(&bench.host.roots, bench.disk().origin.number);
    let at = written()?;
    bench.driver.close(bench.host, &bench.disk().key)?;
    let wrote = written()?.bytes().saturating_sub(at.bytes());
    // What a cleaner happens to write back in that moment is less than all of it.
    ensure(before.dirty == Bytes(0) || wrote < before.dirty, || {
        format!(
            "close wrote {wrote} to the image, and {} were dirty: another host may have it by then",
            before.dirty
        )
    })?;
    let brought = bench.image_has("", &whole).is_ok();
    bench
        .driver
        .open(&bench.site(mode), Running::Draining)
        .context(|| "cannot open it to be drained".into())?;
    bench.drain(mode)?;
    bench.image_has("opened again and drained", &whole)?;
    pass(if brought {
        "written back before the close"
    } else {
        "kept in the slice, and written back later"
    })
}

pub(super) fn cold(bench: &Bench<'_>) -> Result<Seen> {
    let elsewhere = noise(21, IMAGE);
    for (number, mode) in bench.modes().iter().enumerate() {
        bench.afresh(number)?;
        bench.open(*mode)?;
        bench.cache_has("before", bench.image())?;
        bench.drain_if_dirty(*mode)?;
        bench.driver.close(bench.host, &bench.disk().key)?;
        io::write(&bench.disk().origin.path, Bytes(0), &elsewhere)?;
        bench.driver.wipe(&bench.site(*mode))?;
        bench.open(*mode)?;
        bench.cache_has(&format!("{mode}: changed meanwhile"), &elsewhere)?;
    }
    pass("what another host wrote meanwhile is read")
}
