//! oned gives up an action (contract, 1.3): it sends SIGTERM to its process group, or listens no more. Ceph stands still meanwhile, so
//! that the action is at work for certain.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use warmblock::sys::atomic;

use super::oned::Oned;
use super::vm::{Vm, gone};
use crate::case::Case;
use crate::cmd::{self, Running, eventually};
use crate::host::Host;
use crate::tests::same;
use crate::world::{Image, KIB, MIB, SMALL, World, path};

const PATIENCE: Duration = Duration::from_secs(120);

/// Ceph stands still until it is dropped.
struct Still<'w>(&'w World);

impl<'w> Still<'w> {
    fn stands(world: &'w World) -> Result<Self> {
        world.lab(&["ceph", "pause", "all-osds"])?.ok()?;
        Ok(Self(world))
    }

    fn goes_on(self) -> Result<()> {
        self.0.lab(&["ceph", "resume", "all-osds"])?.ok().map(drop)
    }
}

impl Drop for Still<'_> {
    /// The test has failed already if this does.
    fn drop(&mut self) {
        let _tried = self.0.lab(&["ceph", "resume", "all-osds"]);
    }
}

/// A job is at work on a host; or none is any more.
fn at_work(host: &Host, yes: bool) -> Result<()> {
    let what = format!("a job on {}: {yes}", host.name);
    eventually(&what, 60, || {
        Ok((host.try_sh("pgrep -x warmblock")?.code == 0) == yes)
    })
}

/// Starts an action as the leader of a process group; its number, which is that of the process.
pub(super) fn start(oned: &Oned, words: &[&str], stdin: &str) -> Result<(Running, String)> {
    let leader = oned.var().join("leader");
    atomic::remove(&leader)?;
    let line = format!(
        "echo $$ >{0}.new && mv {0}.new {0} && exec \"$@\"",
        path(&leader)?
    );
    let program = oned.var().join("bin/warmblock");
    let staging = format!("TMPDIR={}", path(&oned.staging())?);
    let argv = [
        "env",
        &staging,
        "setsid",
        "--wait",
        "sh",
        "-c",
        &line,
        "sh",
        path(&program)?,
        "one",
    ];
    let running = oned.begin(&[&argv, words].concat(), stdin)?;
    eventually("the action to begin", 60, || Ok(leader.exists()))?;
    Ok((running, std::fs::read_to_string(&leader)?.trim().to_owned()))
}

/// It is asked to stop while it works, and says so in one plain line.
fn stopped(oned: &Oned, host: &Host, words: &[&str], stdin: &str) -> Result<()> {
    let still = Still::stands(&host.world)?;
    let (running, leader) = start(oned, words, stdin)?;
    at_work(host, true)?;
    let group = format!("-{leader}");
    cmd::run(&["kill", "-TERM", "--", &group], PATIENCE)?.ok()?;
    let out = running.wait(PATIENCE)?;
    still.goes_on()?;
    ensure!((1..=125).contains(&out.code), "{out}");
    same("stdout", out.stdout.as_str(), "")?;
    same("lines for the user", out.stderr.lines().count(), 1)?;
    ensure!(out.stderr.starts_with("stopped on request"), "{out}");
    Ok(())
}

/// Nobody reads what it says from the middle of its work on.
fn unheard(vm: &Vm<'_>, host: &Host, words: &[&str]) -> Result<()> {
    const LINE: &str = "cd \"$1\" && shift && rm -f out err go closed && mkfifo out err && { \"$@\" >out 2>err & } && \
        exec 3<out 4<err && until [ -e go ]; do sleep 0.1; done; exec 3<&- 4<&-; touch closed; wait $!";
    let (var, program) = (vm.oned.var(), vm.oned.var().join("bin/warmblock"));
    let argv = [
        "bash",
        "-c",
        LINE,
        "bash",
        path(&var)?,
        path(&program)?,
        "one",
    ];
    let still = Still::stands(vm.world)?;
    let running = vm.oned.begin(&[&argv, words].concat(), "")?;
    at_work(host, true)?;
    atomic::write(&var.join("go"), b"")?;
    eventually("the pipes to be closed", 60, || {
        Ok(var.join("closed").exists())
    })?;
    still.goes_on()?;
    running.wait(PATIENCE)?.ok().map(drop)
}

pub fn asked_to_stop(case: &Case) -> Result<()> {
    let (vm, host) = (Vm::new(case, 46)?, case.host());
    let (dir, own) = (path(&vm.dir)?.to_owned(), &vm.own);
    let disk = |number: u32| format!("hv1:{dir}/disk.{number}");
    let clone = [
        "tm",
        "clone",
        &format!("fe:{}", vm.parent.spec),
        &disk(0),
        "46",
        "101",
    ]
    .map(str::to_owned);
    let again = |words: &[String], state: u32| -> Result<()> {
        vm.state(state, "hv1");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        stopped(&vm.oned, host, &words, "").with_context(|| words.join(" "))?;
        vm.oned.call(&words, "")?.ok().map(drop)
    };
    again(&clone, 1)?;
    let spec = format!("{}-46-0", vm.parent.spec);
    let cloned = Image {
        spec: spec.clone(),
        ..vm.parent.clone()
    };
    host.check(&vm.disk(0), &cloned)?;
    vm.done(&format!("LN warmblock FE:{} hv1:DIR/disk.1 IDS", own.spec))?;
    host.write(&vm.disk(1), own, 1, MIB, 64 * KIB)?;
    let snapshot = ["tm", "snap_create", &disk(1), "0", "46", "101"].map(str::to_owned);
    again(&snapshot, 51)?;
    let then = vm.world.kept(own)?;
    host.write(&vm.disk(1), own, 2, 2 * MIB, 64 * KIB)?;
    let revert = ["tm", "snap_revert", &disk(1), "0", "46", "101"].map(str::to_owned);
    again(&revert, 52)?;
    host.check(&vm.disk(1), &then)?;
    vm.done("SNAP_DELETE warmblock hv1:DIR/disk.1 0 IDS")?;
    let grown = ["tm", "resize", &disk(0), "40", "46", "101"].map(str::to_owned);
    again(&grown, 63)?;
    let size = host.sh(&format!("blockdev --getsize64 {}", vm.disk(0)))?;
    same("the size", size.text(), (40 * MIB).to_string().as_str())?;
    volatile(&vm, host)?;
    called_off(&vm, host, case.other(), &then)?;
    // What is stopped goes on elsewhere: nothing of it stays.
    let away = [
        "tm",
        "mv",
        &disk(1),
        &format!("{}:{dir}/disk.1", vm.fe),
        "46",
        "101",
    ]
    .map(str::to_owned);
    again(&away, 10)?;
    vm.world.check_ceph(&then)?;
    // The clone is made anew while nobody listens.
    vm.state(11, "hv1");
    vm.done("DELETE warmblock hv1:DIR/disk.0 IDS")?;
    same("info", vm.world.try_rbd(&["info", &spec])?.code, 2)?;
    vm.state(1, "hv1");
    let words: Vec<&str> = clone.iter().map(String::as_str).collect();
    unheard(&vm, host, &words)?;
    host.check(&vm.disk(0), &cloned)?;
    vm.epilog(host)?;
    gone(&vm, host)?;
    host.check_gone(&then)?;
    imported(&vm, host)
}

/// A disk that is made for the VM, and formatted: what the stopped call began is waited for, or its remains are replaced.
fn volatile(vm: &Vm<'_>, host: &Host) -> Result<()> {
    let document = vm.document(1, "hv1").replace(
        "</TEMPLATE>",
        "<DISK><DISK_ID>2</DISK_ID><TYPE>fs</TYPE><FS>ext4</FS><SIZE>16</SIZE><WARMBLOCK_DRIVER>none</WARMBLOCK_DRIVER></DISK>\
         </TEMPLATE>",
    );
    vm.oned.vm(46, &document);
    let place = format!("hv1:{}", vm.disk(2));
    let words = ["tm", "mkimage", "16", "raw", &place, "46", "101"];
    stopped(&vm.oned, host, &words, "")?;
    vm.oned.call(&words, "")?.ok()?;
    host.sh(&format!("e2fsck -fn {}", vm.disk(2)))?;
    vm.done("DELETE warmblock hv1:DIR/disk.2 IDS").map(drop)
}

/// A migration that is stopped half way: what it began is undone by the call that follows, or gone on with.
fn called_off(vm: &Vm<'_>, from: &Host, to: &Host, own: &Image) -> Result<()> {
    let dir = path(&vm.dir)?.to_owned();
    let words = ["tm", "premigrate", from.name, to.name, &dir, "46", "101"];
    let device = vm.disk(1);
    from.write(&device, own, 3, 3 * MIB, 64 * KIB)?;
    stopped(&vm.oned, from, &words, &vm.given(3, to.name))?;
    vm.migrated("premigrate", from, to)?;
    to.check(&device, own)?;
    vm.migrated("failmigrate", from, to)?;
    stopped(&vm.oned, from, &words, &vm.given(3, to.name))?;
    vm.migrated("failmigrate", from, to)?;
    gone(vm, to)?;
    from.check(&device, own)
}

/// An import that is cut leaves nothing, and the same one comes through.
fn imported(vm: &Vm<'_>, host: &Host) -> Result<()> {
    use base64::Engine as _;
    let (world, golden) = (vm.world, vm.world.file(SMALL.name));
    let document = |image: &str| {
        let text = format!(
            "<DS_DRIVER_ACTION_DATA><IMAGE><ID>9046</ID>{image}</IMAGE><DATASTORE><ID>101</ID><TEMPLATE><POOL_NAME>one</POOL_NAME>\
             <BRIDGE_LIST>hv1</BRIDGE_LIST><SAFE_DIRS>{}</SAFE_DIRS></TEMPLATE></DATASTORE></DS_DRIVER_ACTION_DATA>",
            world.file("").display()
        );
        base64::engine::general_purpose::STANDARD.encode(text)
    };
    let cp = document(&format!("<PATH>{}</PATH>", path(&golden)?));
    let words = ["ds", "cp", "9046"];
    stopped(&vm.oned, host, &words, &cp)?;
    // What was sent is thrown away, or was complete.
    at_work(host, false)?;
    let out = vm.oned.call(&words, &cp)?.ok()?;
    same("stdout", out.stdout.as_str(), "one/one-9046 raw\n")?;
    world.check_ceph(&Image {
        spec: "one/one-9046".into(),
        model: golden,
        size: SMALL.size,
    })?;
    let rm = document("<SOURCE>one/one-9046</SOURCE>");
    vm.oned.call(&["ds", "rm", "9046"], &rm)?.ok()?;
    let left = world.rbd(&["ls", "one"])?;
    ensure!(!left.stdout.contains("one-9046"), "{left}");
    Ok(())
}
