//! A VM's life as oned plays it: prolog, start, snapshots, volatile disks, save-as, stop and resume, epilog.

use std::path::Path;

use anyhow::{Result, ensure};

use super::vm::{Vm, gone};
use crate::case::Case;
use crate::host::Host;
use crate::tests::same;
use crate::world::{Image, KIB, MIB, path};

/// The start, snapshots live and off, a revert, a copy, stop and resume with the directory.
pub fn life(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 33)?;
    let (hv1, hv2, own) = (case.host(), case.other(), &vm.own);
    let device = vm.disk(1);
    vm.prolog()?;
    volatile(&vm, hv1)?;
    start(&vm, hv1)?;
    // Snapshots of a write-back disk have what was acknowledged.
    hv1.write(&device, own, 1, MIB, 256 * KIB)?;
    for _ in 0..2 {
        vm.done("SNAP_CREATE warmblock hv1:DIR/disk.1 0 IDS")?;
    }
    let then = vm.world.kept(own)?;
    hv1.write(&device, own, 2, 2 * MIB, 256 * KIB)?;
    let warned = vm.done("SNAP_CREATE_LIVE warmblock hv1:DIR/disk.1 1 IDS")?;
    ensure!(
        warned
            .iter()
            .any(|line| line.contains("could not be frozen")),
        "{warned:?}"
    );
    same(
        "the mode",
        hv1.status(own)?["mode"].as_str(),
        Some("writeback"),
    )?;
    let now = vm.world.kept(own)?;
    copies(&vm, &then, &now)?;
    // A revert that cannot be leaves the disk as it is.
    let refused = vm.transfer("SNAP_REVERT warmblock hv1:DIR/disk.1 99 IDS")?;
    ensure!(
        !refused.success && refused.info.contains("no snapshot"),
        "{refused:?}"
    );
    hv1.check(&device, own)?;
    vm.done("SNAP_REVERT warmblock hv1:DIR/disk.1 0 IDS")?;
    hv1.check(&device, &then)?;
    for id in [0, 1] {
        vm.done(&format!("SNAP_DELETE warmblock hv1:DIR/disk.1 {id} IDS"))?;
    }
    hv1.write(&device, &then, 3, 4 * MIB, 64 * KIB)?;
    stop_and_resume(&vm, hv1, hv2)?;
    hv2.check(&device, &then)?;
    vm.epilog(hv2)?;
    for host in [hv1, hv2] {
        gone(&vm, host)?;
        host.check_gone(&then)?;
    }
    Ok(())
}

/// Disks that are made for the VM: formatted, the same ones when asked again, and new ones in another stay.
fn volatile(vm: &Vm<'_>, host: &Host) -> Result<()> {
    let more = "<DISK><DISK_ID>2</DISK_ID><TYPE>fs</TYPE><FS>ext4</FS><SIZE>16</SIZE><WARMBLOCK_DRIVER>none</WARMBLOCK_DRIVER>\
                </DISK><DISK><DISK_ID>3</DISK_ID><TYPE>swap</TYPE><SIZE>8</SIZE><WARMBLOCK_DRIVER>none</WARMBLOCK_DRIVER></DISK>";
    let document = vm
        .document(1, "hv1")
        .replace("</TEMPLATE>", &format!("{more}</TEMPLATE>"));
    vm.oned.vm(vm.id, &document);
    let make = "MKIMAGE warmblock 16 raw hv1:DIR/disk.2 IDS\nMKSWAP warmblock 8 hv1:DIR/disk.3 IDS";
    vm.done(make)?;
    let magic = |disk: u32, at: u32, len: u32| -> Result<String> {
        let device = vm.disk(disk);
        let line = format!(
            "dd if={device} bs=1 skip={at} count={len} status=none | od -An -tx1 | tr -d ' \\n'"
        );
        Ok(host.sh(&line)?.text().to_owned())
    };
    same("ext4's magic", magic(2, 1080, 2)?.as_str(), "53ef")?;
    same(
        "swap's signature",
        magic(3, 4086, 10)?.as_str(),
        "53574150535041434532",
    )?;
    let uuid = magic(2, 1128, 16)?;
    vm.done(make)?;
    same("the file system's UUID", magic(2, 1128, 16)?, uuid.clone())?;
    let image = format!("one/one-sys-{}-2", vm.id);
    // Stopped, then recreated: oned deletes nothing.
    for disk in [2, 3] {
        host.wb(&["detach", &format!("one/one-sys-{}-{disk}", vm.id)])
            .ok()?;
    }
    vm.oned.vm(vm.id, &document.replace("<SEQ>0", "<SEQ>1"));
    vm.done(make)?;
    ensure!(
        magic(2, 1128, 16)? != uuid,
        "{image} is that of the earlier stay"
    );
    vm.done("DELETE warmblock hv1:DIR/disk.2 IDS\nDELETE.ssh warmblock hv1:DIR/disk.3 IDS")?;
    ensure!(
        vm.world.try_rbd(&["info", &image])?.code != 0,
        "{image} is still there"
    );
    vm.state(3, "hv1");
    Ok(())
}

/// `context`: the CD is there, and what a reboot of the host took down is up again.
fn start(vm: &Vm<'_>, host: &Host) -> Result<()> {
    let script = vm.oned.var().join("context.sh");
    warmblock::sys::atomic::write(&script, b"SECRET='of the guest'\n")?;
    host.wb(&["detach", &format!("{}-{}-0", vm.parent.spec, vm.id)])
        .ok()?;
    let line = format!(
        "CONTEXT warmblock {0} {0}:init.sh hv1:DIR/disk.4 IDS",
        path(&script)?
    );
    vm.done(&line)?;
    host.sh(&format!("test -b {}", vm.disk(0)))?;
    let cd = vm.disk(4);
    host.sh(&format!(
        "grep -aq CONTEXT {cd} && grep -aq 'of the guest' {cd} && grep -aqi init.sh {cd}"
    ))?;
    let mode = || Ok::<_, anyhow::Error>(host.sh(&format!("stat -c %a {cd}"))?.text().to_owned());
    same("its mode", mode()?.as_str(), "600")?;
    // One that is too large for a job comes behind it.
    let large = vm.oned.var().join("large.bin");
    let mut content = vec![0; 42 << 20];
    content.extend(b"the end of it");
    warmblock::sys::atomic::write(&large, &content)?;
    let line = line.replacen(" hv1:", &format!(" {} hv1:", path(&large)?), 1);
    vm.done(&line)?;
    host.sh(&format!(
        "grep -aq 'the end of it' {cd} && grep -aq 'of the guest' {cd} && [ $(stat -c %s {cd}) -gt 44040192 ]"
    ))?;
    same("its mode", mode()?.as_str(), "600")?;
    vm.done(&line.replacen(&format!(" {}", path(&large)?), "", 1))
        .map(drop)
}

/// Saved as images: the present one, and that of a snapshot; whole, and nobody's clones.
fn copies(vm: &Vm<'_>, then: &Image, now: &Image) -> Result<()> {
    for (snapshot, model) in [("-1", now), ("0", then)] {
        let copy = format!("one/{}", vm.world.name("saved"));
        let line = format!("CPDS warmblock hv1:DIR/disk.1 {copy} {snapshot} IDS");
        for _ in 0..2 {
            vm.done(&line)?;
        }
        let saved = Image {
            spec: copy.clone(),
            ..model.clone()
        };
        vm.world.check_ceph(&saved)?;
        let info = vm.world.rbd(&["info", "--format", "json", &copy])?.json()?;
        ensure!(info["parent"].is_null(), "{copy} is still a clone");
        vm.world.rbd(&["rm", "--no-progress", &copy])?;
    }
    let left = vm.world.snapshots(&vm.own)?;
    same("snapshots", left, vec!["0".to_owned(), "1".to_owned()])
}

/// Stopped: nowhere, its directory with the checkpoint at the front-end. Then it goes on elsewhere.
fn stop_and_resume(vm: &Vm<'_>, from: &Host, to: &Host) -> Result<()> {
    let checkpoint = vm.dir.join("checkpoint");
    let checkpoint = path(&checkpoint)?;
    from.sh(&format!(
        "dd if=/dev/urandom of={checkpoint} bs=64k count=16 status=none"
    ))?;
    let sum = from.sh(&format!("sha256sum {checkpoint}"))?;
    let all = |from: &str, to: &str| {
        ["/disk.0", "/disk.1", ""]
            .map(|what| format!("MV warmblock {from}:DIR{what} {to}:DIR{what} IDS"))
            .join("\n")
    };
    vm.state(10, from.name);
    for _ in 0..2 {
        vm.done(&all(from.name, &vm.fe))?;
    }
    ensure!(
        Path::new(checkpoint).exists(),
        "the checkpoint is not at the front-end"
    );
    gone(vm, from)?;
    vm.state(9, to.name);
    for _ in 0..2 {
        vm.done(&all(&vm.fe, to.name))?;
    }
    ensure!(!vm.dir.exists(), "the front-end still has the directory");
    let there = to.sh(&format!("sha256sum {checkpoint}"))?;
    same("the checkpoint", there.text(), sum.text())
}
