//! What seldom happens to a VM: its domain is lost and its host is not, a disk cannot be attached to it, its hosts have its directory
//! on one storage.

use std::fs;

use anyhow::{Result, ensure};

use super::vm::{Vm, gone, let_go};
use crate::case::Case;
use crate::host::{Host, front};
use crate::tests::same;
use crate::world::{KIB, MIB, SMALL, path};

/// One after the other.
pub fn seldom(case: &Case) -> Result<()> {
    lost_on_a_host_that_lives(case)?;
    cannot_be_attached(case)?;
    in_one_directory(case)
}

/// oned knows nothing of the VM, and hears of its host: the disks are let go there, complete, and nothing else there notices.
fn lost_on_a_host_that_lives(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 37)?;
    let (hv1, hv2, own) = (case.host(), case.other(), &vm.own);
    vm.oned.host(11, "<HOST><ID>11</ID><STATE>2</STATE></HOST>");
    vm.prolog()?;
    hv1.write(&vm.disk(1), own, 1, MIB, 256 * KIB)?;
    let neighbour = vm.world.clone_of(SMALL)?;
    let device = front(&hv1.attach(&neighbour, &["--size", "16M", "--seed", "none"])?)?;
    let stays = [(0, "hv1", 11), (1, "hv2", 12)].map(|(seq, host, id)| {
        format!(
            "<HISTORY><SEQ>{seq}</SEQ><HOSTNAME>{host}</HOSTNAME><HID>{id}</HID><DS_ID>100</DS_ID>\
             <TM_MAD>warmblock</TM_MAD></HISTORY>"
        )
    });
    let document = vm.document(60, "hv1");
    let begin = document.find("<HISTORY_RECORDS>").unwrap_or_default();
    let stays = stays.concat();
    let document = format!(
        "{}<HISTORY_RECORDS>{stays}</HISTORY_RECORDS></VM>",
        &document[..begin]
    );
    vm.oned.vm(vm.id, &document);
    for what in ["/disk.0", "/disk.1", ""] {
        vm.done(&format!("MV warmblock hv1:DIR{what} hv2:DIR{what} IDS"))?;
    }
    hv2.check(&vm.disk(1), own)?;
    hv1.write(&device, &neighbour, 2, MIB, 256 * KIB)?;
    hv1.check(&device, &neighbour)?;
    hv1.detach(&neighbour)?;
    gone(&vm, hv1)?;
    vm.epilog(hv2)?;
    gone(&vm, hv2)?;
    hv1.check_gone(&neighbour)?;
    hv2.check_gone(own)
}

/// A disk is attached to a VM that runs, and fails after its image was made: oned calls nothing then, and the image goes.
fn cannot_be_attached(case: &Case) -> Result<()> {
    const HOTPLUG: u32 = 17;
    let (vm, host) = (Vm::new(case, 38)?, case.host());
    let (dir, link) = (path(&vm.dir)?, vm.disk(0));
    vm.state(HOTPLUG, host.name);
    host.sh(&format!(
        "mkdir -p {dir} && chown -R nobody /run/links && echo mine >{link}"
    ))?;
    let clone = format!("CLONE warmblock FE:{} hv1:DIR/disk.0 IDS", vm.parent.spec);
    let heard = vm.transfer(&clone)?;
    ensure!(
        !heard.success && heard.info.contains("is no symbolic link"),
        "{heard:?}"
    );
    let image = format!("{}-{}-0", vm.parent.spec, vm.id);
    let there = vm.world.try_rbd(&["info", &image])?;
    same("the image is gone", there.code, 2)?;
    same(
        "what was there",
        host.sh(&format!("cat {link}"))?.text(),
        "mine",
    )?;
    cannot_be_linked(&vm, host)?;
    // Where nothing is in its way it is attached, and goes with the VM.
    host.sh(&format!("rm {link}"))?;
    vm.done(&clone)?;
    host.check(&link, &vm.parent)?;
    vm.state(11, host.name);
    vm.done("DELETE warmblock hv1:DIR/disk.0 IDS\nDELETE warmblock hv1:DIR IDS")?;
    gone(&vm, host)
}

/// The same for an image of its own, which is nobody's to remove: no lease, no mapping and no record of it is left.
fn cannot_be_linked(vm: &Vm<'_>, host: &Host) -> Result<()> {
    let (own, link) = (&vm.own, vm.disk(1));
    host.sh(&format!("echo mine >{link}"))?;
    let heard = vm.transfer(&format!("LN warmblock FE:{} hv1:DIR/disk.1 IDS", own.spec))?;
    ensure!(
        !heard.success && heard.info.contains("is no symbolic link"),
        "{heard:?}"
    );
    let there = host.sh(&format!("cat {link}"))?;
    same("what was there", there.text(), "mine")?;
    host.sh(&format!("rm {link}"))?;
    let_go(host, own)
}

/// The directories of VMs, on a storage that both hosts have.
struct SharedStorage<'h>([&'h Host; 2]);

impl<'h> SharedStorage<'h> {
    fn of(hosts: [&'h Host; 2]) -> Result<Self> {
        let [host, _] = hosts;
        let there = host.world.file(&host.world.name("system-datastore"));
        fs::create_dir(&there)?;
        let mounted = Self(hosts);
        for host in hosts {
            host.sh(&format!(
                "mkdir -p /run/links && mount -t hostfs -o {} system-datastore /run/links",
                path(&there)?
            ))?;
        }
        Ok(mounted)
    }
}

impl Drop for SharedStorage<'_> {
    fn drop(&mut self) {
        for host in self.0 {
            if let Err(error) = host.sh("umount /run/links && rmdir /run/links") {
                eprintln!("{} keeps the storage of others: {error:#}", host.name);
            }
        }
    }
}

/// Both hosts have the disk behind one link while the VM moves: who lets go leaves it to the other.
fn in_one_directory(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 39)?;
    let (hv1, hv2, own) = (case.host(), case.other(), &vm.own);
    let storage = SharedStorage::of([hv1, hv2])?;
    // What any user makes there is root's for the hosts (hostfs).
    vm.oned.is_root()?;
    let device = vm.disk(1);
    vm.prolog()?;
    hv1.write(&device, own, 1, MIB, 256 * KIB)?;
    // It does not go, and then it does.
    for action in ["premigrate", "failmigrate"] {
        vm.migrated(action, hv1, hv2)?;
    }
    has_let_go(hv2)?;
    hv1.write(&device, own, 2, 2 * MIB, 256 * KIB)?;
    for action in ["premigrate", "postmigrate"] {
        vm.migrated(action, hv1, hv2)?;
    }
    has_let_go(hv1)?;
    hv2.write(&device, own, 3, 3 * MIB, 256 * KIB)?;
    hv2.check(&device, own)?;
    moves_off(&vm, hv2, hv1)?;
    vm.epilog(hv1)?;
    hv2.sh("find /run/links -mindepth 1 -delete")?;
    drop(storage);
    for host in [hv1, hv2] {
        host.check_gone(own)?;
    }
    Ok(())
}

/// It moves while it is off, killed on either host first, and asked for twice: its directory is where it goes to already, and
/// nothing of it is lost.
fn moves_off(vm: &Vm<'_>, from: &Host, to: &Host) -> Result<()> {
    const MIGRATES: u32 = 43;
    let (own, device) = (&vm.own, vm.disk(1));
    let checkpoint = format!("{}/checkpoint", path(&vm.dir)?);
    from.sh(&format!("head -c 256K /dev/urandom >{checkpoint}"))?;
    let sum = |host: &Host| host.sh(&format!("sha256sum {checkpoint}"));
    let before = sum(from)?;
    for id in [1, 2] {
        let document = format!("<HOST><ID>{id}</ID><STATE>2</STATE></HOST>");
        vm.oned.host(id, &document);
    }
    vm.been(MIGRATES, &[from.name, to.name]);
    for what in ["/disk.0", "/disk.1", ""] {
        let (from, to) = (from.name, to.name);
        let line = format!("MV warmblock {from}:DIR{what} {to}:DIR{what} IDS");
        for dies in [from, to] {
            vm.oned.crash(dies, Some(2))?;
            let heard = vm.transfer(&line);
            vm.oned.crash(dies, None)?;
            heard?;
        }
        for _ in 0..2 {
            vm.done(&line)?;
        }
    }
    same("the checkpoint", sum(to)?.text(), before.text())?;
    has_let_go(from)?;
    to.check(&device, own)?;
    to.write(&device, own, 4, 4 * MIB, 256 * KIB)?;
    to.check(&device, own)
}

/// A host has no disks any more.
fn has_let_go(host: &Host) -> Result<()> {
    let status = host.wb(&["status"]).ok()?;
    same("disks", status["disks"].as_array().map(Vec::len), Some(0))
}
