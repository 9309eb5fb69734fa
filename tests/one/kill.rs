//! Driver actions are killed on their host after each of their steps, and run again as oned would: the same comes of it, and
//! nothing is left in the end.

use anyhow::{Context as _, Result, bail, ensure};

use super::vm::{Vm, datastores, gone};
use crate::case::Case;
use crate::host::Host;
use crate::tests::same;
use crate::world::{Image, KIB, MIB, path};

/// More steps than any action has.
const TOO_MANY: u32 = 120;

/// An action, killed after step n on a host, and run again; whether it came through without being killed.
fn killed(vm: &Vm<'_>, host: &Host, step: u32, lines: &str) -> Result<bool> {
    vm.oned.crash(host.name, Some(step))?;
    let heard = vm.transfer(lines);
    vm.oned.crash(host.name, None)?;
    if heard?.success {
        return Ok(true);
    }
    let again = vm.done(lines);
    again.with_context(|| format!("after a kill at step {step}"))?;
    Ok(false)
}

/// Plays a story with its actions killed after their first step, their second, … until none is killed any more.
pub(super) fn walk(mut story: impl FnMut(u32) -> Result<bool>) -> Result<()> {
    for step in 1..TOO_MANY {
        let told = story(step).with_context(|| format!("killed after step {step}"))?;
        if told {
            ensure!(step > 1, "no step was ever killed");
            return Ok(());
        }
    }
    bail!("it has not come through after {TOO_MANY} steps")
}

/// Disks begin and end.
pub fn begin_and_end(case: &Case) -> Result<()> {
    let (vm, host) = (Vm::new(case, 41)?, case.host());
    let document = vm.document(1, "hv1").replace(
        "</TEMPLATE>",
        "<DISK><DISK_ID>2</DISK_ID><TYPE>fs</TYPE><FS>ext4</FS><SIZE>16</SIZE><WARMBLOCK_DRIVER>none</WARMBLOCK_DRIVER></DISK>\
         </TEMPLATE>",
    );
    vm.oned.vm(41, &document);
    let clone = format!("{}-41-0", vm.parent.spec);
    let (begin, end) = (
        [
            format!("CLONE warmblock FE:{} hv1:DIR/disk.0 IDS", vm.parent.spec),
            format!("LN warmblock FE:{} hv1:DIR/disk.1 IDS", vm.own.spec),
            "MKIMAGE warmblock 16 raw hv1:DIR/disk.2 IDS".to_owned(),
        ],
        [
            "DELETE warmblock hv1:DIR/disk.0 IDS".to_owned(),
            format!("MVDS warmblock hv1:DIR/disk.1 {} IDS", vm.own.spec),
            "DELETE warmblock hv1:DIR/disk.2 IDS\nDELETE warmblock hv1:DIR IDS".to_owned(),
        ],
    );
    walk(|step| {
        let mut through = true;
        for line in &begin {
            through &= killed(&vm, host, step, line)?;
        }
        let as_parent = Image {
            spec: clone.clone(),
            ..vm.parent.clone()
        };
        host.check(&vm.disk(0), &as_parent)?;
        host.write(&vm.disk(1), &vm.own, step.into(), MIB, 64 * KIB)?;
        for line in &end {
            through &= killed(&vm, host, step, line)?;
        }
        gone(&vm, host)?;
        vm.world.check_ceph(&vm.own)?;
        for image in [&clone, "one/one-sys-41-2"] {
            same("info", vm.world.try_rbd(&["info", image])?.code, 2)?;
        }
        Ok(through)
    })?;
    host.check_gone(&vm.own)
}

/// A disk for swapping begins and ends.
pub fn swap(case: &Case) -> Result<()> {
    let (vm, host) = (Vm::new(case, 48)?, case.host());
    let document = vm.document(1, "hv1").replace(
        "</TEMPLATE>",
        "<DISK><DISK_ID>3</DISK_ID><TYPE>swap</TYPE><SIZE>8</SIZE><WARMBLOCK_DRIVER>none</WARMBLOCK_DRIVER></DISK></TEMPLATE>",
    );
    vm.oned.vm(48, &document);
    let signature = "dd if=DISK bs=1 skip=4086 count=10 status=none".replace("DISK", &vm.disk(3));
    walk(|step| {
        let mut through = killed(&vm, host, step, "MKSWAP warmblock 8 hv1:DIR/disk.3 IDS")?;
        same("the signature", host.sh(&signature)?.text(), "SWAPSPACE2")?;
        through &= killed(&vm, host, step, "DELETE warmblock hv1:DIR/disk.3 IDS")?;
        vm.done("DELETE warmblock hv1:DIR IDS")?;
        gone(&vm, host)?;
        let images = vm.world.rbd(&["ls", "one"])?;
        ensure!(!images.stdout.contains("one-sys-48-3"), "{images}");
        Ok(through)
    })
}

/// Snapshots, a copy, and a disk that grows, while somebody has it open.
pub fn changes(case: &Case) -> Result<()> {
    let (vm, host) = (Vm::new(case, 42)?, case.host());
    let (device, own) = (vm.disk(1), &vm.own);
    vm.prolog()?;
    vm.state(3, "hv1");
    let line = |action: &str, rest: &str| format!("{action} warmblock hv1:DIR/disk.1 {rest} IDS");
    let copy = format!("one/{}", vm.world.name("saved"));
    let mut size = 30;
    walk(|step| {
        let seed = u64::from(step) * 2;
        host.write(&device, own, seed, MIB, 64 * KIB)?;
        let mut through = killed(&vm, host, step, &line("SNAP_CREATE", "0"))?;
        let then = vm.world.kept(own)?;
        host.write(&device, own, seed + 1, 2 * MIB, 64 * KIB)?;
        through &= killed(&vm, host, step, &line("CPDS", &format!("{copy} -1")))?;
        vm.world.check_ceph(&Image {
            spec: copy.clone(),
            ..own.clone()
        })?;
        vm.world.rbd(&["rm", "--no-progress", &copy])?;
        through &= killed(&vm, host, step, &line("SNAP_REVERT", "0"))?;
        host.check(&device, &then)?;
        std::fs::copy(&then.model, &own.model)?;
        through &= killed(&vm, host, step, &line("SNAP_DELETE", "0"))?;
        same("snapshots", vm.world.snapshots(own)?, Vec::<String>::new())?;
        // The clone grows under a guest.
        let clone = vm.disk(0);
        let guest = host.spawn(&format!(
            "exec 3<{clone}; until [ -e /lab/grown.{step} ]; do sleep 0.1; done"
        ))?;
        size += 1;
        vm.state(62, "hv1");
        let grow = format!("RESIZE warmblock hv1:DIR/disk.0 {size} IDS");
        through &= killed(&vm, host, step, &grow)?;
        let now = host.sh(&format!("blockdev --getsize64 {clone}"))?;
        same("the size", now.text(), (size * MIB).to_string().as_str())?;
        host.sh(&format!("touch /lab/grown.{step}"))?;
        guest.wait(std::time::Duration::from_secs(60))?.ok()?;
        vm.state(3, "hv1");
        Ok(through)
    })?;
    host.sh("rm -f /lab/grown.*")?;
    vm.epilog(host)?;
    gone(&vm, host)?;
    host.check_gone(own)
}

/// Stop and resume on the same host, and the start before that.
pub fn moves(case: &Case) -> Result<()> {
    let (vm, host) = (Vm::new(case, 43)?, case.host());
    let (device, own) = (vm.disk(1), &vm.own);
    vm.prolog()?;
    let context = vm.oned.var().join("context.sh");
    warmblock::sys::atomic::write(&context, b"A='b'\n")?;
    let context = format!("CONTEXT warmblock {} hv1:DIR/disk.4 IDS", path(&context)?);
    walk(|step| {
        let mut through = killed(&vm, host, step, &context)?;
        host.write(&device, own, step.into(), MIB, 64 * KIB)?;
        vm.state(10, "hv1");
        for what in ["/disk.0", "/disk.1", ""] {
            through &= killed(
                &vm,
                host,
                step,
                &format!("MV warmblock hv1:DIR{what} FE:DIR{what} IDS"),
            )?;
        }
        gone(&vm, host)?;
        vm.world.check_ceph(own)?;
        vm.state(9, "hv1");
        for what in ["/disk.0", "/disk.1", ""] {
            through &= killed(
                &vm,
                host,
                step,
                &format!("MV warmblock FE:DIR{what} hv1:DIR{what} IDS"),
            )?;
        }
        host.check(&device, own)?;
        Ok(through)
    })?;
    vm.epilog(host)?;
    gone(&vm, host)?;
    host.check_gone(own)
}

/// oned cancels: it goes on with `delete` while the clone still runs. And it listens no more: nothing is left half done.
pub fn cancelled(case: &Case) -> Result<()> {
    let (vm, host) = (Vm::new(case, 44)?, case.host());
    let clone = format!("CLONE warmblock FE:{} hv1:DIR/disk.0 IDS", vm.parent.spec);
    let delete = "DELETE warmblock hv1:DIR/disk.0 IDS";
    for round in 0..4 {
        vm.state(1, "hv1");
        std::thread::scope(|scope| -> Result<()> {
            let cloning = scope.spawn(|| vm.transfer(&clone));
            // Each time it has got further.
            let begun = || Ok(vm.oned.connections().len() > round * 2);
            crate::cmd::eventually("the clone to begin", 60, begun)?;
            let pause = host.sh(&format!("sleep 0.{}", round * 3));
            pause?;
            // Whichever comes first: neither does the other harm. A clone that finds its image gone may say so; one that is made
            // after all finds that nobody wants it, for oned does not say it again.
            vm.state(23, "hv1");
            let deleted = vm.transfer(delete)?;
            let cloned = cloning
                .join()
                .map_err(|_| anyhow::anyhow!("it panicked"))??;
            ensure!(
                deleted.success || deleted.info.contains("disk"),
                "{deleted:?}, {cloned:?}"
            );
            Ok(())
        })?;
        vm.done("DELETE warmblock hv1:DIR IDS")?;
        gone(&vm, host)?;
        same(
            "info",
            vm.world
                .try_rbd(&["info", &format!("{}-44-0", vm.parent.spec)])?
                .code,
            2,
        )?;
    }
    vm.state(1, "hv1");
    unheard(&vm, host, &clone)?;
    vm.done(delete)?;
    vm.done("DELETE warmblock hv1:DIR IDS")?;
    gone(&vm, host)?;
    match std::fs::remove_dir_all(datastores(vm.world)?) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Nobody reads what it says, on either stream: it is done all the same.
fn unheard(vm: &Vm<'_>, host: &Host, clone: &str) -> Result<()> {
    let words = clone
        .replace("CLONE warmblock", "clone")
        .replace("DIR", path(&vm.dir)?)
        .replace("FE:", &format!("{}:", vm.fe))
        .replace("IDS", "44 101");
    let program = path(&vm.world.file("warmblock"))?.to_owned();
    let line = format!("{program} one tm {words} 2>&1 >&- | :; exit ${{PIPESTATUS[0]}}");
    let out = vm.oned.run(&["bash", "-c", &line], "")?.ok()?;
    same("what is heard", out.stdout.as_str(), "")?;
    let spec = format!("{}-44-0", vm.parent.spec);
    host.check(
        &vm.disk(0),
        &Image {
            spec,
            ..vm.parent.clone()
        },
    )
}
