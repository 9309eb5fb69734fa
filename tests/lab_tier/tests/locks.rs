//! Several jobs at once, and a job that is interrupted.

use std::time::Duration;

use anyhow::{Result, ensure};
use warmblock::Kind;

use super::same;
use crate::case::Case;
use crate::cmd::eventually;
use crate::host::front;
use crate::world::STANDARD;

const LONG: Duration = Duration::from_secs(90);
const SLOWLY: &str = "[seed]\nrate = \"8M\"\nchunk = \"256K\"\n[deadline]\nlock = \"1s\"";

pub fn one_disk(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let line = ["attach", &image.spec, "--size", "32M", "--seed", "first:8M"];
    // Both with patience: one waits for the other, and finds everything done.
    let (a, b) = (host.wb(&line).spawn()?, host.wb(&line).spawn()?);
    let (a, b) = (a.wait(LONG)?.ok()?.json()?, b.wait(LONG)?.ok()?.json()?);
    same("the front", front(&a)?, front(&b)?)?;
    let seeded = [&a, &b]
        .into_iter()
        .filter(|report| !report["seed"].is_null())
        .count();
    same("how often it was seeded", seeded, 1)?;
    host.detach(&image)?;
    host.check_gone(&image)?;

    // Without patience: it says who has the lock.
    let config = host.config(SLOWLY)?;
    let first = host
        .wb(&[
            "attach",
            &image.spec,
            "--size",
            "32M",
            "--seed",
            "allocated",
        ])
        .config(&config)
        .spawn()?;
    eventually("the lock", 30, || {
        Ok(host
            .try_sh("for f in /run/warmblock/lock/*; do flock -n $f true || exit 0; done; exit 1")?
            .code
            == 0)
    })?;
    host.wb(&["attach", &image.spec])
        .config(&config)
        .run()?
        .refused(Kind::Busy, &["attach", "process"])?;
    first.wait(LONG)?.ok()?;
    host.detach(&image)?;
    host.check_gone(&image)
}

pub fn two_disks(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let images = [
        world.clone_of(STANDARD)?,
        world.clone_of(STANDARD)?,
        world.clone_of(STANDARD)?,
    ];
    for verb in ["attach", "detach"] {
        let jobs: Vec<_> = images
            .iter()
            .map(|image| host.wb(&[verb, &image.spec]).spawn())
            .collect::<Result<_>>()?;
        for job in jobs {
            job.wait(LONG)?.ok()?;
        }
        if verb == "attach" {
            for image in &images {
                let status = host.status(image)?;
                same("well", &status["well"], true)?;
                host.check(status["front"].as_str().unwrap_or_default(), image)?;
            }
        }
    }
    images.iter().try_for_each(|image| host.check_gone(image))
}

pub fn interrupt(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let config = host.config("[seed]\nrate = \"2M\"\nchunk = \"256K\"")?;
    let filling = || {
        eventually("the seeding", 30, || {
            Ok(host
                .try_sh("dmsetup table | grep -q ' cache .*passthrough'")?
                .code
                == 0)
        })
    };
    for signal in ["INT", "TERM"] {
        let running = host
            .wb(&[
                "attach",
                &image.spec,
                "--size",
                "32M",
                "--seed",
                "allocated",
            ])
            .config(&config)
            .spawn()?;
        filling()?;
        host.sh(&format!("pkill -{signal} -x warmblock"))?;
        let out = running.wait(Duration::from_secs(30))?;
        same("exit code", out.code, 130).map_err(|error| error.context(out.to_string()))?;
        host.check_gone(&image)?;
    }
    // Of a disk that is in use, only the cache goes: it is served from Ceph, and can be seeded again.
    let device = front(&host.attach(&image, &["--size", "32M", "--seed", "none"])?)?;
    let running = host
        .wb(&["seed", &image.spec, "allocated"])
        .config(&config)
        .spawn()?;
    filling()?;
    host.sh("pkill -INT -x warmblock")?;
    let out = running.wait(Duration::from_secs(30))?;
    same("exit code", out.code, 130).map_err(|error| error.context(out.to_string()))?;
    host.check(&device, &image)?;
    let report = host.wb(&["seed", &image.spec, "first:8M"]).ok()?;
    ensure!(report["seed"]["exact"] == true, "{}", report["seed"]);
    host.check(&device, &image)?;
    host.detach(&image)?;
    host.check_gone(&image)
}
