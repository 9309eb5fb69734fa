//! The front-end's process is killed at once, as by the kernel that lacks memory, before each of an action's connections. What it
//! had asked a host for goes on there, or is lost with it. The action is called again, as oned does it, and nothing is left.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use warmblock::sys::atomic;

use super::kill::walk;
use super::signal::start;
use super::vm::{Vm, datastores, gone};
use crate::case::Case;
use crate::cmd::{self, eventually};
use crate::host::Host;
use crate::tests::same;
use crate::world::{KIB, MIB, path};

const PATIENCE: Duration = Duration::from_secs(300);

/// What is in the pool of a VM's images, and what the parent of its clones has.
#[derive(Debug, PartialEq, Eq)]
struct Pool {
    images: BTreeSet<String>,
    trash: BTreeSet<String>,
    snapshots: Vec<String>,
}

impl Pool {
    fn of(vm: &Vm<'_>) -> Result<Self> {
        let names = [&vm.parent, &vm.own].map(|image| image.spec.trim_start_matches("one/"));
        let of_the_vm = |list: &[&str]| -> Result<BTreeSet<String>> {
            let list = vm.world.rbd(list)?;
            let lines = list.stdout.lines();
            let its = lines.filter(|line| names.iter().any(|name| line.contains(name)));
            Ok(its.map(str::to_owned).collect())
        };
        Ok(Self {
            images: of_the_vm(&["ls", "one"])?,
            trash: of_the_vm(&["trash", "ls", "--all", "one"])?,
            snapshots: vm.world.snapshots(&vm.parent)?,
        })
    }
}

/// A VM whose actions are killed before a connection of theirs.
struct Front<'c> {
    vm: &'c Vm<'c>,
    hosts: [&'c Host; 2],
    point: u32,
    /// Whether what a host is being asked for comes there all the same.
    goes: bool,
}

/// One life after the other, each killed one connection later.
pub fn killed(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 77)?;
    let hosts = [case.host(), case.other()];
    vm.prolog()?;
    vm.epilog(hosts[0])?;
    hosts[0].sh("rm -rf /run/links")?;
    let before = Pool::of(&vm)?;
    walk(|point| {
        let front = Front {
            vm: &vm,
            hosts,
            point,
            goes: !point.is_multiple_of(2),
        };
        let through = front.life()?;
        front.nothing_is_left(&before)?;
        Ok(through)
    })
}

impl Front<'_> {
    /// Calls an action, kills it, and calls it again; whether it came through before.
    fn action(&self, line: &str, stdin: &str) -> Result<bool> {
        let (oned, vm) = (&self.vm.oned, self.vm);
        let line = line
            .replace("DIR", path(&vm.dir)?)
            .replace("VAR", path(&oned.var())?)
            .replace("FE:", &format!("{}:", vm.fe));
        let line = format!("tm {line} {} 101", vm.id);
        // These have the arguments of every migration.
        let words: Vec<&str> = line.split_whitespace().collect();
        let killed = self.killed(&words, stdin).context(line.clone())?;
        if killed {
            if line.contains("migrate") || !line.contains("/disk.") {
                // Files of one directory are not brought by two.
                self.at_rest()?;
            }
            let out = oned.call(&words, stdin)?.ok();
            out.with_context(|| format!("after a kill at connection {}", self.point))?;
        }
        Ok(!killed)
    }

    /// Whether it had a connection to be killed at.
    fn killed(&self, words: &[&str], stdin: &str) -> Result<bool> {
        let oned = &self.vm.oned;
        oned.hold(self.point)?;
        let (running, leader) = start(oned, words, stdin)?;
        eventually("its end, or its connection", 300, || {
            Ok(oned.is_held() || !running.is_running()?)
        })?;
        let held = oned.is_held();
        if held {
            cmd::run(&["kill", "-KILL", &leader], PATIENCE)?.ok()?;
        }
        let out = running.wait(PATIENCE)?;
        oned.let_go(self.goes)?;
        if held {
            ensure!(out.code != 0, "it outlived SIGKILL: {out}");
        } else {
            out.ok()?;
        }
        Ok(held)
    }

    /// No job is at work on a host.
    fn at_rest(&self) -> Result<()> {
        self.hosts.iter().try_for_each(|host| {
            eventually("the hosts' jobs to end", 120, || {
                Ok(host.try_sh("pgrep -x 'warmblock|tar'")?.code != 0)
            })
        })
    }

    fn migration(&self, action: &str) -> Result<bool> {
        let document = STANDARD.encode(self.vm.document(3, "hv2"));
        self.action(&format!("{action} hv1 hv2 DIR"), &document)
    }

    /// Each action of a VM's life; whether every one of them came through.
    fn life(&self) -> Result<bool> {
        let (vm, own, [hv1, hv2]) = (self.vm, &self.vm.own, self.hosts);
        let device = vm.disk(1);
        let mut through = true;
        let mut all = |lines: &[&str]| -> Result<()> {
            for line in lines {
                through &= self.action(line, "")?;
            }
            Ok(())
        };
        vm.state(1, "hv1");
        atomic::write(&vm.oned.var().join("context.sh"), b"A='b'\n")?;
        all(&[
            &format!("clone FE:{} hv1:DIR/disk.0", vm.parent.spec),
            &format!("ln FE:{} hv1:DIR/disk.1", own.spec),
            "context VAR/context.sh hv1:DIR/disk.4",
        ])?;
        hv1.check(&vm.disk(0), &vm.parent)?;
        vm.state(3, "hv1");
        let seed = u64::from(self.point) * 4;
        hv1.write(&device, own, seed, MIB, 64 * KIB)?;
        all(&["snap_create hv1:DIR/disk.1 0"])?;
        let then = vm.world.kept(own)?;
        hv1.write(&device, own, seed + 1, 2 * MIB, 64 * KIB)?;
        all(&["snap_revert hv1:DIR/disk.1 0"])?;
        hv1.check(&device, &then)?;
        std::fs::copy(&then.model, &own.model)?;
        all(&["snap_delete hv1:DIR/disk.1 0"])?;
        vm.state(62, "hv1");
        all(&["resize hv1:DIR/disk.0 32"])?;
        let size = hv1.sh(&format!("blockdev --getsize64 {}", vm.disk(0)))?;
        same("the size", size.text(), (32 * MIB).to_string().as_str())?;
        hv1.write(&device, own, seed + 2, 3 * MIB, 64 * KIB)?;
        let mut migrated = true;
        for action in ["premigrate", "failmigrate", "premigrate", "postmigrate"] {
            migrated &= self.migration(action)?;
            let serving = if action == "postmigrate" { hv2 } else { hv1 };
            serving.check(&device, own)?;
        }
        gone(vm, hv1)?;
        hv2.write(&device, own, seed + 3, 4 * MIB, 64 * KIB)?;
        vm.state(10, "hv2");
        all(&[
            "mv hv2:DIR/disk.0 FE:DIR/disk.0",
            "mv hv2:DIR/disk.1 FE:DIR/disk.1",
            "mv hv2:DIR FE:DIR",
        ])?;
        gone(vm, hv2)?;
        vm.world.check_ceph(own)?;
        vm.state(9, "hv1");
        all(&[
            "mv FE:DIR/disk.0 hv1:DIR/disk.0",
            "mv FE:DIR/disk.1 hv1:DIR/disk.1",
            "mv FE:DIR hv1:DIR",
        ])?;
        hv1.check(&device, own)?;
        hv1.sh(&format!("grep -q CD001 {}", vm.disk(4)))?;
        vm.state(11, "hv1");
        all(&[
            "delete hv1:DIR/disk.0",
            &format!("mvds hv1:DIR/disk.1 {}", own.spec),
            "delete hv1:DIR",
        ])?;
        Ok(through && migrated)
    }

    /// On the hosts, in Ceph, and on the front-end.
    fn nothing_is_left(&self, before: &Pool) -> Result<()> {
        let vm = self.vm;
        self.at_rest()?;
        for host in self.hosts {
            gone(vm, host)?;
            host.check_gone(&vm.own)?;
        }
        same("the pool", &Pool::of(vm)?, before)?;
        let running = cmd::run(&["pgrep", "-af", path(&vm.oned.var())?], PATIENCE)?;
        same("processes", running.text(), "")?;
        ensure!(!vm.dir.exists(), "the front-end has the VM's directory");
        let staged = std::fs::read_dir(vm.oned.staging())?;
        let staged: Vec<_> = staged.flatten().map(|entry| entry.path()).collect();
        ensure!(staged.is_empty(), "temporary files: {staged:?}");
        match std::fs::remove_dir_all(datastores(vm.world)?) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}
