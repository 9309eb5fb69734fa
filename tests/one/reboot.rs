//! A host is rebooted while a VM is off there: the VM's start alone brings its disks back, with what only the SSD had. And a VM that
//! was suspended has its memory beside them, wherever it goes on.

use anyhow::{Context as _, Result, ensure};
use warmblock::sys::atomic;

use super::vm::{Vm, gone};
use crate::case::Case;
use crate::host::Host;
use crate::tests::same;
use crate::tests::write_back::{keep_dirty, make_dirty};
use crate::world::{KIB, MIB, path};

/// States of oned's in which `context` is called.
const BOOT_POWEROFF: u32 = 20;
const BOOT_SUSPENDED: u32 = 21;
const PROLOG_MIGRATE_SUSPEND: u32 = 45;

/// One VM: off while its host boots, then suspended there, then on its way.
pub fn starts_after_a_boot(case: &Case) -> Result<()> {
    let vm = Vm::seeded(case, 63, "<WARMBLOCK_SEED>first:8M</WARMBLOCK_SEED>")?;
    let (hv1, hv2) = (case.host(), case.other());
    vm.prolog()?;
    boots(&vm, hv1)?;
    let sum = suspended(&vm, hv1)?;
    goes_on_elsewhere(&vm, hv1, hv2, &sum)?;
    vm.epilog(hv2)?;
    for host in [hv1, hv2] {
        gone(&vm, host)?;
        host.check_gone(&vm.own)?;
    }
    Ok(())
}

/// Nobody calls `recover`: what brings the disks back is the start.
fn boots(vm: &Vm<'_>, host: &Host) -> Result<()> {
    let (own, device) = (&vm.own, vm.disk(1));
    let status = host.status(own)?;
    keep_dirty(host, status["front"].as_str().context("it has no front")?)?;
    make_dirty(host, own, &device, 1)?;
    host.cut_power()?;
    host.boot()?;
    ensure!(
        host.try_sh(&format!("test -b {device}"))?.code != 0,
        "something else has brought the disk back"
    );
    ensure!(
        vm.world.check_ceph(own).is_err(),
        "Ceph has already what only the SSD should have"
    );
    context(vm, host, BOOT_POWEROFF)?;
    host.check(&device, own)?;
    host.check(&vm.disk(0), &vm.parent)?;
    let status = host.status(own)?;
    same("well", &status["well"], true)?;
    same("intent", status["intent"].as_str(), Some("attached"))
}

/// The start of a VM, which is all that oned calls then.
fn context(vm: &Vm<'_>, host: &Host, lcm_state: u32) -> Result<()> {
    let script = vm.oned.var().join("context.sh");
    atomic::write(&script, b"SECRET='of the guest'\n")?;
    vm.state(lcm_state, host.name);
    let script = path(&script)?;
    vm.done(&format!("CONTEXT warmblock {script} hv1:DIR/disk.4 IDS"))?;
    host.sh(&format!("grep -aq 'of the guest' {}", vm.disk(4)))
        .map(drop)
}

/// Its memory lies in its directory, and stays there when it is started. Returns that file's sum.
fn suspended(vm: &Vm<'_>, host: &Host) -> Result<String> {
    let checkpoint = vm.dir.join("checkpoint");
    let checkpoint = path(&checkpoint)?;
    host.write(&vm.disk(1), &vm.own, 3, 3 * MIB, 256 * KIB)?;
    host.sh(&format!(
        "dd if=/dev/urandom of={checkpoint} bs=64k count=16 status=none"
    ))?;
    let sum = host.sh(&format!("sha256sum {checkpoint}"))?;
    context(vm, host, BOOT_SUSPENDED)?;
    let then = host.sh(&format!("sha256sum {checkpoint}"))?;
    same("the checkpoint", then.text(), sum.text())?;
    host.check(&vm.disk(1), &vm.own)?;
    Ok(sum.text().to_owned())
}

/// It is moved while it is suspended, both hosts being alive: its memory goes from the one to the other.
fn goes_on_elsewhere(vm: &Vm<'_>, from: &Host, to: &Host, sum: &str) -> Result<()> {
    let document = "<HOST><ID>1</ID><STATE>2</STATE></HOST>";
    vm.oned.host(1, document);
    vm.leaves(PROLOG_MIGRATE_SUSPEND);
    for what in ["/disk.0", "/disk.1", ""] {
        vm.done(&format!("MV warmblock hv1:DIR{what} hv2:DIR{what} IDS"))?;
        ensure!(!vm.dir.exists(), "the front-end has the directory");
    }
    let checkpoint = vm.dir.join("checkpoint");
    let there = to.sh(&format!("sha256sum {}", path(&checkpoint)?))?;
    same("the checkpoint", there.text(), sum)?;
    to.check(&vm.disk(1), &vm.own)?;
    to.check(&vm.disk(0), &vm.parent)?;
    gone(vm, from)
}
