//! Everything that can be done to a disk, while a guest writes and checks what it reads.

use anyhow::{Context as _, Result};

use super::conformance::Driver;
use crate::case::Case;
use crate::cmd::{Running, eventually};
use crate::host::{Host, front};
use crate::world::{Image, MIB, STANDARD};

/// fio in passes, each with checksums of its own seed: a block of an earlier pass is found out. It stops when told to.
const LOAD: &str = "rm -f /run/load.stop /run/load.pass; n=0; \
    until [ -e /run/load.stop ]; do n=$((n+1)); \
    fio --name=load --filename=DEVICE --ioengine=libaio --direct=1 --rw=randwrite --bs=4k --iodepth=8 --offset=7M --size=2M \
        --verify=crc32c --verify_fatal=1 --do_verify=1 --randseed=$n --randrepeat=0 --output=/run/load.log || \
        { cat /run/load.log; echo failed in pass $n; exit 1; }; \
    echo $n >/run/load.pass.new; mv /run/load.pass.new /run/load.pass; done; echo done in $n passes";

fn passes(host: &Host) -> Result<u32> {
    let out = host.sh("cat /run/load.pass 2>/dev/null || echo 0")?;
    out.text().parse().context("passes")
}

/// A guest that writes and checks while things are done to its disk.
#[derive(Debug)]
pub(super) struct Guest<'a> {
    host: &'a Host,
    load: Running,
}

impl<'a> Guest<'a> {
    /// Begins, and waits until it has written and checked once.
    pub(super) fn start(host: &'a Host, device: &str) -> Result<Self> {
        let load = host.spawn(&LOAD.replace("DEVICE", device))?;
        let guest = Self { host, load };
        eventually("the first pass", 60, || {
            Ok(!guest.load.is_running()? || passes(host)? > 0)
        })?;
        Ok(guest)
    }

    /// Does one thing after the other, each with a whole pass of the guest's after it; then the guest must have ended well.
    pub(super) fn during(self, verbs: &[&[&str]]) -> Result<()> {
        let host = self.host;
        let mut outcome = Ok(());
        for verb in verbs {
            outcome = host.wb(verb).ok().map(drop);
            // A pass that began after the verb has come to its end.
            let seen = passes(host)?;
            eventually("two more passes", 60, || {
                Ok(!self.load.is_running()? || passes(host)? > seen + 1)
            })?;
            if outcome.is_err() || !self.load.is_running()? {
                break;
            }
        }
        host.sh("touch /run/load.stop")?;
        self.load.wait(std::time::Duration::from_secs(60))?.ok()?;
        outcome
    }

    /// What the guest has written last, noted in the model.
    pub(super) fn note(host: &Host, device: &str, image: &Image) -> Result<()> {
        host.sh(&format!("dd if={device} bs=1M skip=7 count=2 iflag=direct status=none of=/lab/load.data && rm -f /run/load.*"))?;
        let data = std::fs::read(host.world.dir.join("h").join(host.name).join("load.data"))?;
        let model = std::fs::File::options().write(true).open(&image.model)?;
        Ok(std::os::unix::fs::FileExt::write_all_at(
            &model,
            &data,
            7 * MIB,
        )?)
    }
}

/// Another driver takes the place of the usual one, and gives it back.
pub fn exchange(case: &Case, driver: &'static Driver) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let usual = if driver.name == "dm-cache" {
        "none"
    } else {
        "dm-cache"
    };
    let options = ["--driver", usual, "--size", "32M", "--seed", "first:8M"];
    let device = front(&host.attach(&image, &options)?)?;
    let spec = image.spec.as_str();
    let mode = driver.modes[driver.modes.len() - 1];
    let verbs: [&[&str]; 3] = [
        &["attach", spec, "--driver", driver.name, "--mode", mode],
        &["attach", spec, "--driver", usual],
        &["attach", spec, "--driver", driver.name],
    ];
    Guest::start(host, &device)?.during(&verbs)?;
    let status = host.status(&image)?;
    super::same("driver", status["driver"].as_str(), Some(driver.name))?;
    super::same("well", &status["well"], true)?;
    super::same(
        "the lease's driver",
        status["lease"]["holder"]["driver"].as_str(),
        Some(driver.name),
    )?;
    Guest::note(host, &device, &image)?;
    host.check(&device, &image)?;
    host.detach(&image)?;
    host.check_gone(&image)
}

pub fn everything(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let device = front(&host.attach(&image, &["--size", "32M", "--seed", "first:8M"])?)?;
    let spec = image.spec.as_str();
    let verbs: [&[&str]; 9] = [
        &["bypass", spec],
        &["insert", spec],
        &["seed", spec, "allocated"],
        &["mode", spec, "writeback"],
        &["flush", spec],
        &["seed", spec, "first:8M"],
        &["bypass", spec],
        &["insert", spec, "--seed", "none"],
        &["mode", spec, "writethrough"],
    ];
    Guest::start(host, &device)?.during(&verbs)?;
    let verified = host.wb(&["seed", "--verify", spec]).ok()?;
    super::same(
        "different blocks",
        verified["verify"]["different"].as_u64(),
        Some(0),
    )?;
    // What the guest has written last is in Ceph, and all around it is untouched.
    Guest::note(host, &device, &image)?;
    host.detach(&image)?;
    host.check_gone(&image)
}
