//! Hosts that are dead, or only seem to be: who is barred from Ceph, and what becomes of the VMs that were off there.

use anyhow::{Context as _, Result, ensure};

use super::vm::{Vm, gone};
use crate::case::Case;
use crate::host::Host;
use crate::tests::same;
use crate::world::{Image, KIB, MIB, World, path};

/// What oned takes a host for.
const MONITORED: u32 = 2;
const ERROR: u32 = 3;

/// The client of Ceph's that the lease of an image notes.
fn client(world: &World, image: &Image) -> Result<String> {
    let client = world.lease(image)?["holder"]["client"].clone();
    let client = client.as_str().map(str::to_owned);
    client.ok_or_else(|| anyhow::anyhow!("the lease of {} notes no client", image.spec))
}

fn is_barred(world: &World, client: &str) -> Result<bool> {
    let list = ["exec", "ceph", "osd", "blocklist", "ls"];
    Ok(world.lab(&list)?.ok()?.stdout.contains(client))
}

/// oned takes the first host for this.
fn known_as(vm: &Vm<'_>, state: u32) {
    let document = format!("<HOST><ID>1</ID><STATE>{state}</STATE></HOST>");
    vm.oned.host(1, &document);
}

/// A call that must be refused with one plain line, which has these words.
fn refused(vm: &Vm<'_>, line: &str, words: &[&str]) -> Result<()> {
    let heard = vm.transfer(line)?;
    ensure!(!heard.success, "{line}: {heard:?}");
    for word in words {
        ensure!(heard.info.contains(word), "{word:?}: {heard:?}");
    }
    Ok(())
}

/// A VM whose state nobody knows, on a host that lives but does not answer: it is not barred, and lets go when it answers. Then the
/// VM is off there, and the host is cut off from everything: it is not barred while oned takes it for alive, and then it is.
pub fn off_there(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 36)?;
    let (world, own) = (vm.world, &vm.own);
    let (hv1, hv2) = (case.host(), case.other());
    // One that Ceph still shows is waited for no longer than this.
    let hasty = hv2.config("[deadline]\nmap = \"3s\"")?;
    let settings = |file: &str| hv2.sh(&format!("ln -sf {file} /etc/warmblock/warmblock.toml"));
    settings(&hasty)?;
    vm.prolog()?;
    let clone = Image {
        spec: format!("{}-36-0", vm.parent.spec),
        ..world.kept(&vm.parent)?
    };
    let (first, line) = (vm.disk(0), "MV warmblock hv1:DIR/disk.0 hv2:DIR/disk.0 IDS");
    hv1.write(&first, &clone, 3, MIB, 256 * KIB)?;
    let alive = client(world, &clone)?;
    vm.leaves(60);
    known_as(&vm, MONITORED);
    vm.oned.silent(hv1.name, true)?;
    refused(&vm, line, &["hv1"])?;
    settings("/lab/warmblock.toml")?;
    ensure!(!is_barred(world, &alive)?, "a host that lives was barred");
    hv1.write(&first, &clone, 4, 2 * MIB, 64 * KIB)?;
    vm.oned.silent(hv1.name, false)?;
    vm.done(line)?;
    ensure!(!is_barred(world, &alive)?, "a host that lives was barred");
    hv2.check(&first, &clone)?;
    vm.done("MV warmblock hv1:DIR hv2:DIR IDS")?;

    // Back, and off.
    hv2.wb(&["detach", &clone.spec]).ok()?;
    vm.state(1, hv1.name);
    vm.prolog()?;
    hv1.check(&first, &clone)?;
    hv1.write(&first, &clone, 5, 3 * MIB, 64 * KIB)?;
    hv1.write(&vm.disk(1), own, 6, MIB, 64 * KIB)?;
    cut_off(&vm, &clone, hv1, hv2)?;
    comes_back(&vm, &clone, hv1, hv2)
}

/// The host is cut off from Ceph and from the front-end while the VM is off.
fn cut_off(vm: &Vm<'_>, clone: &Image, hv1: &Host, hv2: &Host) -> Result<()> {
    let world = vm.world;
    let cut = client(world, clone)?;
    world.lab(&["host", "net", hv1.name, "--cut"])?.ok()?;
    vm.oned.silent(hv1.name, true)?;
    let before = vm.oned.connections().len();
    let disk =
        |number: u32| format!("MV warmblock hv1:DIR/disk.{number} hv2:DIR/disk.{number} IDS");
    vm.leaves(43);
    known_as(vm, MONITORED);
    refused(
        vm,
        &disk(0),
        &["takes hv1 for alive", "onehost offline hv1"],
    )?;
    // The memory of one that was suspended is there alone.
    vm.leaves(45);
    known_as(vm, ERROR);
    for line in [&disk(0), "MV warmblock hv1:DIR hv2:DIR IDS"] {
        refused(vm, line, &["memory", "--retry"])?;
    }
    ensure!(!is_barred(world, &cut)?, "it was barred for nothing");
    for state in [43, 44] {
        vm.leaves(state);
        vm.done(&disk(0))?;
        vm.done("MV warmblock hv1:DIR hv2:DIR IDS")?;
    }
    ensure!(is_barred(world, &cut)?, "{cut} is not barred");
    hv2.check(&vm.disk(0), clone)?;
    // What only its SSD has is not given up.
    refused(vm, &disk(1), &["hv1", "recover"])?;
    let spoken = vm.oned.connections().split_off(before);
    ensure!(
        spoken.iter().all(|line| line.starts_with("hv2 ")),
        "{spoken:?}"
    );
    // It was alive all the time, and what it writes now reaches nobody.
    world.lab(&["host", "net", hv1.name, "--mend"])?.ok()?;
    let late = hv1.try_write(&vm.disk(0), 7, MIB, 64 * KIB)?;
    ensure!(late.code != 0, "a host that is barred has written: {late}");
    hv2.check(&vm.disk(0), clone)
}

/// It writes home what it alone had, and then all of the VM goes on elsewhere.
fn comes_back(vm: &Vm<'_>, clone: &Image, hv1: &Host, hv2: &Host) -> Result<()> {
    hv1.cut_power()?;
    hv1.boot()?;
    vm.oned.silent(hv1.name, false)?;
    let recovered = hv1.wb(&["recover", "--wait", "2m"]).run()?;
    vm.leaves(44);
    known_as(vm, MONITORED);
    let moved = vm.done("MV warmblock hv1:DIR/disk.1 hv2:DIR/disk.1 IDS");
    moved.map_err(|error| error.context(format!("recover said {recovered}")))?;
    hv2.check(&vm.disk(1), &vm.own)?;
    hv2.check(&vm.disk(0), clone)?;
    let holder = super::vm::holder(vm.world, clone)?;
    same("the holder", holder["host"].as_str(), Some(hv2.name))?;
    vm.epilog(hv2)?;
    hv1.sh(&format!("rm -rf {}", path(&vm.dir)?))?;
    for host in [hv1, hv2] {
        gone(vm, host)?;
        host.check_gone(&vm.own)?;
    }
    Ok(())
}
/// The host is dead: its disks go on elsewhere, fenced and without a word to it; not those that it alone has the data of.
pub fn dead_host(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 34)?;
    let (hv1, hv2, own) = (case.host(), case.other(), &vm.own);
    vm.prolog()?;
    hv1.write(&vm.disk(1), own, 5, MIB, 256 * KIB)?;
    let clone = Image {
        spec: format!("{}-{}-0", vm.parent.spec, vm.id),
        ..vm.parent.clone()
    };
    let clients = vm.world.watchers(&clone)?;
    hv1.cut_power()?;
    // As oned has it then: the VM's stay on a host that it takes for dead, and the one that begins.
    vm.leaves(60);
    known_as(&vm, ERROR);
    let before = vm.oned.connections().len();
    vm.done("MV warmblock hv1:DIR/disk.0 hv2:DIR/disk.0 IDS")?;
    let refused = vm.transfer("MV warmblock hv1:DIR/disk.1 hv2:DIR/disk.1 IDS")?;
    ensure!(
        !refused.success && refused.info.contains("hv1") && refused.info.contains("recover"),
        "{refused:?}"
    );
    vm.done("MV warmblock hv1:DIR hv2:DIR IDS")?;
    let spoken = vm.oned.connections().split_off(before);
    ensure!(
        spoken.iter().all(|line| line.starts_with("hv2 ")),
        "{spoken:?}"
    );
    hv2.sh(&format!("test -b {}", vm.disk(0)))?;
    let barred = vm
        .world
        .lab(&["exec", "ceph", "osd", "blocklist", "ls"])?
        .ok()?;
    ensure!(
        !clients.is_empty() && clients.iter().all(|client| barred.stdout.contains(client)),
        "{clients:?} are not in {barred}"
    );
    // It comes back, and writes home what it alone had; what was taken from it stays the other's.
    hv1.boot()?;
    let recovered = hv1.wb(&["recover"]).run()?;
    hv1.wb(&["detach", &clone.spec]).ok()?;
    hv1.detach(own)
        .with_context(|| format!("recover said {recovered}"))?;
    vm.world.check_ceph(own)?;
    vm.done("MV warmblock hv1:DIR/disk.1 hv2:DIR/disk.1 IDS")?;
    hv2.check(&vm.disk(1), own)?;
    vm.epilog(hv2)?;
    hv1.sh(&format!("rm -rf {}", path(&vm.dir)?))?;
    for host in [hv1, hv2] {
        gone(&vm, host)?;
        host.check_gone(own)?;
    }
    Ok(())
}
