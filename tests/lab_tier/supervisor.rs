//! The outer process: it brings the lab up, runs the tests in a process of its own inside the lab's network, and takes
//! the lab down whatever became of them.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::cmd;
use crate::world::LAB;

/// Set in the inner process.
pub const INSIDE: &str = "WARMBLOCK_LAB_INSIDE";
const LABS: &str = "/var/tmp/warmblock-lab";

/// Why the lab cannot run on this machine; `None` if it can.
pub fn lacks() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("it needs root".into());
    }
    let setup = Path::new(LAB).with_file_name("setup");
    match cmd::run(
        &[&setup.to_string_lossy(), "--check"],
        Duration::from_secs(60),
    ) {
        Ok(out) if out.code == 0 => None,
        Ok(out) => Some(out.stderr.trim().replace('\n', "; ")),
        Err(error) => Some(format!("{error:#}")),
    }
}

/// Brings up, runs, takes down.
pub fn supervise() -> Result<ExitCode> {
    sweep()?;
    let id = format!("{}{}", crate::LAB_LETTER, std::process::id());
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [
        signal_hook::consts::SIGINT,
        signal_hook::consts::SIGTERM,
        signal_hook::consts::SIGHUP,
    ] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let outcome = bring_up(&id).and_then(|()| run_inside(&id, &stop));
    if std::env::var_os("KEEP").is_some_and(|keep| keep != "0" && !keep.is_empty()) {
        eprintln!(
            "the lab is kept. Enter it:   LAB_ID={id} {LAB} host ssh hv1\nAway with it:                LAB_ID={id} {LAB} down"
        );
    } else {
        lab(&id, &["down"])?;
    }
    outcome
}

/// Labs of earlier runs of this suite that were killed; those of others begin with another letter.
fn sweep() -> Result<()> {
    let Ok(entries) = std::fs::read_dir(LABS) else {
        return Ok(());
    };
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let pid = name
            .strip_prefix(crate::LAB_LETTER)
            .and_then(|pid| pid.parse::<u32>().ok());
        let Some(pid) = pid else { continue };
        if !is_a_supervisor(pid) {
            eprintln!("removing lab {name} of an earlier run");
            lab(&name, &["down"])?;
        }
    }
    Ok(())
}

/// Whether a process is one like this; another one may have its number by now.
fn is_a_supervisor(pid: u32) -> bool {
    let exe = |pid: &str| std::fs::read_link(format!("/proc/{pid}/exe")).ok();
    let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    exe("self")
        .and_then(|exe| exe.file_name().map(std::ffi::OsStr::to_owned))
        .is_some_and(|name| {
            let stem = name
                .to_string_lossy()
                .split('-')
                .next()
                .unwrap_or_default()
                .to_owned();
            String::from_utf8_lossy(&words)
                .split('\0')
                .next()
                .is_some_and(|word| word.contains(&format!("/{stem}-")))
        })
}

fn lab(id: &str, args: &[&str]) -> Result<()> {
    let id = format!("LAB_ID={id}");
    let out = cmd::run(
        &[&["env", &id, LAB], args].concat(),
        Duration::from_secs(180),
    )?;
    ensure!(out.code == 0, "{out}");
    Ok(())
}

fn bring_up(id: &str) -> Result<()> {
    debian().context("there is no Debian image to test with")?;
    lab(id, &["up"]).context("the lab does not come up")
}

/// The image is built once per machine, of packages, which the lab's network does not lead to.
fn debian() -> Result<()> {
    let built = cmd::run(&[LAB, "image", "qcow2"], Duration::from_secs(900))?;
    ensure!(built.code == 0, "{built}");
    Ok(())
}

fn run_inside(id: &str, stop: &AtomicBool) -> Result<ExitCode> {
    let me = std::env::current_exe()?;
    let args = std::env::args_os().skip(1);
    let argv = ["exec".into(), me.into_os_string()].into_iter().chain(args);
    let child = duct::cmd(LAB, argv)
        .env("LAB_ID", id)
        .env(INSIDE, "1")
        .unchecked()
        .start()?;
    loop {
        if let Some(output) = child.wait_timeout(Duration::from_millis(200))? {
            let code = output
                .status
                .code()
                .and_then(|code| u8::try_from(code).ok());
            return Ok(code.map_or(ExitCode::FAILURE, ExitCode::from));
        }
        if stop.load(Ordering::Relaxed) {
            eprintln!("stopped; taking the lab down");
            child.kill()?;
            return Ok(ExitCode::from(130));
        }
    }
}
