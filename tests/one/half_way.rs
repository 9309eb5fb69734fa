//! What comes half way: an epilog of which a disk cannot be let go, a detach that the guest does not grant, an attach that oned takes
//! back, a disk that grew and a guest that did not hear of it. Each is repeated, or goes on, as oned has it.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::vm::{Vm, gone, holder, let_go};
use crate::case::Case;
use crate::cmd::{Running, eventually};
use crate::host::Host;
use crate::tests::same;
use crate::world::{Image, KIB, MIB};

/// A disk is being attached to a VM that runs, or detached from it.
const HOTPLUG: u32 = 17;
/// A disk of a VM that runs grows.
const RESIZES: u32 = 62;

/// One after the other.
pub fn half_way(case: &Case) -> Result<()> {
    an_epilog_of_which_one_disk_stays(case)?;
    a_detach_that_is_not_granted(case)?;
    an_attach_that_is_taken_back(case)?;
    a_disk_that_grew_alone(case)
}

/// Somebody who has a device open until he is told to go, as a guest has that did not let go of its disk.
struct Guest<'h> {
    host: &'h Host,
    name: String,
    running: Running,
}

impl<'h> Guest<'h> {
    fn with(host: &'h Host, device: &str) -> Result<Self> {
        let name = host.world.name("guest");
        let line = format!(
            "exec 3<{device}; touch /lab/{name}.in; until [ -e /lab/{name}.out ]; do sleep 0.1; done"
        );
        let running = host.spawn(&line)?;
        let guest = Self {
            host,
            name,
            running,
        };
        eventually("the guest has its disk", 60, || {
            Ok(guest.host.shared(&format!("{}.in", guest.name)).exists())
        })?;
        Ok(guest)
    }

    fn goes(self) -> Result<()> {
        self.host.put(&format!("{}.out", self.name), b"")?;
        let out = self.running.wait(Duration::from_secs(60))?;
        out.ok().map(drop)
    }
}

/// The first disk of an epilog went, the second has somebody who uses it: it fails as a whole, loses nothing, and is repeated as a
/// whole.
fn an_epilog_of_which_one_disk_stays(case: &Case) -> Result<()> {
    let (vm, host) = (Vm::new(case, 71)?, case.host());
    let (own, device) = (&vm.own, vm.disk(1));
    vm.prolog()?;
    host.write(&device, own, 1, MIB, 256 * KIB)?;
    let guest = Guest::with(host, &device)?;
    vm.state(11, host.name);
    let file = format!(
        "DELETE warmblock {0}:DIR/disk.0 IDS\nMVDS warmblock {0}:DIR/disk.1 {1} IDS\nDELETE warmblock {0}:DIR IDS",
        host.name, own.spec
    );
    for _ in 0..2 {
        let heard = vm.transfer(&file)?;
        ensure!(
            !heard.success && heard.info.contains(&own.spec) && heard.info.contains("open"),
            "{heard:?}"
        );
        let clone = format!("{}-{}-0", vm.parent.spec, vm.id);
        let there = vm.world.try_rbd(&["info", &clone])?;
        same("the clone is gone", there.code, 2)?;
        // What is only on the SSD yet is that guest's, who reads and writes on.
        host.check(&device, own)?;
        host.write(&device, own, 2, 2 * MIB, 128 * KIB)?;
    }
    guest.goes()?;
    vm.epilog(host)?;
    gone(&vm, host)?;
    host.check_gone(own)
}

/// libvirt says that a disk is detached, and the guest has it: the VM goes on with it, and its cache, until it is let go.
fn a_detach_that_is_not_granted(case: &Case) -> Result<()> {
    let (vm, host) = (Vm::new(case, 72)?, case.host());
    let (own, device) = (&vm.own, vm.disk(1));
    vm.prolog()?;
    let guest = Guest::with(host, &device)?;
    vm.state(HOTPLUG, host.name);
    let away = format!("MVDS warmblock hv1:DIR/disk.1 {} IDS", own.spec);
    let heard = vm.transfer(&away)?;
    ensure!(!heard.success && heard.info.contains("open"), "{heard:?}");
    vm.state(3, host.name);
    host.write(&device, own, 3, MIB, 256 * KIB)?;
    host.check(&device, own)?;
    let status = host.status(own)?;
    same("intent", status["intent"].as_str(), Some("attached"))?;
    same("mode", status["mode"].as_str(), Some("writeback"))?;
    same("well", &status["well"], true)?;
    let has = holder(vm.world, own)?;
    same("the holder", has["host"].as_str(), Some(host.name))?;
    guest.goes()?;
    vm.state(HOTPLUG, host.name);
    vm.done(&away)?;
    let_go(host, own)?;
    vm.epilog(host)?;
    gone(&vm, host)
}

/// The disks are there and the guest does not take them: oned plays the lines of an epilog for them, and the VM runs on without.
fn an_attach_that_is_taken_back(case: &Case) -> Result<()> {
    let (vm, host) = (Vm::new(case, 73)?, case.host());
    let own = &vm.own;
    vm.state(HOTPLUG, host.name);
    let clone = format!("CLONE warmblock FE:{} hv1:DIR/disk.0 IDS", vm.parent.spec);
    let link = format!("LN warmblock FE:{} hv1:DIR/disk.1 IDS", own.spec);
    let away = format!("MVDS warmblock hv1:DIR/disk.1 {} IDS", own.spec);
    let pairs = [
        (&*clone, "DELETE warmblock hv1:DIR/disk.0 IDS"),
        (&*link, &*away),
    ];
    for _ in 0..2 {
        for (there, back) in pairs {
            vm.done(there)?;
            vm.done(back)?;
        }
        let image = format!("{}-{}-0", vm.parent.spec, vm.id);
        same("the clone", vm.world.try_rbd(&["info", &image])?.code, 2)?;
        host.sh(&format!("test ! -e {0} && test ! -L {0}", vm.disk(0)))?;
        let_go(host, own)?;
    }
    vm.done(&clone)?;
    vm.done(&link)?;
    host.check(&vm.disk(0), &vm.parent)?;
    host.check(&vm.disk(1), own)?;
    vm.epilog(host)?;
    gone(&vm, host)?;
    host.check_gone(own)
}

/// The image grew, and the hypervisor does not tell the guest: for oned the disk has the size that it had. The same is asked for
/// again, or less: that would cut the image, and is refused with what to ask for.
fn a_disk_that_grew_alone(case: &Case) -> Result<()> {
    let (vm, host) = (Vm::new(case, 74)?, case.host());
    let (own, device) = (&vm.own, vm.disk(1));
    vm.prolog()?;
    host.write(&device, own, 4, MIB, 64 * KIB)?;
    let guest = Guest::with(host, &device)?;
    vm.state(RESIZES, host.name);
    let grow = |mib: u32| format!("RESIZE warmblock hv1:DIR/disk.1 {mib} IDS");
    let size = || -> Result<String> {
        let now = host.sh(&format!("blockdev --getsize64 {device}"))?;
        Ok(now.text().to_owned())
    };
    for _ in 0..2 {
        vm.done(&grow(40))?;
        same("the size", size()?, (40 * MIB).to_string())?;
    }
    let heard = vm.transfer(&grow(32))?;
    ensure!(
        !heard.success && heard.info.contains("40") && heard.info.contains("32"),
        "{heard:?}"
    );
    same("the size", size()?, (40 * MIB).to_string())?;
    vm.done(&grow(48))?;
    vm.state(3, host.name);
    guest.goes()?;
    // What was there is there still.
    host.sh(&format!("blockdev --getsize64 {device}"))?;
    std::fs::File::options()
        .write(true)
        .open(&own.model)?
        .set_len(48 * MIB)?;
    let own = Image {
        size: 48 * MIB,
        ..own.clone()
    };
    host.check(&device, &own)?;
    vm.epilog(host)?;
    gone(&vm, host)?;
    host.check_gone(&own)
}
