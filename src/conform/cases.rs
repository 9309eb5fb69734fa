//! The cases: what a driver that is called in order does.

use std::time::{Duration, Instant};

use super::bench::Bench;
use super::stand::IMAGE;
use super::{Case, Seen, io, writing};
use crate::cache::external::protocol::{Request, SeedWord, State, StatusAnswer, Verb};
use crate::cache::external::{External, Program};
use crate::cache::{Cache, Driver as _, Running, Site};
use crate::model::{Bytes, CacheMode};
use crate::sys::wait;
use crate::{Context, Error, Kind, Result};

/// In their order: the first ones are what the later ones stand on.
pub(super) const ALL: &[Case] = &[
    ("capabilities are told twice alike", capabilities),
    ("nothing there: status and close", absent),
    ("format twice", format),
    ("open and close twice, in each mode", open),
    ("reads equal the image", reads),
    ("the image is untouched by open, reads and close", untouched),
    ("writes reach the image in time", writing::writes),
    (
        "dirty data are told, flushed, and stay flushed",
        writing::dirty,
    ),
    ("modes are changed under way", writing::modes),
    ("dirty data outlive a close", writing::outlive),
    ("a formatted slice is cold", writing::cold),
    ("two disks do not meet", two),
    ("filled by reading", filled),
    ("the answer comes in time while the image hangs", hung),
    ("everything is let go", let_go),
];

pub(super) fn pass(seen: impl Into<String>) -> Result<Seen> {
    Ok(Seen::Pass(seen.into()))
}

pub(super) fn skip(why: impl Into<String>) -> Result<Seen> {
    Ok(Seen::Skip(why.into()))
}

pub(super) fn ensure(right: bool, wrong: impl FnOnce() -> String) -> Result<()> {
    if right {
        return Ok(());
    }
    Err(Error::new(Kind::Mismatch, wrong()))
}

fn capabilities(bench: &Bench<'_>) -> Result<Seen> {
    let program: &Program = bench.driver.program();
    let again = program.capabilities(bench.host.config.deadline.tool)?;
    ensure(again == *bench.driver.said(), || {
        "the second answer differs from the first".into()
    })?;
    let modes: Vec<&str> = again.modes.iter().map(|mode| mode.as_str()).collect();
    pass(format!(
        "release {}, modes {}",
        again.release,
        modes.join(", ")
    ))
}

fn absent(bench: &Bench<'_>) -> Result<Seen> {
    let key = &bench.disk().key;
    for _ in 0..2 {
        let seen = bench.driver.probe(bench.host, key)?;
        ensure(seen == Cache::Absent, || {
            format!("nothing was opened, and it tells {seen:?}")
        })?;
        bench.driver.close(bench.host, key)?;
    }
    pass("absent, and closed twice")
}

fn format(bench: &Bench<'_>) -> Result<Seen> {
    let site = bench.site(CacheMode::None);
    bench.driver.format(&site, None)?;
    bench.driver.format(&site, None)?;
    pass("absent afterwards")
}

fn open(bench: &Bench<'_>) -> Result<Seen> {
    for mode in bench.modes() {
        bench.open(*mode)?;
        bench.open(*mode).context(|| "a second time".into())?;
        let (running, stats) = bench.up()?;
        ensure(running == Running::Serving(*mode), || {
            format!("asked for {mode}, it does {running:?}")
        })?;
        ensure(stats.dirty == Bytes(0), || {
            format!("fresh, and {} are dirty", stats.dirty)
        })?;
        for _ in 0..2 {
            bench.driver.close(bench.host, &bench.disk().key)?;
        }
        bench.driver.wipe(&bench.site(*mode))?;
    }
    pass(format!(
        "{} modes; size, blocks and both ends are the image's",
        bench.modes().len()
    ))
}

fn reads(bench: &Bench<'_>) -> Result<Seen> {
    let image = bench.image();
    for (number, mode) in bench.modes().iter().enumerate() {
        bench.afresh(number)?;
        bench.open(*mode)?;
        for pass in ["cold", "again"] {
            bench.cache_has(pass, image)?;
        }
        let (_, stats) = bench.up()?;
        ensure(stats.resident <= stats.capacity, || {
            format!("it holds {} of {}", stats.resident, stats.capacity)
        })?;
    }
    pass(format!("{IMAGE} read twice in each mode"))
}

fn untouched(bench: &Bench<'_>) -> Result<Seen> {
    let image = bench.image();
    for (number, mode) in bench.modes().iter().enumerate() {
        bench.afresh(number)?;
        bench.open(*mode)?;
        bench.cache_has("through the cache", image)?;
        bench.driver.close(bench.host, &bench.disk().key)?;
        bench.image_has(&format!("after {mode}"), image)?;
    }
    pass("not a byte of the image has changed")
}

fn two(bench: &Bench<'_>) -> Result<Seen> {
    let Some(mode) = bench.modes().first().copied() else {
        return skip("it has no mode");
    };
    let other = &bench.stand.disks[1];
    bench.open(mode)?;
    let site = other.site(bench.host, mode);
    bench.driver.wipe(&site)?;
    bench.driver.open(&site, Running::Serving(mode))?;
    let served = alone(bench, &site, &other.bytes);
    let closed = bench.driver.close(bench.host, &other.key).map(drop);
    match (served, closed) {
        (Ok(()), closed) => closed?,
        (Err(error), closed) => return Err(error.and_then_cleanup(closed)),
    }
    pass("the second one served on when the first was closed")
}

/// The second disk serves when the first one is closed.
fn alone(bench: &Bench<'_>, site: &Site<'_>, bytes: &[u8]) -> Result<()> {
    let second = bench.driver.top(site)?.path;
    ensure(second != bench.top()?, || {
        format!("both are {}", second.display())
    })?;
    bench.driver.close(bench.host, &bench.disk().key)?;
    io::expect("the other one", &second, bytes)
}

fn filled(bench: &Bench<'_>) -> Result<Seen> {
    if bench.driver.said().seed == SeedWord::Never {
        return skip("it cannot be filled");
    }
    let mode = bench.modes()[0];
    bench.driver.open(&bench.site(mode), Running::Filling)?;
    let range = Bytes::mib(4);
    let top = bench.top()?;
    let from_image =
        || crate::sys::block::sectors_read(&bench.host.roots, bench.disk().origin.number);
    let mut missed = io::read(&top, Bytes(0), range).map(|_| range)?;
    for _ in 0..3 {
        let before = from_image()?;
        io::read(&top, Bytes(0), range)?;
        missed = from_image()?.bytes().saturating_sub(before.bytes());
        if missed == Bytes(0) {
            break;
        }
    }
    ensure(missed == Bytes(0), || {
        format!("{missed} of {range} still come from the image after three passes")
    })?;
    bench.driver.settle(&bench.site(mode), mode)?;
    pass(format!("{range} come from the slice alone"))
}

/// Asks with a deadline of its own, from the executable itself: what a disk would be told is only that it did not answer.
fn hung(bench: &Bench<'_>) -> Result<Seen> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let Some(mode) = bench.modes().first().copied() else {
        return skip("it has no mode");
    };
    bench.open(mode)?;
    let request = Request {
        disk: Some(External::names(&bench.disk().key)),
        ..Program::request(PATIENCE)
    };
    let began = Instant::now();
    let answer = bench.disk().hung(bench.host, || {
        bench.driver.program().disk(Verb::Status, &request)
    });
    let took = began.elapsed();
    let StatusAnswer { state, .. } = answer.context(|| format!("{:.1} s", took.as_secs_f64()))?;
    ensure(state != State::Absent, || {
        "it is absent while the image hangs".into()
    })?;
    pass(format!("status in {:.1} s", took.as_secs_f64()))
}

fn let_go(bench: &Bench<'_>) -> Result<Seen> {
    for mode in bench.modes() {
        bench.open(*mode)?;
        bench.drain_if_dirty(*mode)?;
        bench.driver.close(bench.host, &bench.disk().key)?;
        for device in bench
            .disk()
            .parts
            .iter()
            .map(|(_, part)| part)
            .chain([&bench.disk().origin])
        {
            wait::until(
                &format!("{} to be free", device.path.display()),
                Duration::from_secs(10),
                || Ok(crate::sys::direct::open_exclusive(&device.path).ok()),
            )?;
        }
        bench.driver.wipe(&bench.site(*mode))?;
    }
    pass("nothing holds image and slice any more")
}
