//! A VM that is off goes from one host to another, and a job of it is killed after each of its steps, on either host. It is asked for
//! again (`recover --retry`), or called off (`--failure`): then the VM starts where it was.

use anyhow::{Context as _, Result, ensure};
use warmblock::sys::atomic;

use super::kill::walk;
use super::vm::{Vm, gone, holder};
use crate::case::Case;
use crate::host::Host;
use crate::tests::same;
use crate::world::{KIB, MIB, path};

/// `PROLOG_MIGRATE`, `PROLOG_MIGRATE_POWEROFF`, `PROLOG_MIGRATE_SUSPEND`.
const MIGRATES: [u32; 3] = [8, 43, 45];
const BOOT: u32 = 2;

/// What moves, in oned's order.
const ALL: [&str; 3] = ["/disk.0", "/disk.1", ""];

/// A VM on its way.
struct Across<'v> {
    vm: &'v Vm<'v>,
    from: &'v Host,
    to: &'v Host,
}

/// There and back, killed on the source and on the target by turns.
pub fn killed(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 76)?;
    let (hv1, hv2, own) = (case.host(), case.other(), &vm.own);
    for id in [1, 2] {
        let document = format!("<HOST><ID>{id}</ID><STATE>2</STATE></HOST>");
        vm.oned.host(id, &document);
    }
    vm.prolog()?;
    walk(|step| {
        let mut through = true;
        let state = MIGRATES[step as usize % MIGRATES.len()];
        for (from, to) in [(hv1, hv2), (hv2, hv1)] {
            let across = Across { vm: &vm, from, to };
            let told = || format!("in state {state}, from {}", from.name);
            for dies in [from, to] {
                let called_off = across.called_off(step, dies);
                through &= called_off.with_context(told)?;
            }
            // By turns: there it is killed on the one, and back on the same host, which is the other side then.
            through &= across.retried(step, state, hv1).with_context(told)?;
        }
        Ok(through)
    })?;
    vm.epilog(hv1)?;
    for host in [hv1, hv2] {
        gone(&vm, host)?;
        host.check_gone(own)?;
    }
    Ok(())
}

impl Across<'_> {
    fn line(&self, what: &str) -> String {
        let (from, to) = (self.from.name, self.to.name);
        format!("MV warmblock {from}:DIR{what} {to}:DIR{what} IDS")
    }

    /// Does a part while its host's jobs are killed after a step; whether it came through.
    fn moved(&self, step: u32, dies: &Host, what: &str) -> Result<bool> {
        self.vm.oned.crash(dies.name, Some(step))?;
        let heard = self.vm.transfer(&self.line(what));
        self.vm.oned.crash(dies.name, None)?;
        Ok(heard?.success)
    }

    /// Each part is killed, and done again.
    fn retried(&self, step: u32, state: u32, dies: &Host) -> Result<bool> {
        let (vm, own) = (self.vm, &self.vm.own);
        let checkpoint = path(&vm.dir.join("checkpoint"))?.to_owned();
        let sum = |host: &Host| host.sh(&format!("sha256sum {checkpoint}"));
        self.from
            .write(&vm.disk(1), own, step.into(), MIB, 256 * KIB)?;
        self.from.sh(&format!(
            "dd if=/dev/urandom of={checkpoint} bs=64k count=4 status=none"
        ))?;
        let before = sum(self.from)?;
        vm.been(state, &[self.from.name, self.to.name]);
        let mut through = true;
        for what in ALL {
            if !self.moved(step, dies, what)? {
                through = false;
                let again = vm.done(&self.line(what));
                again.with_context(|| format!("{what:?}, killed on {}", dies.name))?;
            }
        }
        same("the checkpoint", sum(self.to)?.text(), before.text())?;
        self.stands(self.to, self.from)?;
        Ok(through)
    }

    /// It goes as far as it goes, which ends the transfer, and no further: the VM starts where it was.
    fn called_off(&self, step: u32, dies: &Host) -> Result<bool> {
        let (vm, own) = (self.vm, &self.vm.own);
        let seed = u64::from(step) + 1000;
        self.from
            .write(&vm.disk(1), own, seed, 2 * MIB, 256 * KIB)?;
        vm.been(MIGRATES[step as usize % 2], &[self.from.name, self.to.name]);
        let mut through = true;
        // Now the first of the disks is killed, now the second, the first having arrived.
        if step.is_multiple_of(2) {
            vm.done(&self.line("/disk.0"))?;
        } else {
            through &= self.moved(step, dies, "/disk.0")?;
        }
        if through {
            through &= self.moved(step, dies, "/disk.1")?;
        }
        vm.been(BOOT, &[self.from.name, self.to.name, self.from.name]);
        let script = vm.oned.var().join("context.sh");
        atomic::write(&script, b"A='b'\n")?;
        let (script, host) = (path(&script)?, self.from.name);
        let context = format!("CONTEXT warmblock {script} {host}:DIR/disk.4 IDS");
        let start = vm.done(&context);
        start.with_context(|| format!("called off, killed on {}", dies.name))?;
        self.stands(self.from, self.to)?;
        Ok(through)
    }

    /// One host has the disks with all that was written, and the other has nothing.
    fn stands(&self, at: &Host, not: &Host) -> Result<()> {
        let (vm, own) = (self.vm, &self.vm.own);
        at.check(&vm.disk(1), own)?;
        at.check(&vm.disk(0), &vm.parent)?;
        let status = at.status(own)?;
        same("intent", status["intent"].as_str(), Some("attached"))?;
        same("mode", status["mode"].as_str(), Some("writeback"))?;
        let holder = holder(vm.world, own)?;
        same("the holder", holder["host"].as_str(), Some(at.name))?;
        ensure!(!vm.dir.exists(), "the front-end has the directory");
        // Of the directory files may stay there, and no disk.
        not.sh("[ -z \"$(find /run/links -type l)\" ] && rm -rf /run/links")?;
        // An attach that was killed before it had the lease is in nobody's way; its record goes when the host is looked through.
        not.wb(&["recover"]).ok()?;
        not.check_empty()
    }
}
