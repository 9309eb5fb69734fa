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

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};

use gateways::Gateways;
use world::World;

/// Its labs are called by this letter and the supervisor's process number.
pub const LAB_LETTER: char = 'g';

type Body = fn(&Gateways) -> Result<()>;

const TESTS: &[(&str, Body)] = &[
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
    ("failover::standby_redirects", failover::redirected),
    ("failover::daemon_killed", failover::killed),
    ("failover::gateway_cut_off", failover::cut_off),
    ("cached::export_and_failover", cached::export),
    ("doctor::gateway", doctor::gateway),
    ("script::apply_on_the_machine", script),
];

fn main() -> ExitCode {
    let args = Arguments::from_args();
    let outcome = if std::env::var_os(supervisor::INSIDE).is_some() {
        inside(args)
    } else {
        outside(&args)
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn outside(args: &Arguments) -> Result<ExitCode> {
    let reason = if args.list { None } else { supervisor::lacks() };
    if reason.is_none() && !args.list {
        return supervisor::supervise();
    }
    if let Some(reason) = reason {
        anyhow::ensure!(
            std::env::var("CI").as_deref() != Ok("true"),
            "the lab must run in CI, and cannot: {reason}"
        );
        println!(
            "the lab cannot run here, so its {} tests are skipped: {reason}",
            TESTS.len()
        );
    }
    let skipped =
        |(name, _): &(&'static str, Body)| Trial::test(*name, || Ok(())).with_ignored_flag(true);
    Ok(libtest_mimic::run(args, TESTS.iter().map(skipped).collect()).exit_code())
}

fn inside(mut args: Arguments) -> Result<ExitCode> {
    let world = Arc::new(World::enter()?);
    std::fs::copy(env!("CARGO_BIN_EXE_warmblock"), world.file("warmblock"))?;
    let gateways = Arc::new(Gateways::on_the_machine(&world)?);
    let trial = |(name, body): &(&'static str, Body)| {
        let (gateways, body, name) = (Arc::clone(&gateways), *body, *name);
        Trial::test(name, move || one(&gateways, name, body))
    };
    args.test_threads = Some(1);
    Ok(libtest_mimic::run(&args, TESTS.iter().map(trial).collect()).exit_code())
}

fn one(gateways: &Gateways, name: &str, body: Body) -> Result<(), Failed> {
    let began = Instant::now();
    let attempt = || {
        let guarded =
            std::panic::AssertUnwindSafe(|| gateways.clear().and_then(|()| body(gateways)));
        let outcome = std::panic::catch_unwind(guarded)
            .unwrap_or_else(|_| Err(anyhow::anyhow!("it panicked")));
        outcome.map_err(|error| {
            let text = format!("{error:#}\n--- {}", gateways.diagnosis());
            eprintln!("FAILED  {name}: {text}");
            text
        })
    };
    // One more turn, as in the lab tier, and as little in silence.
    let outcome = attempt().or_else(|_told| {
        attempt()?;
        println!("unsteady: {name} failed once, and then passed; look above for why");
        Ok(())
    });
    eprintln!("{:6.1} s  {name}", began.elapsed().as_secs_f64());
    outcome.map_err(|text: String| Failed::from(text))
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
