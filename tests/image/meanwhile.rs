//! Somebody takes the lease of an image between the look at it and the change: whoever changes looks again, once he can be seen.

use std::io::Read as _;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use warmblock::Kind;
use warmblock::image::{ImageJob, ReplaceStep, ResizeImage};
use warmblock::model::{Beside, Bytes};

use super::import::MIB;
use super::manage::{Outcome, drop_lease, made, set_lease, snap};
use super::replace::{OLD, Pair, all};
use super::{CONF, JOB, Scratch, Test, do_it, noise};

pub const TESTS: &[(&str, Test)] = &[
    ("meanwhile: a revert sees who takes the lease", reverted),
    ("meanwhile: a shrink sees who takes the lease", shrunk),
    ("meanwhile: a restore sees who takes the lease", restored),
];

/// Does a job in a process that is stopped after its first step, while `held` gets a lease; then it goes on, and must refuse.
#[expect(
    clippy::disallowed_methods,
    reason = "it is looked at while it is stopped"
)]
fn refuses(job: &ImageJob, held: &Scratch) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(CONF, std::env::var_os(CONF).unwrap())
        .env(JOB, serde_json::to_string(job).unwrap())
        .env("WARMBLOCK_STOP_AFTER", "1")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    let stopped = waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap();
    assert_eq!(stopped, WaitStatus::Stopped(pid, Signal::SIGSTOP));
    set_lease(held, false);
    kill(pid, Signal::SIGCONT).unwrap();
    let mut said = String::new();
    let stderr = child.stderr.as_mut().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    let code = child.wait().unwrap().code();
    assert_eq!(code, Some(Kind::LeaseHeld.exit_code().into()), "{said}");
    assert!(said.contains("attached on host hv9"), "{said}");
}

/// An image that holds something.
fn full(stem: &str) -> Scratch {
    let image = made(stem);
    let open = image.pool.open(&image.spec.image).unwrap();
    open.write_at(0, &noise(OLD, MIB)).unwrap();
    image
}

fn reverted() -> Outcome {
    let image = full("reverted");
    do_it(ImageJob::SnapCreate(snap(&image, "0")))?;
    let open = image.pool.open(&image.spec.image)?;
    open.write_at(0, &noise(OLD + 1, MIB))?;
    open.close()?;
    let before = image.bytes();
    let revert = ImageJob::SnapRevert(snap(&image, "0"));
    refuses(&revert, &image);
    drop_lease(&image);
    assert!(image.bytes() == before, "it was rolled back");
    let names: Vec<_> = image.open().snapshots()?;
    assert_eq!(names.len(), 1, "{names:?}");
    do_it(revert)?;
    assert!(image.bytes()[..MIB] == noise(OLD, MIB));
    Ok(())
}

fn shrunk() -> Outcome {
    let image = full("shrunk");
    let ask = ResizeImage {
        image: image.spec.clone(),
        size: Bytes::mib(1),
        shrink: true,
        taken_over: false,
    };
    let before = image.open().size()?;
    refuses(&ImageJob::Resize(ask.clone()), &image);
    drop_lease(&image);
    assert_eq!(image.open().size()?, before);
    do_it(ImageJob::Resize(ask))?;
    assert_eq!(image.open().size()?, Bytes::mib(1));
    Ok(())
}

fn restored() -> Outcome {
    let pair = Pair::new();
    let of = pair.of();
    let jobs = pair.jobs(&of);
    let steps = pair.steps(&of, ReplaceStep::Exchange);
    let exchange = jobs.iter().position(|job| *job == steps[0]);
    all(&jobs[..exchange.unwrap()]);
    let old = Scratch::of(Beside::Replaced.of(&pair.images[0].spec)?);
    refuses(&steps[0], &old);
    assert!(!old.exists());
    drop_lease(&pair.images[0]);
    all(&pair.steps(&of, ReplaceStep::Undo));
    for image in &pair.images {
        assert!(image.bytes()[..MIB] == noise(OLD, MIB));
    }
    pair.alone();
    Ok(())
}
