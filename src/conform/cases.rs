//! The cases: what a driver that is called in order does.

use std::time::{Duration, Instant};

use super::io::{self, noise};
use super::stand::{Disk, IMAGE};
use super::{Bench, Case, Seen};
use crate::cache::external::protocol::{Request, SeedWord, State, StatusAnswer, Verb};
use crate::cache::external::{External, Program};
use crate::cache::{Cache, Driver as _, Running, Site, Stats};
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
    ("writes reach the image in time", writes),
    ("dirty data are told, flushed, and stay flushed", dirty),
    ("modes are changed under way", modes),
    ("dirty data outlive a close", outlive),
    ("a formatted slice is cold", cold),
    ("two disks do not meet", two),
    ("filled by reading", filled),
    ("the answer comes in time while the image hangs", hung),
    ("everything is let go", let_go),
];

/// What a case writes: not where the image has its ends, with an odd start.
const PLACE: Bytes = Bytes(5 * (1 << 20) + 4096);
const LENGTH: Bytes = Bytes::kib(768);

fn pass(seen: impl Into<String>) -> Result<Seen> {
    Ok(Seen::Pass(seen.into()))
}

fn skip(why: impl Into<String>) -> Result<Seen> {
    Ok(Seen::Skip(why.into()))
}

pub(super) fn ensure(right: bool, wrong: impl FnOnce() -> String) -> Result<()> {
    if right {
        return Ok(());
    }
    Err(Error::new(Kind::Mismatch, wrong()))
}

impl Bench<'_> {
    /// The disk that cases work on.
    pub(super) fn disk(&self) -> &Disk {
        &self.stand.disks[0]
    }

    /// What the image holds at the beginning of each case.
    fn image(&self) -> &[u8] {
        &self.disk().bytes
    }

    fn site(&self, mode: CacheMode) -> Site<'_> {
        self.disk().site(self.host, mode)
    }

    fn modes(&self) -> &[CacheMode] {
        &self.driver.said().modes
    }

    fn back(&self) -> Option<CacheMode> {
        self.modes()
            .iter()
            .copied()
            .find(|mode| mode.can_be_dirty())
    }

    /// Before each case: nothing in the kernel, nothing in the slice, the image as it was made.
    pub(super) fn begin(&self) -> Result<()> {
        self.driver.close(self.host, &self.disk().key)?;
        self.driver.wipe(&self.site(CacheMode::None))?;
        io::write(&self.disk().origin.path, Bytes(0), self.image())
    }

    /// Between the rounds of a case; before the first one it is so already.
    fn afresh(&self, round: usize) -> Result<()> {
        if round == 0 { Ok(()) } else { self.begin() }
    }

    /// After it.
    pub(super) fn end(&self) -> Result<()> {
        self.driver.close(self.host, &self.disk().key).map(drop)
    }

    fn open(&self, mode: CacheMode) -> Result<()> {
        let opened = self.driver.open(&self.site(mode), Running::Serving(mode));
        opened
            .map(drop)
            .context(|| format!("cannot open it in {mode}"))
    }

    /// A cache that is up: what it does, and its counters.
    pub(super) fn up(&self) -> Result<(Running, Stats)> {
        match self.driver.probe(self.host, &self.disk().key)? {
            Cache::Up { running, stats, .. } => Ok((running, stats)),
            other => Err(Error::new(
                Kind::Mismatch,
                format!("it should be up, and is {other:?}"),
            )),
        }
    }

    fn top(&self) -> Result<std::path::PathBuf> {
        self.driver
            .top(&self.site(CacheMode::None))
            .map(|device| device.path)
    }

    /// Writes through the cache, and gives what the image must hold then.
    fn scribble(&self, seed: u64) -> Result<Vec<u8>> {
        let (bytes, mut whole) = (noise(seed, LENGTH), self.image().to_vec());
        io::write(&self.top()?, PLACE, &bytes)?;
        let start = usize::try_from(PLACE.0).unwrap_or(0);
        whole[start..start + bytes.len()].copy_from_slice(&bytes);
        Ok(whole)
    }

    fn image_has(&self, what: &str, bytes: &[u8]) -> Result<()> {
        io::expect(what, &self.disk().origin.path, bytes)
    }

    fn cache_has(&self, what: &str, bytes: &[u8]) -> Result<()> {
        io::expect(what, &self.top()?, bytes)
    }

    fn drain(&self, mode: CacheMode) -> Result<()> {
        self.driver
            .drain(&self.site(mode), self.host.config.deadline.flush)
            .map(drop)
    }
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

fn writes(bench: &Bench<'_>) -> Result<Seen> {
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

fn dirty(bench: &Bench<'_>) -> Result<Seen> {
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

fn modes(bench: &Bench<'_>) -> Result<Seen> {
    let modes = bench.modes();
    if modes.len() < 2 {
        return skip("it has one mode");
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
fn outlive(bench: &Bench<'_>) -> Result<Seen> {
    let Some(mode) = bench.back() else {
        return skip("it has no write-back");
    };
    bench.open(mode)?;
    let whole = bench.scribble(12)?;
    bench.driver.close(bench.host, &bench.disk().key)?;
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

fn cold(bench: &Bench<'_>) -> Result<Seen> {
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

impl Bench<'_> {
    fn drain_if_dirty(&self, mode: CacheMode) -> Result<()> {
        if mode.can_be_dirty() {
            self.drain(mode)
        } else {
            Ok(())
        }
    }
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
