//! An image's own disk comes to a VM that is there already, and does not get there: oned calls nothing then, so what was begun of it
//! is let go, and the image stays.

use anyhow::{Result, ensure};

use super::kill::walk;
use super::vm::{Vm, gone, holder, let_go};
use crate::case::Case;
use crate::host::{Host, front};
use crate::tests::same;
use crate::world::{KIB, MIB, path};

/// A disk is being attached to a VM that runs.
const HOTPLUG: u32 = 17;

/// Killed on its host after each step; and refused, where somebody had attached the image by hand before.
pub fn attach_killed(case: &Case) -> Result<()> {
    let (vm, host) = (Vm::new(case, 75)?, case.host());
    let own = &vm.own;
    vm.state(HOTPLUG, host.name);
    let line = format!("LN warmblock FE:{} hv1:DIR/disk.1 IDS", own.spec);
    walk(|step| {
        // What undoes it is not killed as well.
        vm.oned.crash_call(host.name, 1, step, true)?;
        let heard = vm.transfer(&line)?;
        ensure!(!vm.oned.crash_to_come(host.name), "no job was called");
        if heard.success {
            host.write(&vm.disk(1), own, 1, MIB, 256 * KIB)?;
            vm.done(&format!("MVDS warmblock hv1:DIR/disk.1 {} IDS", own.spec))?;
        }
        let link = vm.disk(1);
        host.sh(&format!("test ! -e {link} && test ! -L {link}"))?;
        let_go(host, own)?;
        vm.done("DELETE warmblock hv1:DIR IDS")?;
        gone(&vm, host)?;
        host.check_gone(own)?;
        Ok(heard.success)
    })?;
    was_there_before(&vm, host, &line)
}

/// What was attached by hand stays as it is, with what its image lacks.
fn was_there_before(vm: &Vm<'_>, host: &Host, line: &str) -> Result<()> {
    let (own, dir, link) = (&vm.own, path(&vm.dir)?, vm.disk(1));
    let options = ["--size", "16M", "--mode", "writeback", "--seed", "none"];
    let device = front(&host.attach(own, &options)?)?;
    host.write(&device, own, 2, 2 * MIB, 256 * KIB)?;
    host.sh(&format!(
        "mkdir -p {dir} && chown -R nobody /run/links && echo mine >{link}"
    ))?;
    let heard = vm.transfer(line)?;
    ensure!(
        !heard.success && heard.info.contains("is no symbolic link"),
        "{heard:?}"
    );
    let holder = holder(vm.world, own)?;
    same("the holder", holder["host"].as_str(), Some(host.name))?;
    host.check(&device, own)?;
    host.detach(own)?;
    host.sh("rm -rf /run/links")?;
    host.check_gone(own)
}
