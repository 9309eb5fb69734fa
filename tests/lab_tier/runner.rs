//! What the suites in the lab share, this tier and the exported targets: who supervises, what is skipped and why, one more
//! turn for a test that failed, and what is told at the end of a run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};

use crate::supervisor;

/// Runs a suite: `inside` the lab, in a process of its own, once that is up. Where the lab cannot run, every test is skipped and
/// the reason printed; with `CI=true` that is a failure.
pub fn main(names: &[&'static str], inside: fn(Arguments) -> Result<ExitCode>) -> ExitCode {
    let args = Arguments::from_args();
    let outcome = if std::env::var_os(supervisor::INSIDE).is_some() {
        inside(args)
    } else {
        outside(&args, names)
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn outside(args: &Arguments, names: &[&'static str]) -> Result<ExitCode> {
    if args.list {
        return Ok(skip_all(args, names));
    }
    let Some(reason) = supervisor::lacks() else {
        return supervisor::supervise();
    };
    anyhow::ensure!(
        std::env::var("CI").as_deref() != Ok("true"),
        "the lab must run in CI, and cannot: {reason}"
    );
    println!(
        "the lab cannot run here, so its {} tests are skipped: {reason}",
        names.len()
    );
    Ok(skip_all(args, names))
}

fn skip_all(args: &Arguments, names: &[&'static str]) -> ExitCode {
    let skipped = |name: &&'static str| Trial::test(*name, || Ok(())).with_ignored_flag(true);
    libtest_mimic::run(args, names.iter().map(skipped).collect()).exit_code()
}

/// A body whose panic is a failure like any other.
pub fn guarded(body: impl FnOnce() -> Result<()>) -> Result<()> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| Err(anyhow::anyhow!("it panicked")))
}

/// What became of the tests of a run.
#[derive(Debug, Default)]
pub struct Tally {
    /// Whether a test that failed gets no second turn.
    strict: bool,
    times: Mutex<Vec<(Duration, &'static str)>>,
    unsteady: Mutex<Vec<&'static str>>,
}

impl Tally {
    /// Of a run in which a second turn is granted, unless it is `strict`: one that looks for what is unsteady.
    pub fn new(strict: bool) -> Self {
        Self {
            strict,
            ..Self::default()
        }
    }

    /// A test, and how long it took. One that failed gets one more turn: the machine's own load can starve a host for longer than
    /// a kernel's or Ceph's deadline. It is never passed over in silence: the failure is printed in full, and the run ends with
    /// the list of those that are unsteady.
    pub fn run(
        &self,
        name: &'static str,
        turn: impl Fn() -> Result<(), String>,
    ) -> Result<(), Failed> {
        let tell = |error: &String| eprintln!("FAILED  {name}: {error}");
        let began = Instant::now();
        let first = turn().inspect_err(tell);
        let outcome = match first {
            Err(_) if !self.strict => turn().inspect_err(tell).inspect(|()| self.unsteady(name)),
            outcome => outcome,
        };
        let took = began.elapsed();
        eprintln!("{:6.1} s  {name}", took.as_secs_f64());
        push(&self.times, (took, name));
        outcome.map_err(Failed::from)
    }

    fn unsteady(&self, name: &'static str) {
        eprintln!("UNSTEADY  {name}: it failed once, and then passed");
        push(&self.unsteady, name);
    }

    /// At the end of a run: what was unsteady, and what was slow.
    pub fn tell(&self) {
        for name in self
            .unsteady
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            println!("unsteady: {name} failed once, and then passed; look above for why");
        }
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        println!("the slowest:");
        for (took, name) in times.iter().take(10) {
            println!("{:6.1} s  {name}", took.as_secs_f64());
        }
    }
}

fn push<T>(list: &Mutex<Vec<T>>, one: T) {
    list.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(one);
}
