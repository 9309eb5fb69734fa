//! `warmblock tgt` for real: two hosts with a tgtd each, a real Ceph, ssh between them, and an initiator that logs in.
//!
//!     cargo test --test tgt_live [FILTER]          KEEP=1 leaves the lab up and says how to enter it
//!
//! One test after the other, since each has both gateways. Where the lab cannot run, every test is skipped and the reason
//! printed; with `CI=true` that is a failure.

#![expect(clippy::unwrap_used, reason = "a failing helper fails the test")]

#[allow(dead_code, reason = "shared with the lab tier, which uses all of it")]
#[path = "../lab_tier/cmd.rs"]
mod cmd;
#[allow(dead_code, reason = "shared with the lab tier, which uses all of it")]
#[path = "../lab_tier/host.rs"]
mod host;
#[path = "../lab_tier/runner.rs"]
mod runner;
#[allow(dead_code, reason = "shared with the lab tier, which uses all of it")]
#[path = "../lab_tier/supervisor.rs"]
mod supervisor;
#[allow(dead_code, reason = "shared with the lab tier, which uses all of it")]
#[path = "../lab_tier/world.rs"]
mod world;

mod apply;
mod cached;
mod doctor;
mod failover;
mod gateways;
mod heal;
mod initiator;
mod logins;
mod redirect;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use libtest_mimic::{Arguments, Trial};

use gateways::Gateways;
use runner::{Tally, guarded};
use world::World;

/// Its labs are called by this letter and the supervisor's process number.
pub const LAB_LETTER: char = 'g';

type Body = fn(&Gateways) -> Result<()>;

const TESTS: [(&str, Body); 20] = [
    ("logins::addresses_names_and_secrets", logins::who_may),
    ("logins::verify_tells_what_is_wrong", logins::verify),
    ("apply::live_session_with_load", apply::under_load),
    ("apply::data_are_those_of_the_image", apply::data),
    ("apply::resize_under_a_session", apply::resize),
    (
        "apply::identity_over_restarts_and_gateways",
        apply::identity,
    ),
    ("heal::client_thrown_out_by_ceph", heal::thrown_out),
    ("heal::two_writers_are_an_alarm", heal::two_writers),
    ("failover::asked_for", failover::asked_for),
    ("failover::gateway_frozen", failover::frozen),
    (
        "failover::gateway_frozen_and_forgotten",
        failover::forgotten,
    ),
    ("failover::gateway_restarted_and_frozen", failover::unnoted),
    ("redirect::to_who_serves", redirect::to_who_serves),
    ("redirect::over_ipv6", redirect::over_ipv6),
    ("failover::daemon_killed", failover::killed),
    ("failover::gateway_cut_off", failover::cut_off),
    ("cached::export_and_failover", cached::export),
    ("cached::gateway_forgotten", cached::forgotten),
    ("doctor::gateway", doctor::gateway),
    ("script::apply_on_the_machine", script),
];

fn main() -> ExitCode {
    runner::main(&TESTS.map(|(name, _)| name), inside)
}

fn inside(mut args: Arguments) -> Result<ExitCode> {
    let world = Arc::new(World::enter()?);
    std::fs::copy(env!("CARGO_BIN_EXE_warmblock"), world.file("warmblock"))?;
    let gateways = Arc::new(Gateways::on_the_machine(&world)?);
    let tally = Arc::new(Tally::new(false));
    let trial = |(name, body): (&'static str, Body)| {
        let (gateways, tally) = (Arc::clone(&gateways), Arc::clone(&tally));
        Trial::test(name, move || tally.run(name, || turn(&gateways, body)))
    };
    args.test_threads = Some(1);
    let conclusion = libtest_mimic::run(&args, TESTS.into_iter().map(trial).collect());
    tally.tell();
    Ok(conclusion.exit_code())
}

fn turn(gateways: &Gateways, body: Body) -> Result<(), String> {
    let outcome = guarded(|| gateways.clear().and_then(|()| body(gateways)));
    outcome.map_err(|error| format!("{error:#}\n--- {}", gateways.diagnosis()))
}

/// The parts of `tests/tgt_lab.sh`: kills at every step, secrets, access lists, what is held back.
fn script(gateways: &Gateways) -> Result<()> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tgt_lab.sh");
    let binary = gateways.world.file("warmblock");
    let argv = ["bash", script, world::path(&binary)?];
    let out = cmd::run(&argv, std::time::Duration::from_secs(240))?.ok()?;
    println!("{}", out.text().lines().last().unwrap_or_default());
    Ok(())
}
