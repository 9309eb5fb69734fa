//! The lab tier: the real program on hosts with a real kernel, on a real Ceph.
//!
//!     cargo test --test lab [FILTER]          KEEP=1 leaves the lab up and says how to enter it
//!
//! One lab per run, with four hosts: hv1 and hv3 without udevd, hv2 and hv4 with it. A test owns its host (some own two); after
//! each test nothing of ours may be left on it. Where the lab cannot run, every test is skipped and the reason printed; with
//! `CI=true` that is a failure.

mod case;
mod cmd;
mod drivers;
mod guest;
mod host;
#[path = "../one/mod.rs"]
mod one;
mod runner;
mod supervisor;
mod tests;
mod world;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use libtest_mimic::Arguments;

use case::Pool;
use host::Host;
use runner::Tally;
use tests::conformance::exhaustive;
use world::World;

/// Its labs are called by this letter and the supervisor's process number.
pub const LAB_LETTER: char = 't';

/// Their names, and whether udevd runs there. A host is booted when the first test needs it.
const HOSTS: [(&str, bool); 4] = [("hv1", false), ("hv2", true), ("hv3", false), ("hv4", true)];

fn main() -> ExitCode {
    let names: Vec<&'static str> = tests::all().iter().map(|test| test.name).collect();
    runner::main(&names, inside)
}

fn inside(mut args: Arguments) -> Result<ExitCode> {
    let world = Arc::new(World::enter()?);
    std::fs::copy(env!("CARGO_BIN_EXE_warmblock"), world.file("warmblock"))?;
    let hosts = HOSTS.map(|(name, udev)| Host {
        world: Arc::clone(&world),
        name,
        udev,
    });
    let pool = Arc::new(Pool::new(hosts.to_vec()));
    let tally = Arc::new(Tally::new(exhaustive()));
    let trials = tests::all()
        .into_iter()
        .map(|test| test.trial(&pool, &tally))
        .collect();
    // One worker per host.
    args.test_threads = Some(HOSTS.len());
    let conclusion = libtest_mimic::run(&args, trials);
    tally.tell();
    Ok(conclusion.exit_code())
}
