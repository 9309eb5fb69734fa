//! Live migration: with a writer on the source and early readers on the target, called off, and killed.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::vm::{Vm, gone, holder};
use crate::case::Case;
use crate::cmd::eventually;
use crate::host::Host;
use crate::tests::conformance::exhaustive;
use crate::tests::same;
use crate::world::{KIB, MIB};

/// Somebody who opened a device early, read all of it through the page cache, and keeps it open.
struct EarlyReader<'h> {
    host: &'h Host,
    name: String,
}

impl<'h> EarlyReader<'h> {
    fn start(host: &'h Host, device: &str) -> Result<(Self, crate::cmd::Running)> {
        let name = host.world.name("reader");
        let line = format!(
            "exec 3<{device}; cat <&3 >/dev/null; touch /lab/{name}.read; \
             until [ -e /lab/{name}.again ]; do sleep 0.1; done; \
             dd if=/dev/fd/3 bs=1M skip=0 status=none | sha256sum >/lab/{name}.sum"
        );
        let running = host.spawn(&line)?;
        let reader = Self { host, name };
        eventually("the early reader", 60, || reader.is_there("read"))?;
        Ok((reader, running))
    }

    fn is_there(&self, what: &str) -> Result<bool> {
        let out = self
            .host
            .try_sh(&format!("test -e /lab/{}.{what}", self.name))?;
        Ok(out.code == 0)
    }
}

/// A writer on the source, early readers on the target, and the guest goes over: there and back, some times, and not at all in
/// between. Nobody may ever read what is old.
pub fn live_migration(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 31)?;
    let (world, own) = (vm.world, &vm.own);
    vm.prolog()?;
    let device = vm.disk(1);
    let rounds = if exhaustive() { 100 } else { 2 };
    let (mut from, mut to) = (case.host(), case.other());
    for round in 0..rounds {
        let seed = 1000 + 10 * round;
        from.write(&device, own, seed, MIB, 512 * KIB)?;
        // The guest writes on while its host hands the disks over.
        let writer = from.start_write(&device, seed + 1, 12 * MIB, 2 * MIB)?;
        vm.migrated("premigrate", from, to)?;
        writer.wait(Duration::from_secs(120))?.ok()?;
        own.expect(seed + 1, 12 * MIB, 2 * MIB)?;
        to.check(&device, own)?;
        let (reader, running) = EarlyReader::start(to, &device)?;
        from.write(&device, own, seed + 2, MIB + 128 * KIB, 256 * KIB)?;
        from.write(&device, own, seed + 3, 20 * MIB, 64 * KIB)?;
        // Nothing is cached on either side, nobody gets a cache, and nobody else gets in.
        same(
            "who may come in",
            holder(world, own)?["moving"]["guest"].as_str(),
            Some(to.name),
        )?;
        from.wb(&["insert", &own.spec])
            .run()?
            .refused(warmblock::Kind::Busy, &[to.name])?;
        // The switch: the target reads what the source wrote last, and writes.
        to.check(&device, own)?;
        to.write(&device, own, seed + 4, 2 * MIB, 128 * KIB)?;
        vm.migrated("postmigrate", from, to)?;
        to.check(&device, own)?;
        to.sh(&format!("touch /lab/{}.again", reader.name))?;
        running.wait(Duration::from_secs(60))?.ok()?;
        let read = to.sh(&format!("cat /lab/{}.sum", reader.name))?;
        same(
            "what the early reader reads now",
            &read.text()[..64],
            own.sha256()?.as_str(),
        )?;
        same(
            "the holder",
            holder(world, own)?["host"].as_str(),
            Some(to.name),
        )?;
        same(
            "the mode",
            to.status(own)?["mode"].as_str(),
            Some("writeback"),
        )?;
        (from, to) = (to, from);
    }
    called_off(&vm, from, to)?;
    vm.epilog(from)?;
    for host in [from, to] {
        gone(&vm, host)?;
        host.check_gone(own)?;
    }
    Ok(())
}

/// A migration that does not happen: the source goes on with its caches. Twice, and without one having begun.
fn called_off(vm: &Vm<'_>, from: &Host, to: &Host) -> Result<()> {
    let (own, device) = (&vm.own, vm.disk(1));
    vm.migrated("failmigrate", from, to)?;
    vm.migrated("premigrate", from, to)?;
    to.check(&device, own)?;
    from.write(&device, own, 77, 3 * MIB, 256 * KIB)?;
    for _ in 0..2 {
        vm.migrated("failmigrate", from, to)?;
    }
    from.check(&device, own)?;
    goes_on(vm, from, "attached")?;
    gone(vm, to)?;
    // A cache that was taken out to stay out does.
    from.wb(&["bypass", &own.spec]).ok()?;
    for action in ["failmigrate", "premigrate", "premigrate", "failmigrate"] {
        vm.migrated(action, from, to)?;
    }
    goes_on(vm, from, "bypassed")?;
    vm.state(2, from.name);
    let line = format!("LN warmblock FE:{} {}:DIR/disk.1 IDS", own.spec, from.name);
    vm.done(&line)?;
    goes_on(vm, from, "bypassed")?;
    from.check(&device, own)?;
    from.wb(&["insert", &own.spec]).ok()?;
    goes_on(vm, from, "attached")?;
    gone(vm, to)
}

/// The source has its disk, which goes nowhere.
fn goes_on(vm: &Vm<'_>, from: &Host, intent: &str) -> Result<()> {
    let holder = holder(vm.world, &vm.own)?;
    same("the holder", holder["host"].as_str(), Some(from.name))?;
    ensure!(holder["moving"].is_null(), "{holder}");
    let status = from.status(&vm.own)?;
    same("intent", status["intent"].as_str(), Some(intent))?;
    // With its cache, for which nobody waited.
    eventually("its cache", 60, || {
        let status = from.status(&vm.own)?;
        Ok(status["well"] == true && status["at_work"].is_null())
    })
}

/// Killed at a step of any of the three, on either host: run again, it comes to the same end.
pub fn migration_killed(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 32)?;
    let (own, device) = (&vm.own, vm.disk(1));
    vm.prolog()?;
    let (mut from, mut to) = (case.host(), case.other());
    for step in 1..60 {
        let mut killed = 0;
        from.write(&device, own, u64::from(step), MIB, 256 * KIB)?;
        for action in ["premigrate", "failmigrate", "premigrate", "postmigrate"] {
            for host in [from, to] {
                vm.oned.crash(host.name, Some(step))?;
                killed += u32::from(vm.migrate(action, from, to)?.code != 0);
                vm.oned.crash(host.name, None)?;
            }
            vm.migrated(action, from, to)?;
            let serving = if action == "postmigrate" { to } else { from };
            serving.check(&device, own)?;
        }
        (from, to) = (to, from);
        from.check(&device, own)?;
        if killed == 0 {
            break;
        }
    }
    vm.epilog(from)?;
    for host in [from, to] {
        gone(&vm, host)?;
        host.check_gone(own)?;
    }
    Ok(())
}
