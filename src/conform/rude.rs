//! The cases that are rude: requests that no disk makes.

use super::bench::Bench;
use super::cases::ensure;
use super::{Case, Seen};
use crate::cache::external::External;
use crate::cache::external::protocol::{FailureAnswer, Request, VERSION, Verb};
use crate::cache::{Cache, Driver as _};
use crate::model::CacheMode;
use crate::{Context, Error, Kind, Result};

pub(super) const ALL: &[Case] = &[
    ("what is malformed is refused", malformed),
    ("a slice that is not there is refused", missing),
];

/// A failure in the form of the protocol, whatever was asked; `usage` where `kind` is that.
fn refused(bench: &Bench<'_>, verb: &str, input: Vec<u8>, kind: Option<Kind>) -> Result<String> {
    let program = bench.driver.program();
    let output = program.run(verb, true, input, bench.host.config.deadline.tool)?;
    ensure(output.code == 1, || "it answers with exit code 0".into())?;
    let answer: FailureAnswer = serde_json::from_slice(&output.stdout).map_err(|error| {
        Error::new(Kind::Mismatch, "its refusal is no failure of the protocol").because(error)
    })?;
    let error = answer.error;
    ensure(
        answer.version == VERSION && !error.message.is_empty(),
        || "its refusal says nothing".into(),
    )?;
    ensure(kind.is_none_or(|kind| kind == error.kind), || {
        format!("it calls it {:?}", error.kind)
    })?;
    Ok(error.message)
}

fn malformed(bench: &Bench<'_>) -> Result<Seen> {
    let whole = bench.request()?;
    let without = |path: &[&str]| {
        let mut less = whole.clone();
        if let Some((last, above)) = path.split_last()
            && let Some(object) = above.iter().try_fold(&mut less, |at, key| at.get_mut(key))
            && let Some(object) = object.as_object_mut()
        {
            object.remove(*last);
        }
        less.to_string()
    };
    let with = |key: &str, value: serde_json::Value| {
        let mut other = whole.clone();
        other[key] = value;
        other.to_string()
    };
    let text = whole.to_string();
    let cases: [(&str, &str, String); 9] = [
        ("no input", "open", String::new()),
        ("no JSON", "open", "open sesame".into()),
        (
            "another version",
            "open",
            with("version", (VERSION + 1).into()),
        ),
        ("no disk", "open", without(&["disk"])),
        ("no site", "open", without(&["site"])),
        ("no slice", "open", without(&["site", "parts", "data"])),
        ("an unknown mode", "open", with("mode", "fast".into())),
        ("an unknown run", "mode", with("run", "away".into())),
        ("an unknown verb", "explode", text.clone()),
    ];
    for (what, verb, input) in &cases {
        refused(bench, verb, input.clone().into_bytes(), Some(Kind::Usage))
            .context(|| (*what).to_owned())?;
    }
    for odd in ["../../etc", "x';reboot;'"] {
        let mut other = whole.clone();
        other["disk"]["cache"]["name"] = odd.into();
        other["disk"]["key"] = odd.into();
        refused(bench, "open", other.to_string().into_bytes(), None)
            .context(|| format!("a disk called {odd:?}"))?;
    }
    nothing_there(bench)?;
    Ok(Seen::Pass(format!(
        "{} requests refused, nothing done",
        cases.len() + 2
    )))
}

fn missing(bench: &Bench<'_>) -> Result<Seen> {
    let mut request = bench.request()?;
    for part in ["data", "meta"] {
        if let Some(volume) = request["site"]["parts"].get_mut(part) {
            volume["path"] = "/dev/warmblock-is-not-there".into();
            volume["number"] = "0:0".into();
        }
    }
    let said = refused(bench, "open", request.to_string().into_bytes(), None)?;
    let key = &bench.disk().key;
    let left = bench.driver.probe(bench.host, key)?;
    ensure(!matches!(left, Cache::Up { .. }), || {
        "it says that it failed, and is up".into()
    })?;
    bench.driver.close(bench.host, key)?;
    nothing_there(bench)?;
    Ok(Seen::Pass(said))
}

fn nothing_there(bench: &Bench<'_>) -> Result<()> {
    let left = bench.driver.probe(bench.host, &bench.disk().key)?;
    ensure(left == Cache::Absent, || {
        format!("something is left: {left:?}")
    })
}

impl Bench<'_> {
    /// A request to open that is right.
    fn request(&self) -> Result<serde_json::Value> {
        let mode = self
            .driver
            .said()
            .modes
            .first()
            .copied()
            .unwrap_or(CacheMode::Writethrough);
        let site = self.disk().site(self.host, mode);
        let request: Request =
            External::request_to_open(&site, mode, self.host.config.deadline.tool);
        debug_assert!(Verb::Open.changes());
        serde_json::to_value(request)
            .map_err(|error| Error::new(Kind::Internal, "cannot write a request").because(error))
    }
}
