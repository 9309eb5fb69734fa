//! The case in which verbs are killed: whatever one leaves, the next call takes it from there.

use std::time::{Duration, Instant};

use super::bench::Bench;
use super::cases::{pass, skip};
use super::{Case, Seen};
use crate::cache::Driver as _;
use crate::cache::external::protocol::{Request, Verb};
use crate::cache::external::{External, Program};
use crate::model::CacheMode;
use crate::{Context, Result};

pub(super) const ALL: &[Case] = &[("a killed verb is run again", killed)];

/// At so many moments of its run a verb is killed, evenly spread.
const MOMENTS: u32 = 5;

fn killed(bench: &Bench<'_>) -> Result<Seen> {
    let Some(mode) = bench.modes().first().copied() else {
        return skip("it has no mode");
    };
    let (mut tried, mut cut) = (0, 0);
    for verb in [Verb::Format, Verb::Open, Verb::Close] {
        bench.before(verb, mode)?;
        let began = Instant::now();
        bench.again(verb, mode)?;
        let took = began.elapsed();
        for moment in 1..=MOMENTS {
            bench.before(verb, mode)?;
            let after = took * moment / (MOMENTS + 1);
            tried += 1;
            cut += u32::from(bench.cut_short(verb, mode, after)?);
            bench.goes_on(verb, mode).context(|| told(verb, after))?;
        }
    }
    if let Some(back) = bench.back() {
        tried += MOMENTS;
        cut += flushes(bench, back)?;
    }
    match cut {
        0 => skip(format!(
            "it is too fast: none of {tried} calls was still at work when it was to be killed"
        )),
        _ => pass(format!("{cut} of {tried} calls were killed at work")),
    }
}

/// Kills write-backs of dirty data: whatever was left, the next one brings all of them to the image. Gives how many were at work.
fn flushes(bench: &Bench<'_>, mode: CacheMode) -> Result<u32> {
    let (mut took, mut cut) = (Duration::ZERO, 0);
    for moment in 0..=MOMENTS {
        bench.begin()?;
        bench.open(mode)?;
        let whole = bench.scribble(u64::from(moment) + 1)?;
        let after = took * moment / (MOMENTS + 1);
        if moment > 0 {
            cut += u32::from(bench.cut_short(Verb::Flush, mode, after)?);
        }
        let began = Instant::now();
        let written = bench.drain(mode).context(|| "run again".into());
        took = took.max(began.elapsed());
        let there = written.and_then(|()| bench.image_has("flushed", &whole));
        there.context(|| told(Verb::Flush, after))?;
        bench.end()?;
    }
    Ok(cut)
}

fn told(verb: Verb, after: Duration) -> String {
    let millis = after.as_millis();
    format!("{} was killed after {millis} ms", verb.as_str())
}

impl Bench<'_> {
    /// The state that a verb begins from.
    fn before(&self, verb: Verb, mode: CacheMode) -> Result<()> {
        self.begin()?;
        match verb {
            Verb::Close => self.open(mode),
            _ => Ok(()),
        }
    }

    fn again(&self, verb: Verb, mode: CacheMode) -> Result<()> {
        match verb {
            Verb::Format => self.driver.wipe(&self.site(mode)),
            Verb::Open => self.open(mode),
            _ => self.end(),
        }
    }

    /// Runs a verb and kills it; says whether it was at work then.
    fn cut_short(&self, verb: Verb, mode: CacheMode, after: Duration) -> Result<bool> {
        let site = self.site(mode);
        let open = External::request_to_open(&site, mode, self.host.config.deadline.tool);
        let request = match verb {
            Verb::Open => open,
            Verb::Format | Verb::Flush => Request {
                run: None,
                mode: None,
                ..open
            },
            _ => Request {
                disk: open.disk,
                ..Program::request(self.host.config.deadline.tool)
            },
        };
        self.driver.program().cut_short(verb, &request, after)
    }

    /// The verb does its work when it is called again, and so do all others.
    fn goes_on(&self, verb: Verb, mode: CacheMode) -> Result<()> {
        self.again(verb, mode).context(|| "run again".into())?;
        if verb == Verb::Open {
            self.cache_has("opened again", self.image())?;
        }
        self.end()?;
        self.driver.wipe(&self.site(mode))?;
        self.open(mode)?;
        self.cache_has("opened afterwards", self.image())
    }
}
